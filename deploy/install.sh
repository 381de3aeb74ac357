#!/bin/sh
# Installs Homerule on a camera computer, or updates it to this version. As root, from a checkout or from the folder of
# the Debian package (/usr/share/homerule):
#   deploy/install.sh               installs or updates; a version that fails its self-test is not switched to, and one
#                                   that does not become ready afterwards is taken back, with audit log and units
#   deploy/install.sh --check       only says whether this computer fits; changes nothing
#   deploy/install.sh --uninstall   takes the program away; device.toml, keys, policy and audit log stay
# Files that people wrote are never written over, and running it twice changes nothing.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$here"
. "$here/deploy/setup"

home=/opt/homerule
etc=/etc/homerule
units=/etc/systemd/system
need_megabytes=1200
patience=300 # seconds for a daemon to become ready

run() { say "$1"; shift; "$@"; }

# field NAME: one value of os-release
field() { sed -n "s/^$1=//p" "${HOMERULE_OS_RELEASE:-/etc/os-release}" | tr -d '"' | head -n 1; }

check_system() {
    name=$(field PRETTY_NAME) version=$(field VERSION_ID)
    case $(field ID) in
        debian) least=12 ;;
        ubuntu) least=24.04 ;; # JetPack 7 is one
        *) fail "this is ${name:-an unknown system}; Homerule is installed on Debian 12, Raspberry Pi OS 12 (64-bit)," \
            'Ubuntu 24.04, JetPack 7 and later' ;;
    esac
    dpkg --compare-versions "${version:-0}" ge $least ||
        fail "this is $name; version $least or later is needed, upgrade the system (a Jetson: to JetPack 7)"
    case $(dpkg --print-architecture) in
        amd64 | arm64) ;;
        *) fail "this system's programs are for $(dpkg --print-architecture), the models need a 64-bit system:" \
            'put the 64-bit image of the same system on the card' ;;
    esac
}

check_python() {
    find_python && return 0
    [ "$1" = quietly ] && return 1
    fail "no Python from 3.11 to 3.13 with venv here (python3 is: $(python3 -V 2>&1 || true)), as root:" \
        'apt-get install python3 python3-venv'
}

check_room() {
    free=$(df -Pm "$(dirname $home)" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge $need_megabytes ] ||
        fail "$(dirname $home) has $free MB free, $need_megabytes are needed: free some, or use a larger card"
}

has_systemd() { [ -d /run/systemd/system ]; }

packages() { # of a checkout; those of the Debian package are there already
    [ -d wheels ] && return 0
    missing=
    check_python quietly || missing="$missing python3 python3-venv"
    command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
    [ -z "$missing" ] && return 0
    # shellcheck disable=SC2086 - several words
    get $missing || fail "these packages are missing:$missing; as root: apt-get install$missing"
    # the package starts a broker of its own, which lets anybody in on this computer
    case $missing in *mosquitto*) if has_systemd; then systemctl disable --now mosquitto >/dev/null 2>&1 || true; fi ;; esac
}

accounts() {
    getent group homerule >/dev/null || run 'group homerule: who may read the status' groupadd --system homerule
    getent group homerule-clerk >/dev/null ||
        run 'group homerule-clerk: who may tighten the policy' groupadd --system homerule-clerk
    getent passwd homerule >/dev/null || run 'user homerule: runs the daemon' useradd --system --gid homerule \
        --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin homerule
}

# release: the program in a folder of its own, named after version, packages and Python; sets $release
release() {
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' edge/__init__.py 2>/dev/null || cat version)
    mark=$({ find edge models/*.onnx models/manifest.toml wheels deploy/requirements.txt pyproject.toml systemd -type f \
        ! -path '*__pycache__*' 2>/dev/null | LC_ALL=C sort | xargs sha256sum; "$python" -V; } | sha256sum | cut -c1-12)
    release=$home/releases/$version-$mark
    [ -e "$release/complete" ] && return 0
    check_room
    say "putting version $version into $release (a few minutes)"
    rm -rf "$release"
    install -d -m 755 "$home" "$home/releases"
    (umask 022 && fill "$release") ||
        { rm -rf "$release"; fail "version $version could not be installed, see above; nothing was changed"; }
    if "$release/bin/homerule" check; then :; else
        rm -rf "$release.failed"
        mv "$release" "$release.failed"
        fail "version $version does not pass its self-test, see above; what ran before runs on," \
            "the new one is kept for a look in $release.failed"
    fi
    sync -f "$release" # a power cut after this leaves it whole
    touch "$release/complete"
}

fill() { # FOLDER: with a virtual environment that holds the program and the packages of the lock, and its units
    "$python" -m venv "$1" && cp -r systemd "$1" || return 1
    pip="$1/bin/python -m pip --disable-pip-version-check --no-cache-dir -qq"
    if [ -d wheels ]; then # nothing but what the Debian package carries
        pip="$pip --isolated"
        $pip install --no-index --find-links wheels --require-hashes --only-binary :all: -r deploy/requirements.txt &&
            $pip install --no-index --no-deps wheels/homerule-*.whl
    else
        $pip install --require-hashes --only-binary :all: -r deploy/requirements.txt &&
            wheel && $pip install --no-deps "$built"/wheel/*.whl && rm -rf "$built"
    fi
}

files() {
    install -d -m 755 "$etc"
    install -d -m 2775 -g homerule-clerk "$etc/policy" # the clerk's folder
    if [ ! -e "$etc/device.toml" ]; then
        id=$(hostname | tr '[:upper:]' '[:lower:]' | tr -c 'a-z0-9\n' '-' | cut -c1-57)
        sed "s/^id     = \"[^\"]*\" /id     = \"$id\" /" deploy/examples/device.toml > "$etc/.device.toml.new"
        chmod 644 "$etc/.device.toml.new"
        mv "$etc/.device.toml.new" "$etc/device.toml"
        say "$etc/device.toml: an example, to be filled in"
        fresh=1
    fi
    [ -e "$etc/device.key" ] || run "$etc/device.key: the device's own key" \
        "$release/bin/homerule" keygen "$etc/device.key" --kind signing
    points /usr/local/bin/homerule $home/current/bin/homerule
}

# own_units: those of $release, and none that only another release has; what police IT put beside them stays
own_units() {
    for unit in $(cd "$release/systemd" && find * -type f); do
        cmp -s "$release/systemd/$unit" "$units/$unit" || install -D -m 644 "$release/systemd/$unit" "$units/$unit"
    done
    for unit in $(cd $home/releases && find */systemd -type f | cut -d/ -f3- | sort -u); do
        [ -e "$release/systemd/$unit" ] || [ ! -e "$units/$unit" ] || run "$unit: not of this version" drop_unit "$unit"
    done
}

drop_unit() { # FILE: a unit or a drop-in
    if has_systemd; then systemctl disable --now --quiet "$1" 2>/dev/null || true; fi
    rm -f "$units/$1" "$units/$1.d/device.conf"
    rmdir "$units/$1.d" "$(dirname "$units/$1")" 2>/dev/null || true # unless there is more in them
}

points() { # LINK TARGET: by one rename, so that there is one at any moment
    [ "$(readlink "$1" || true)" = "$2" ] && return 0
    install -d -m 755 "${1%/*}"
    ln -sfn "$2" "$1.new"
    mv -T "$1.new" "$1"
}

# drop_ins: what systemd must open for this device's cameras, broker and folders; the old ones stay when device.toml is
# wrong
drop_ins() {
    drop_in homerule.service && drop_in homerule_decoder@.service --decoder &&
        drop_in homerule-purge.service --timers && drop_in homerule-checkpoint.service --timers
}

drop_in() { # SERVICE [OPTION]
    install -d -m 755 "$units/$1.d"
    opened=$("$release/bin/homerule" unit --config "$etc/device.toml" ${2:-}) || return 1
    [ "$opened" = "$(cat "$units/$1.d/device.conf" 2>/dev/null)" ] && return 0
    echo "$opened" > "$units/$1.d/.device.new"
    chmod 644 "$units/$1.d/.device.new"
    mv "$units/$1.d/.device.new" "$units/$1.d/device.conf"
}

switch() {
    before=$(readlink $home/current || true)
    [ "$before" = "$release" ] && return 0
    points $home/current "$release"
    say "$home/current is ${release##*/} now"
}

start() {
    has_systemd || { say 'systemd does not run here: nothing is started'; return 0; }
    if [ -n "$fresh" ]; then
        wake
        say "not started yet: write $etc/device.toml, put the city's folder and pin in their places, then: $0 once more"
        return 0
    fi
    drop_ins || fail "$etc/device.toml must be mended first, then: $0 once more"
    if wake; then
        [ "$before" = "$release" ] && systemctl --quiet is-active homerule && return 0
        say 'starting the daemon: its self-test, then the rights at the broker'
        ready && { say 'it runs'; return 0; }
    fi
    journalctl -u homerule -n 15 --no-pager >&2 || true
    take_back
}

wake() { # systemd reads the units, and starts all but the daemon
    helpers=$(cd "$release/systemd" && echo *.timer *.socket)
    # shellcheck disable=SC2086 - several words
    systemctl daemon-reload && systemctl enable --quiet homerule.service $helpers && systemctl start $helpers
}

ready() { # restarts the daemon; a broker that is away is not the new version's fault, it is waited for
    timeout $patience systemctl restart homerule && return 0
    [ "$(systemctl show -p StatusText --value homerule)" = 'waits for the broker' ] &&
        say 'the daemon waits for the broker, see `homerule status`'
}

# take_back: to the version before and its units. It gets the audit log in the shape that it can read, with every entry
# that the new version has written: a copy from before the update would be a log that forks, and is refused
take_back() {
    case $before in '' | "$release") fail 'the daemon does not become ready, see above' ;; esac
    systemctl stop homerule
    knows=$("$before/bin/homerule" ledger shape)
    runuser -u homerule -- "$release/bin/homerule" ledger take-back "$knows" --config "$etc/device.toml" ||
        fail 'the new version does not become ready, and the one before cannot read the audit log as it is now;' \
            'nothing is shared until this is mended, see above'
    points $home/current "$before"
    release=$before
    own_units
    drop_ins || true # what cannot be made anew stays as it is
    wake || true # the daemon is what counts
    ready || fail "neither the new version nor ${before##*/} becomes ready, see above"
    fail "the new version does not become ready, see above; ${before##*/} runs again"
}

tidy() { # this release and the one before stay
    for old in "$home"/releases/*; do
        case $old in "$release" | "$before" | *.failed) ;; *) rm -rf "$old" ;; esac
    done
}

uninstall() { # root's files outside $etc
    if has_systemd; then
        # shellcheck disable=SC2046 - several words
        systemctl disable --now --quiet homerule.service $(cd $units && echo homerule*.timer homerule*.socket) || true
    fi 2>/dev/null
    rm -rf $units/homerule.service $units/homerule.service.d $units/homerule-* $units/homerule_*
    if has_systemd; then systemctl daemon-reload; fi
    [ "$(readlink /usr/local/bin/homerule || true)" != $home/current/bin/homerule ] || rm /usr/local/bin/homerule
    rm -rf $home
    say "the program is gone. Left as they are: $etc (device.toml, keys, policy) and /var/lib/homerule (the audit log)," \
        'the user homerule, to whom they belong, and the group homerule-clerk'
}

[ "$(id -u)" = 0 ] || fail "must be run as root: sudo $0"
fresh=
case ${1:-} in
    '')
        check_system
        packages
        check_python aloud
        accounts
        release
        files
        own_units
        switch
        start
        tidy
        say "done: $(/usr/local/bin/homerule --version)"
        ;;
    --check)
        check_system
        check_python aloud
        check_room
        say "this computer fits: $(field PRETTY_NAME), $(dpkg --print-architecture), $("$python" -V)"
        ;;
    --uninstall) uninstall ;;
    *) say "unknown: $1; see the head of $0"; exit 2 ;;
esac
