"""`broker setup`, `broker renew`, `subscriber enroll`, `keygen --certificate`: made once, private, renewable."""

import io
import os
import pwd
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge import config, keys
from edge.cli import main
from edge.clock import SystemClock
from edge.delivery import site as sites
from edge.delivery.certificates import LIFETIME, Authority, common_name, load_certificate, pem
from edge.errors import ConfigError
from tests.access.agency import Agency
from tests.broker import wait_until
from tests.site import DEVICE, NAMES, NEIGHBOUR, OWNER, Site, running

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
OURSELVES = tuple(f"--{role}-user={pwd.getpwuid(os.geteuid()).pw_name}" for role in ("broker", "device"))
SECRETS = ("ca/ca.key", "mosquitto/broker.key", "mosquitto/dynsec.json", "device/device.key", "device/control")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A broker of its own: what these tests do to its files is not undone."""
    with running(tmp_path / "site", *NAMES) as made:
        yield made


@pytest.fixture
def idle(tmp_path: Path) -> Site:
    """The files of a site whose broker does not run."""
    return Site(tmp_path / "site", OWNER)


@dataclass(frozen=True)
class Typed:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


def typed(*words: object) -> Typed:
    """Types a `homerule` command, in this process."""
    said, complained = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["homerule", *map(str, words)]
    try:
        with redirect_stdout(said), redirect_stderr(complained), pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    return Typed(int(ended.value.code or 0), said.getvalue(), complained.getvalue())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_its_owners_alone(idle: Site, secret: str) -> None:
    path = idle.folder / secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_second_setup_changes_no_byte(idle: Site) -> None:
    before = contents(idle.folder)
    idle.setup()
    assert contents(idle.folder) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device_id": "pole-2"}, "device.crt: is for `device:elm-street-1`, not for `pole-2`; name another folder"),
        ({"hosts": ("127.0.0.1", "other.example")}, "broker.crt: does not hold for `other.example`; name another"),
        ({"port": 9999}, "not at 9999; give these ports"),
        ({"control_port": 9999}, "not at 9999; give these ports"),
    ],
)
def test_a_folder_that_was_made_for_another_place_is_refused(idle: Site, changes: dict[str, object], said: str) -> None:
    before = contents(idle.folder)
    with pytest.raises(ConfigError, match=said):
        sites.setup(replace(idle.plan, **changes), now=idle.clock.now().at)
    assert contents(idle.folder) == before


@pytest.mark.parametrize("name", ["mosquitto/mosquitto.conf", "mosquitto/dynsec.json", "device/ca.crt"])
def test_what_is_there_is_not_written_over(idle: Site, name: str) -> None:
    (idle.folder / name).write_text("mine\n")
    idle.setup()
    assert (idle.folder / name).read_text() == "mine\n"


@pytest.mark.parametrize(
    "name", ["mosquitto/mosquitto.conf", "mosquitto/dynsec.json", "mosquitto/broker.crt", "device/device.crt"]
)
def test_what_is_missing_is_made_again(idle: Site, name: str) -> None:
    (idle.folder / name).unlink()
    idle.setup()
    assert (idle.folder / name).stat().st_size


def test_a_broker_whose_files_were_lost_and_made_again_serves(site: Site) -> None:
    site.kill()
    for name in ("broker.crt", "broker.key", "dynsec.json", "dynsec.first.json", "mosquitto.conf"):
        (site.folder / "mosquitto" / name).unlink()
    site.setup()
    site.start()
    site.rights().apply(site.grants())
    site.subscriber(OWNER).connect()


@pytest.mark.parametrize("stem", ["ca/ca", "mosquitto/broker", "device/device"])
def test_a_certificate_without_its_key_stops_the_setup(idle: Site, stem: str) -> None:
    (idle.folder / f"{stem}.key").unlink()
    with pytest.raises(ConfigError, match="put that back or move the certificate away"):
        idle.setup()


@pytest.mark.parametrize("folder", ["a b", "a\nb", "a@PORT@", "a%i", 'a"b'])
def test_a_folder_that_cannot_stand_in_the_configuration_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ConfigError, match="choose a plain one"):
        Site(tmp_path / folder)


@pytest.mark.parametrize("host", ["", "a b", "broker\nallow_anonymous true", "*", "müller.example"])
def test_a_host_that_is_none_is_refused(idle: Site, host: str) -> None:
    with pytest.raises(ConfigError, match="neither a host name"):
        sites.setup(sites.Site(folder=idle.folder, device_id=DEVICE, hosts=(host,)), now=idle.clock.now().at)


def test_a_device_id_that_fits_into_no_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at most 57 characters fit"):
        Site(tmp_path, device="x" * 58)


def test_a_device_id_that_no_policy_can_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`Bad_Dev` cannot be a device's id, use a-z, 0-9 and -"):
        Site(tmp_path / "site", device="Bad_Dev")
    assert not (tmp_path / "site").exists()


def test_a_user_that_does_not_exist_is_named(idle: Site) -> None:
    plan = sites.Site(folder=idle.folder, device_id=DEVICE, hosts=("localhost",), broker_user="no-such-user")
    with pytest.raises(ConfigError, match="no user `no-such-user` here, make it or name another"):
        sites.setup(plan, now=idle.clock.now().at)


def test_where_something_is_missing_nothing_is_made(tmp_path: Path) -> None:
    plan = sites.Site(folder=tmp_path / "site", device_id=DEVICE, hosts=("localhost",), device_user="no-such-user")
    with pytest.raises(ConfigError):
        sites.setup(plan, now=SystemClock(trusted=True).now().at)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mosquitto/broker.crt", "device/device.crt", f"{OWNER}.crt"])
def test_a_certificate_lives_30_days_and_makes_no_other(idle: Site, name: str) -> None:
    made = load_certificate(idle.folder / name)
    assert made.not_valid_after_utc - made.not_valid_before_utc == LIFETIME
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("mosquitto/broker.crt", ExtendedKeyUsageOID.SERVER_AUTH),
        ("device/device.crt", ExtendedKeyUsageOID.CLIENT_AUTH),
        (f"{OWNER}.crt", ExtendedKeyUsageOID.CLIENT_AUTH),
    ],
)
def test_a_certificate_is_for_one_thing(idle: Site, name: str, purpose: x509.ObjectIdentifier) -> None:
    uses = load_certificate(idle.folder / name).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(uses.value) == [purpose]
    assert uses.critical


def test_the_passwords_of_two_sites_differ(tmp_path: Path) -> None:
    first, second = (keys.load_logins(Site(tmp_path / name).credential) for name in "ab")
    assert not {word for login in first for word in login} & {word for login in second for word in login}


def test_a_site_typed_in_is_loaded_by_the_configuration_it_prints(tmp_path: Path) -> None:
    done = typed("broker", "setup", tmp_path / "broker", "--device", DEVICE, "--host", "127.0.0.1", *OURSELVES)
    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("[broker]") : done.stdout.index("4. ")]
    text = (EXAMPLES / "device.toml").read_text()
    text = text[: text.index("[broker]")] + table + text[text.index("[policy]") :]
    (tmp_path / "device.toml").write_text(text)
    broker = config.load(tmp_path / "device.toml").broker
    assert broker.control_credential == tmp_path / "broker" / "device" / "control"
    assert "systemctl" in done.stdout


def test_a_configuration_that_is_kept_though_the_options_are_others_is_said(tmp_path: Path) -> None:
    words = ("broker", "setup", tmp_path / "broker", "--device", DEVICE, "--host", "127.0.0.1", *OURSELVES)
    typed(*words)
    assert "not what these options give" not in typed(*words).stdout
    said = typed(*words, "--bind", "127.0.0.1").stdout
    assert "mosquitto.conf, which is not what these options give" in said


def test_no_password_is_printed(tmp_path: Path) -> None:
    done = typed("broker", "setup", tmp_path / "broker", "--device", DEVICE, "--host", "127.0.0.1", *OURSELVES)
    secrets = [word for login in keys.load_logins(tmp_path / "broker" / "device" / "control") for word in login]
    assert not [word for word in secrets if word in done.stdout + done.stderr]


# enrolling


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A policy folder with the example registry."""
    folder = tmp_path / "policy"
    folder.mkdir()
    for name in ("policy.toml", "subscribers.toml"):
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    return folder


def csr(*names: str, key: object = None) -> bytes:
    """A request as another program makes it, with more in it than we ask for."""
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    words = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Agency"), *words])
    asked = x509.CertificateSigningRequestBuilder().subject_name(subject)
    asked = asked.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return asked.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_an_agency_is_enrolled_from_its_own_key_on(site: Site, city: Path, tmp_path: Path) -> None:
    key, sealing, out = tmp_path / "own.key", tmp_path / "sealing", tmp_path / "own.crt"
    assert typed("keygen", key, "--certificate", NEIGHBOUR).stdout.strip() == f"{key}.csr"
    public = typed("keygen", sealing, "--kind", "sealing").stdout.strip()
    words = ("--csr", f"{key}.csr", "--broker", site.folder, "--out", out, "--sealing-key", f"{sealing}.pub")
    done = typed("subscriber", "enroll", city, NEIGHBOUR, *words)
    assert done.returncode == 0, done.stderr
    assert "it counts once the city has signed" in done.stdout
    assert f'sealing_key = "{public}"' in (city / "subscribers.toml").read_text()
    site.rights().apply(site.grants())
    (site.folder / f"{NEIGHBOUR}.crt").write_bytes(out.read_bytes())
    (site.folder / f"{NEIGHBOUR}.key").write_bytes(key.read_bytes())
    site.subscriber(NEIGHBOUR).connect()


def test_enrolling_changes_one_line_of_the_registry(idle: Site, city: Path, tmp_path: Path) -> None:
    before = (city / "subscribers.toml").read_text().splitlines()
    key = tmp_path / "sealing"
    typed("keygen", key, "--kind", "sealing")
    (tmp_path / "csr").write_bytes(csr(NEIGHBOUR))
    words = ("--csr", tmp_path / "csr", "--broker", idle.folder, "--sealing-key", f"{key}.pub")
    assert typed("subscriber", "enroll", city, NEIGHBOUR, *words, "--out", tmp_path / "1.crt").returncode == 0
    after = (city / "subscribers.toml").read_text().splitlines()
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 1
    again = typed("subscriber", "enroll", city, NEIGHBOUR, *words, "--out", tmp_path / "2.crt")
    assert "sealing key" not in again.stdout


def files(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_an_agency_whose_sealing_key_cannot_be_registered_has_no_certificate_and_the_next_try_goes_through(
    idle: Site, city: Path, tmp_path: Path
) -> None:
    typed("keygen", tmp_path / "sealing", "--kind", "sealing")
    (tmp_path / "csr").write_bytes(csr(NEIGHBOUR))
    words = ("--csr", tmp_path / "csr", "--broker", idle.folder, "--sealing-key", tmp_path / "sealing.pub")
    in_the_way = city / ".subscribers.toml.new"
    in_the_way.mkdir()
    before = files(tmp_path)
    done = typed("subscriber", "enroll", city, NEIGHBOUR, *words, "--out", tmp_path / "out.crt")
    assert (done.returncode, done.stdout) == (1, "")
    assert "subscribers.toml: cannot be written, is a directory; nothing was changed" in done.stderr
    assert files(tmp_path) == before
    in_the_way.rmdir()
    done = typed("subscriber", "enroll", city, NEIGHBOUR, *words, "--out", tmp_path / "out.crt")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.crt").exists()


def test_a_request_that_cannot_be_made_leaves_no_key_and_the_next_try_goes_through(tmp_path: Path) -> None:
    in_the_way = tmp_path / "own.key.csr"
    in_the_way.symlink_to("nowhere")
    done = typed("keygen", tmp_path / "own.key", "--certificate", NEIGHBOUR)
    assert done.returncode == 1
    assert "own.key.csr: cannot be made, file exists" in done.stderr
    assert list(tmp_path.iterdir()) == [in_the_way]
    in_the_way.unlink()
    assert typed("keygen", tmp_path / "own.key", "--certificate", NEIGHBOUR).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"own.key", "own.key.csr"}


def test_a_request_that_the_disk_may_lose_again_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fails_on_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fails_on_folders)
    done = typed("keygen", tmp_path / "own.key", "--certificate", NEIGHBOUR)
    assert (done.returncode, done.stdout) == (1, "")
    assert "own.key.csr: cannot be made, input/output error" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("agency", "said"),
    [
        (OWNER, f"asks for the name `{NEIGHBOUR}`, the registry's `certificate_name` is `{OWNER}`"),
        ("prospect-grove-dp", f"did you mean `{OWNER}`"),
        ("nobody", "no agency `nobody`"),
    ],
)
def test_a_name_that_is_not_the_registrys_is_refused(
    idle: Site, city: Path, tmp_path: Path, agency: str, said: str
) -> None:
    (tmp_path / "csr").write_bytes(csr(NEIGHBOUR))
    words = ("--csr", tmp_path / "csr", "--broker", idle.folder, "--out", tmp_path / "out.crt")
    done = typed("subscriber", "enroll", city, agency, *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "out.crt").exists()


def test_an_agency_without_a_certificate_name_is_refused(idle: Site, city: Path, tmp_path: Path) -> None:
    registry = city / "subscribers.toml"
    registry.write_text(registry.read_text().replace(f'certificate_name = "{NEIGHBOUR}"\n', ""))
    (tmp_path / "csr").write_bytes(csr(NEIGHBOUR))
    words = ("--csr", tmp_path / "csr", "--broker", idle.folder, "--out", tmp_path / "out.crt")
    assert "has no `certificate_name`" in typed("subscriber", "enroll", city, NEIGHBOUR, *words).stderr


def enrolled(idle: Site, asked: bytes) -> x509.Certificate:
    """What a request for the owner's name is answered with."""
    made = sites.enroll(idle.folder, asked, where="csr", name=OWNER, now=idle.clock.now().at)
    return x509.load_pem_x509_certificate(made)


def test_of_a_request_only_its_key_is_taken(idle: Site) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    made = enrolled(idle, csr(OWNER, key=key))
    assert made.public_key() == key.public_key()
    assert [each.value for each in made.subject] == [OWNER]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def broken(asked: bytes) -> bytes:
    """The same request with one bit of its signature turned."""
    der = bytearray(x509.load_pem_x509_csr(asked).public_bytes(Encoding.DER))
    der[-1] ^= 1
    return bytes(der)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda: b"not a request", "not a certificate request"),
        (lambda: b"", "not a certificate request"),
        (lambda: csr(), "asks for 0 names"),
        (lambda: csr(OWNER, NEIGHBOUR), "asks for 2 names"),
        (lambda: csr(OWNER, key=rsa.generate_private_key(65537, 1024)), "kind that is not taken"),
        (lambda: csr(OWNER, key=ec.generate_private_key(ec.SECP256K1())), "kind that is not taken"),
        (lambda: broken(csr(OWNER)), "its signature does not hold"),
    ],
)
def test_a_request_that_is_no_good_is_refused(idle: Site, asked: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        enrolled(idle, asked())


def test_a_request_in_der_is_taken_too(idle: Site) -> None:
    der = x509.load_pem_x509_csr(csr(OWNER)).public_bytes(Encoding.DER)
    assert common_name(enrolled(idle, der)) == OWNER


@pytest.mark.parametrize("words", [(), ("--kind", "sealing", "--certificate", "x"), ("--certificate", "a b")])
def test_keygen_makes_one_thing_or_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert typed("keygen", tmp_path / "key", *words).returncode != 0
    assert list(tmp_path.iterdir()) == []


# renewing


def test_a_new_certificate_takes_the_place_of_the_old_one_without_loss(site: Site) -> None:
    site.rights().apply(site.grants())
    device = site.device()
    device.connect()
    old = Agency(site, OWNER)
    old.connect()
    old.subscribe(site.topic(OWNER))
    old.vanish()
    device.send(site.topic(OWNER), b"in between", seconds=30)
    site.enroll(OWNER)
    new = Agency(site, OWNER)
    new.connect()
    wait_until(lambda: new.received == [b"in between"], what="what waited arrives with the new certificate")
    assert old.connect() == 0, "the old certificate is good until it ends"


@pytest.mark.parametrize(("days", "new"), [(0, False), (14, False), (16, True), (29, True)])
def test_a_certificate_is_renewed_when_half_its_time_is_over(idle: Site, days: int, new: bool) -> None:
    now = idle.clock.now().at + timedelta(days=days)
    before = load_certificate(idle.table.certificate)
    for path, certificate, renewed in sites.renew(idle.folder, now=now):
        assert renewed is new
        assert (certificate.not_valid_after_utc > now + timedelta(days=29)) is (new or days == 0)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    after = load_certificate(idle.table.certificate)
    assert after.public_key() == before.public_key()
    assert common_name(after) == common_name(before)


def test_the_broker_takes_its_new_certificate_up_and_cuts_nobody_off(site: Site) -> None:
    owner = Agency(site, OWNER)
    owner.connect()
    before = serial(site)
    sites.renew(site.folder, now=site.clock.now().at, always=True)
    site.reload()
    wait_until(lambda: serial(site) != before, what="the new certificate is shown")
    assert owner.connected


def serial(site: Site) -> str:
    """The serial number of the certificate that the broker shows."""
    context = site.tls(OWNER).context()
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=5) as line,
        context.wrap_socket(line, server_hostname="127.0.0.1") as wrapped,
    ):
        return str(wrapped.getpeercert()["serialNumber"])


def test_a_certificate_of_another_authority_is_not_renewed(idle: Site, tmp_path: Path) -> None:
    now = idle.clock.now().at
    key = keys.new_certificate_key(tmp_path / "other.key")
    other = Authority.new(tmp_path / "ca.key", site="other", now=now)
    idle.table.certificate.write_bytes(pem(other.for_client(OWNER, key.public_key(), now=now)))
    with pytest.raises(ConfigError, match="is of another authority"):
        sites.renew(idle.folder, now=now, always=True)


def test_a_broker_that_begins_without_rights_gives_nobody_what_the_file_still_said(site: Site) -> None:
    rights = site.rights()
    rights.apply(site.grants())
    site.kill()
    folder = site.folder / "mosquitto"
    unit = (folder / "homerule.conf").read_text().splitlines()
    command = next(line for line in unit if line.startswith("ExecStartPre=")).partition("=")[2]
    subprocess.run(command.split(), check=True)
    site.start()
    agency = Agency(site, OWNER)
    agency.connect()
    assert agency.subscribe(site.topic(OWNER)) != 1
    wait_until(lambda: rights.generation() is not None, what="the daemon is let in")
    rights.apply(site.grants())
    agency.connect()
    assert agency.subscribe(site.topic(OWNER)) == 1
