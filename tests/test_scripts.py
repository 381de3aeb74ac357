"""The scripts a newcomer types: what they refuse, what they leave alone, and locks that fit the project.

Most runs use a copy of the scripts and a stand-in for Python, so that nothing is installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
LOCKS = ("requirements.txt", "requirements-demo.txt", "requirements-test.txt")
PACKAGED = ("debian/postinst", "debian/prerm", "debian/postrm")
EVERY_LOCK = (*LOCKS, "requirements-build.txt")
SIDE_BY_SIDE = "--numprocesses 2 --dist loadfile --no-loadscope-reorder"
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ]+) \\$", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts need of a checkout, and a `bin` that stands before everything else on the PATH."""
    folder = tmp_path / "a checkout"
    shutil.copytree(DEPLOY, folder / "deploy", ignore=shutil.ignore_patterns("examples", "images"))
    (folder / "edge").mkdir()
    shutil.copy(ROOT / "edge" / "__init__.py", folder / "edge")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "bin").mkdir()
    return folder


def stand_in(checkout: Path, name: str, script: str) -> None:
    """Puts a program of that name first on the PATH."""
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(checkout: Path, script: str, *words: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", f"deploy/{script}", *words],
        cwd=checkout,
        env={"PATH": f"{checkout}/bin:{path}", "HOME": str(checkout)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def without_apt(checkout: Path) -> str:
    """A PATH on which there is a shell and its tools, but no apt-get, sudo or Python."""
    tools = checkout / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "id", "cat", "sha256sum", "cut", "basename", "mktemp", "rm", "grep", "tail", "env"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    return str(tools)


def fake_venv(checkout: Path, *, python: str = "exit 0") -> Path:
    """A .venv of this checkout whose `python` writes down how it was called."""
    folder = checkout / ".venv" / "bin"
    folder.mkdir(parents=True)
    (checkout / ".venv" / "homerule-home").write_text(f"{checkout.resolve()}\n")
    for name in ("python", "homerule"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{checkout}/calls"\n{python}\n')
        (folder / name).chmod(0o755)
    return checkout / "calls"


@pytest.mark.parametrize("script", ["setup", "demo", "test", "check", "lock", "package", "install.sh", *PACKAGED])
def test_each_script_is_plain_posix_shell(script: str) -> None:
    run = subprocess.run(["/bin/sh", "-n", DEPLOY / script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    text = (DEPLOY / script).read_text()
    assert not re.search(r"\[\[|\bfunction \b|<\(|(?m:^\s*local\b)|\$'", text), "not POSIX"


@pytest.mark.parametrize(
    "script", ["deploy/demo", "deploy/test", "deploy/check", "deploy/install.sh", "deploy/package", ".ci/run"]
)
def test_each_script_can_be_run_as_typed(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


def test_without_python_and_without_rights_the_mend_is_said(checkout: Path) -> None:
    found = run(checkout, "demo", path=without_apt(checkout))
    assert found.returncode == 1
    assert "no Python from 3.11 to 3.13" in found.stderr
    assert "apt-get install python3 python3-venv" in found.stderr


def test_a_python_that_is_too_old_is_refused(checkout: Path) -> None:
    stand_in(checkout, "python3", 'case $1 in -V) echo "Python 3.9.2";; *) exit 1;; esac')
    found = run(checkout, "demo", path=without_apt(checkout))
    assert found.returncode == 1
    assert "python3 is: Python 3.9.2" in found.stderr


def test_what_is_missing_is_installed_with_apt_as_root(checkout: Path) -> None:
    stand_in(checkout, "id", "echo 0")
    stand_in(checkout, "apt-get", f'echo "$@" >> "{checkout}/apt"')
    found = run(checkout, "demo", path=without_apt(checkout))
    assert found.returncode == 1  # the stand-in installs nothing
    assert "install -y --no-install-recommends python3 python3-venv" in (checkout / "apt").read_text()


def test_what_is_missing_is_installed_through_sudo_that_asks_nothing(checkout: Path) -> None:
    stand_in(checkout, "id", "echo 1000")
    stand_in(checkout, "sudo", f'echo "asked $*" >> "{checkout}/sudo"; shift; exec "$@"')
    stand_in(checkout, "apt-get", f'echo "$@" >> "{checkout}/apt"')
    stand_in(checkout, "true", "exit 0")
    run(checkout, "demo", path=without_apt(checkout))
    assert "install -y --no-install-recommends python3 python3-venv" in (checkout / "apt").read_text()
    assert all(line.startswith("asked -n ") for line in (checkout / "sudo").read_text().splitlines())


def test_apt_that_fails_is_quoted(checkout: Path) -> None:
    stand_in(checkout, "id", "echo 0")
    stand_in(checkout, "apt-get", "echo 'E: Unable to locate package python3' >&2; exit 100")
    found = run(checkout, "demo", path=without_apt(checkout))
    assert found.returncode == 1
    assert "E: Unable to locate package python3" in found.stderr


def test_the_second_run_installs_nothing(checkout: Path) -> None:
    calls = fake_venv(checkout)
    first = run(checkout, "demo", "--seconds", "5")
    assert first.returncode == 0, first.stderr
    assert "--require-hashes" in calls.read_text()
    calls.unlink()
    again = run(checkout, "demo")
    assert again.returncode == 0
    assert "-m pip" not in calls.read_text()


def test_arguments_reach_the_demo(checkout: Path) -> None:
    calls = fake_venv(checkout)
    run(checkout, "demo", "--broker", "mosquitto")
    assert calls.read_text().splitlines()[-1] == "homerule demo --broker mosquitto"


def test_a_changed_lock_installs_again(checkout: Path) -> None:
    calls = fake_venv(checkout)
    run(checkout, "demo")
    calls.unlink()
    with (checkout / "deploy" / "requirements-demo.txt").open("a") as lock:
        lock.write("# newer\n")
    run(checkout, "demo")
    assert "--require-hashes" in calls.read_text()


def test_an_install_that_failed_is_tried_again(checkout: Path) -> None:
    calls = fake_venv(checkout, python='case "$*" in *requirement*) exit 1;; esac')
    assert run(checkout, "demo").returncode == 1
    calls.unlink()
    assert run(checkout, "demo").returncode == 1
    assert "--require-hashes" in calls.read_text()


def test_a_checkout_that_was_moved_gets_a_new_environment(checkout: Path) -> None:
    fake_venv(checkout)
    (checkout / ".venv" / "homerule-home").write_text("/somewhere/else\n")
    stand_in(checkout, "python3", 'case $* in *venv*--clear*) echo "made again" >&2; exit 7;; esac')
    found = run(checkout, "demo")
    assert found.returncode == 7
    assert "made again" in found.stderr


def test_what_the_tests_cannot_drive_is_said_and_they_run_all_the_same(checkout: Path) -> None:
    calls = fake_venv(checkout)
    script = checkout / "deploy" / "test"
    script.write_text(script.read_text().replace("PATH=$PATH:/usr/sbin", ":"))
    found = run(checkout, "test", "tests/policy", path=without_apt(checkout))
    assert found.returncode == 0
    missing = "mosquitto ffmpeg iproute2 e2fsprogs ejabberd systemd gstreamer1.0-tools"
    assert f"tests that need {missing} cannot run here; as root: apt-get install {missing}" in found.stderr
    assert calls.read_text().splitlines()[-1] == f"python -m pytest {SIDE_BY_SIDE} tests/policy"


def test_full_is_told_to_the_tests(checkout: Path) -> None:
    calls = fake_venv(checkout, python=f'echo "full=$HOMERULE_FULL" >> "{checkout}/calls"')
    for name in ("mosquitto", "ffmpeg", "ejabberdctl"):
        stand_in(checkout, name, "exit 0")
    run(checkout, "test", "--full", "tests/policy")
    assert calls.read_text().splitlines()[-2:] == [f"python -m pytest {SIDE_BY_SIDE} tests/policy", "full=1"]


@pytest.mark.parametrize("lock", EVERY_LOCK)
def test_every_locked_package_has_hashes_and_no_index_is_named(lock: str) -> None:
    text = (DEPLOY / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert PINNED.match(block), block[:80]
        assert "--hash=sha256:" in block


def test_the_locks_agree_on_every_version() -> None:
    whole = dict(PINNED.findall((DEPLOY / "requirements-test.txt").read_text()))
    for lock in EVERY_LOCK:
        part = dict(PINNED.findall((DEPLOY / lock).read_text()))
        assert part.items() <= whole.items()


@pytest.mark.parametrize(
    ("lock", "extras"), [(LOCKS[0], ()), (LOCKS[1], ("demo",)), (LOCKS[2], ("demo", "test", "check"))]
)
def test_each_lock_holds_what_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    pinned = dict(PINNED.findall((DEPLOY / lock).read_text()))
    for one in asked:
        name, _, least = one.partition(">=")
        assert numbers(pinned[name]) >= numbers(least), one


def test_the_demos_broker_is_never_on_a_pole() -> None:
    assert "amqtt" not in dict(PINNED.findall((DEPLOY / LOCKS[0]).read_text()))


def test_only_one_opencv_is_locked() -> None:
    for lock in LOCKS:
        pinned = dict(PINNED.findall((DEPLOY / lock).read_text()))
        assert [name for name in pinned if name.startswith("opencv")] == ["opencv-python-headless"]


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="only .venv is made by the scripts, run `deploy/test`")
def test_what_runs_here_is_what_is_locked() -> None:
    for name, version in PINNED.findall((DEPLOY / LOCKS[2]).read_text()):
        assert metadata.version(name) == version, f"{name} in {sys.prefix}"


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
