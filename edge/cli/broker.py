"""`homerule broker`: the site's own Mosquitto. `homerule subscriber enroll`: a certificate for an agency."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge import disk
from edge.clock import SystemClock
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.config import Config
    from edge.delivery.foreign import Login
    from edge.delivery.walls import Wall

_LARGEST_REQUEST = 65_536

Home = Annotated[Path, typer.Argument(metavar="DIR", help="The broker's folder.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds the group `broker`, and `enroll` to the group `subscriber`, which is there already."""
    group = typer.Typer(help="The site's own Mosquitto.", no_args_is_help=True, rich_markup_mode=None)
    group.command("setup")(setup)
    group.command("renew")(renew)
    group.command("check")(check)
    app.add_typer(group, name="broker")
    for there in app.registered_groups:
        if there.name == "subscriber" and there.typer_instance is not None:
            there.typer_instance.command("enroll")(enroll)


def setup(
    folder: Home,
    device: Annotated[str, typer.Option(metavar="ID", help="The id of the camera computer, as in device.toml.")],
    host: Annotated[list[str], typer.Option(metavar="NAME", help="By which agencies reach it; may be repeated.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where agencies connect, with TLS.")] = 8883,
    control_port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1, for the device.")] = 1884,
    bind: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Listen for agencies on this only.")] = None,
    broker_user: Annotated[str | None, typer.Option(metavar="USER", help="Runs Mosquitto; else `mosquitto`.")] = None,
    device_user: Annotated[str | None, typer.Option(metavar="USER", help="Runs the daemon; else `homerule`.")] = None,
) -> None:
    """Writes a whole Mosquitto configuration with its authority, certificates and accounts; never over a file."""
    from edge.delivery import site

    if port == control_port:
        raise typer.BadParameter("is the same as --port", param_hint="--control-port")
    plan = site.Site(
        folder=folder,
        device_id=device,
        hosts=tuple(host),
        port=port,
        control_port=control_port,
        bind=bind,
        broker_user=broker_user,
        device_user=device_user,
    )
    for file in site.setup(plan, now=_now()):
        differs = ", which is not what these options give; move it away to have it made again" if file.differs else ""
        print(f"{'made' if file.made else 'kept'}  {file.path}{differs}")
    home = folder.resolve()
    # the device reaches it without a name server, and the broker's certificate holds for that address
    _say_what_next(home, "127.0.0.1" if bind in (None, "0.0.0.0", "::") else bind, port, control_port)  # noqa: S104  # nosec B104
    print(
        f"6. {home}/device belongs to {(home / 'device').owner()}, {home}/mosquitto to {(home / 'mosquitto').owner()}:"
    )
    print("   the daemon and Mosquitto must run as these users; else `chown -R` them.")


def renew(
    folder: Home,
    always: Annotated[bool, typer.Option("--now", help="Even if they hold for more than 15 days.")] = False,
) -> None:
    """Renews the broker's and the device's own certificate when they end within 15 days; good for a daily timer."""
    from edge.delivery import site

    renewed = site.renew(folder, now=_now(), always=always)
    for path, certificate, new in renewed:
        print(f"{'renewed' if new else 'kept   '}  {path}, holds until {certificate.not_valid_after_utc:%Y-%m-%d}")
    if any(new for _, _, new in renewed):
        print("Mosquitto takes its certificate up with: systemctl reload mosquitto (connections stay)")
        print("The daemon shows its own the next time it connects.")


def check(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The device's device.toml.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The broker's folder, of one that we set up.")
    ] = None,
    as_username: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a broker that others run: an agency without a right there.")
    ] = None,
    as_password_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Its password, one line, 0600.")] = None,
    as_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Its certificate.")] = None,
    as_cert_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The private key of that.")] = None,
) -> None:
    """Attacks the broker as a stranger and as an agency without a right; says which walls stand. Changes nothing."""
    from edge.config import load
    from edge.delivery.here import require_here

    written = load(config)
    require_here(written.broker)
    if written.broker.access == "none":
        agency = _agency(written.broker.ca, as_username, as_password_file, as_cert, as_cert_key)
        missing = _tell(_foreign_walls(written, agency))
        mend = "ask whoever runs the broker; what only this device's own Mosquitto can do stays missing"
    else:
        if folder is None:
            raise typer.BadParameter('DIR is needed with `access = "mosquitto"`: what `homerule broker setup` made')
        if any((as_username, as_password_file, as_cert, as_cert_key)):
            raise typer.BadParameter('--as-... is for a broker that others run, `access = "none"`, leave it out')
        missing = _tell(_own_walls(written, folder))
        mend = f"start Mosquitto with {folder}/mosquitto/mosquitto.conf"
    if missing:
        print(f"{missing} walls are missing: {mend}")
        raise typer.Exit(1)
    print("all walls stand")


def _tell(walls: "Iterator[Wall]") -> int:
    """Prints each as it is tried; gives how many are missing."""
    missing = 0
    for wall in walls:
        missing += wall.breach is not None
        print(f"{'standing' if wall.breach is None else 'MISSING '}  {wall.name}{_because(wall.breach)}", flush=True)
    return missing


def _own_walls(written: "Config", folder: Path) -> "Iterator[Wall]":
    from tempfile import TemporaryDirectory

    from edge.delivery.walls import Target, walls

    broker = written.broker
    if broker.control_port is None or broker.control_credential is None:  # the configuration has seen to it
        raise ConfigError("[broker] has no `control_port` and `control_credential`")
    with TemporaryDirectory(prefix="homerule-check-") as scratch:
        target = Target(
            host=broker.host,
            port=broker.port,
            control_port=broker.control_port,
            credential=broker.control_credential,
            device_id=written.device.id,
            folder=folder,
            scratch=Path(scratch),
        )
        yield from walls(target, clock=SystemClock(trusted=True))


def _foreign_walls(written: "Config", agency: "Login | None") -> "Iterator[Wall]":
    from edge import keys
    from edge.delivery.foreign import Foreign, Login, foreign_walls
    from edge.delivery.tls import Tls

    broker = written.broker
    device = Login(
        tls=Tls.written(broker),
        name=broker.username,
        password=None if broker.password_file is None else keys.load_password(broker.password_file),
    )
    at = Foreign(host=broker.host, port=broker.port, device_id=written.device.id, device=device, agency=agency)
    return foreign_walls(at, clock=SystemClock(trusted=True))


def _agency(
    ca: Path | None, username: str | None, password_file: Path | None, cert: Path | None, cert_key: Path | None
) -> "Login | None":
    """The login that was given for the attack; None for none."""
    from edge import keys
    from edge.delivery.foreign import Login
    from edge.delivery.tls import Tls

    if (username is None) != (password_file is None) or (cert is None) != (cert_key is None):
        raise typer.BadParameter("--as-username and --as-password-file go together, and --as-cert and --as-cert-key")
    if username is None and cert is None:
        return None
    return Login(
        tls=None if ca is None else Tls(ca=ca, cert=cert, key=cert_key),
        name=username,
        password=None if password_file is None else keys.load_password(password_file),
    )


def enroll(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The policy folder.", show_default=False)],
    subscriber: Annotated[str, typer.Argument(metavar="ID", help="The agency, by its id in the registry.")],
    csr: Annotated[Path, typer.Option(metavar="FILE", help="Its request, from `homerule keygen --certificate`.")],
    broker: Annotated[Path, typer.Option(metavar="DIR", help="The folder that `homerule broker setup` made.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where its certificate goes.")],
    sealing_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its public sealing key (.pub), put into subscribers.toml.")
    ] = None,
) -> None:
    """Makes an agency's certificate (30 days) from its request, and registers its sealing key."""
    from edge import keys
    from edge.delivery import madefiles, site
    from edge.desk.registry import find, set_sealing_key

    agency = find(folder, subscriber)
    if agency.certificate_name is None:
        raise ConfigError(
            f"subscribers.toml: `{agency.id}` has no `certificate_name`, write one and let the city sign it"
        )
    key = None if sealing_key is None else keys.public_text(keys.load_sealing_public(sealing_key))
    asked = _request(csr)
    made = site.enroll(broker, asked, where=str(csr), name=agency.certificate_name, now=_now())
    madefiles.put_new(out, made)
    with madefiles.whole_with(out):
        registered = key is not None and set_sealing_key(folder, agency.id, key)
    print(f"made  {out}: `{agency.certificate_name}`, for 30 days")
    print(f"send  {out} and {broker / 'ca' / 'ca.crt'} to {agency.name}; neither is a secret")
    if registered:
        print(f"subscribers.toml: the sealing key of `{agency.id}` is registered; it counts once the city has signed:")
        print(f"      homerule sign {folder} --key FILE")


def _because(breach: str | None) -> str:
    return "" if breach is None else f": {breach}"


def _request(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_REQUEST)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read, {disk.why(error)}") from error


def _now() -> datetime:
    return SystemClock(trusted=True).now().at


def _say_what_next(home: Path, host: str, port: int, control_port: int) -> None:
    print()
    print(f"1. {home}/ca/ca.key can make anybody's certificate; with it agencies are enrolled and certificates")
    print(
        "   renewed. Keep a copy in the safe. Where it is kept elsewhere nothing is renewed here, step 4 is done there."
    )
    print("2. Start the broker with it, as root:")
    print(f"     install -m 644 {home}/mosquitto/mosquitto.conf /etc/mosquitto/mosquitto.conf")
    print(
        f"     install -D -m 644 {home}/mosquitto/homerule.conf /etc/systemd/system/mosquitto.service.d/homerule.conf"
    )
    print("     systemctl daemon-reload && systemctl restart mosquitto")
    print("   (the first replaces Debian's file; the second begins each start without rights, which the device gives)")
    print("3. Into device.toml:")
    print("     [broker]")
    print(f'     host = "{host}"')
    print(f"     port = {port}")
    print('     access = "mosquitto"')
    for name, file in (("ca", "ca.crt"), ("certificate", "device.crt"), ("key", "device.key")):
        print(f'     {name} = "{home}/device/{file}"')
    print(f"     control_port = {control_port}")
    print(f'     control_credential = "{home}/device/control"')
    print(f"4. Certificates live for 30 days. Once a day, as root: homerule broker renew {home}")
    print("   and then: systemctl reload mosquitto")
    print(f"5. Each agency: homerule subscriber enroll POLICY-DIR ID --csr FILE --broker {home} --out FILE")
