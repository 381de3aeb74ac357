"""Private keys live in files that only their owner can read, and are never written over.

A private key is a PEM PKCS8 file without a passphrase, mode 0600; its public half stands beside it as `FILE.pub`:
the raw 32 bytes in base64, one line. This is the only module that reads or writes keys.
"""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edge import disk
from edge.errors import ConfigError

PublicKey = Ed25519PublicKey | X25519PublicKey
PrivateKey = Ed25519PrivateKey | X25519PrivateKey

Key = TypeVar("Key", Ed25519PrivateKey, X25519PrivateKey)

TEST_DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"homerule test device: trust nothing").digest())
"""Signs test messages. Everybody knows it, so nothing that it signs can pass for a camera's."""

_LARGEST_FILE = 16_384


def new_signing_key(path: Path) -> Ed25519PrivateKey:
    """Makes an Ed25519 key at `path` (0600) and its public half at `path`.pub; ConfigError if either cannot be made."""
    return _store(Ed25519PrivateKey.generate(), path)


def require_name(path: Path) -> None:
    """ConfigError for what names no file, such as an empty word."""
    if not path.name:
        raise ConfigError(f"`{path}`: names no file, write a name for the private key")


def new_sealing_key(path: Path) -> X25519PrivateKey:
    """Makes an X25519 key at `path` (0600) and its public half at `path`.pub; ConfigError if either cannot be made."""
    return _store(X25519PrivateKey.generate(), path)


def handed_over(path: Path) -> Path:
    """Where to read a key that may belong to root: systemd's copy in memory, where it handed one over by this name.

    See LoadCredential= in systemd.exec(5); without one it is the file itself.
    """
    folder = _handed_over()
    return folder / path.name if folder is not None and os.path.isfile(folder / path.name) else path


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Reads an Ed25519 private key; ConfigError if it is missing, readable by others, or of another kind."""
    key = _load(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: not a signing key (Ed25519), make one with `homerule keygen FILE --kind signing`")
    return key


def load_sealing_key(path: Path) -> X25519PrivateKey:
    """Reads an X25519 private key; ConfigError if it is missing, readable by others, or of another kind."""
    key = _load(path)
    if not isinstance(key, X25519PrivateKey):
        raise ConfigError(f"{path}: not a sealing key (X25519), make one with `homerule keygen FILE --kind sealing`")
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Reads a public signing key from a `.pub` file; ConfigError if it is missing or not 32 bytes in base64."""
    return Ed25519PublicKey.from_public_bytes(_raw(_read(path).decode("utf-8", "replace"), str(path)))


def new_certificate_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Makes a P-256 key for a TLS certificate at `path` (0600), never over another; ConfigError if it cannot be made.

    It has no `.pub` beside it: the certificate, or the request for one, tells its public half.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    _create(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    return key


def load_certificate_key(path: Path, *, owner: int | None = None) -> ec.EllipticCurvePrivateKey:
    """Reads the private key of a certificate; ConfigError if it is missing, readable by others, or of another kind.

    It may belong to us, to root, or to the user with the id `owner`.
    """
    key = _load(path, owner)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{path}: not a certificate's key (P-256), see that the right file is named")
    return key


def new_logins(path: Path, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Makes a password of 256 random bits for each name and writes `name password` lines to `path` (0600)."""
    logins = tuple((name, secrets.token_urlsafe(32)) for name in names)
    _create(path, "".join(f"{name} {password}\n" for name, password in logins).encode("utf-8"), 0o600)
    return logins


def load_logins(path: Path, *, owner: int | None = None) -> tuple[tuple[str, str], ...]:
    """Reads the `name password` lines that `new_logins` wrote; ConfigError if one is damaged or readable by others.

    The file may belong to us, to root, or to the user with the id `owner`.
    """
    lines = _read(path, private=True, owner=owner).decode("utf-8", "replace").splitlines()
    logins = [tuple(line.split(" ")) for line in lines]
    if not logins or any(len(login) != 2 or not all(login) for login in logins):
        raise ConfigError(f"{path}: not a file of logins, it is made by `homerule broker setup`")
    return tuple((login[0], login[1]) for login in logins)


def load_sealing_public(path: Path) -> X25519PublicKey:
    """Reads a public sealing key from a `.pub` file; ConfigError if it is missing or not 32 bytes in base64."""
    return X25519PublicKey.from_public_bytes(_raw(_read(path).decode("utf-8", "replace"), str(path)))


def load_password(path: Path) -> str:
    """Reads the first line of a password file; ConfigError if it is missing, empty or readable by others."""
    password = first_line(_read(path, private=True))
    if not password:
        raise ConfigError(f"{path}: holds no password, write it into the first line")
    return password


def first_line(content: bytes) -> str:
    """What counts in a password file."""
    return content.decode("utf-8", "replace").partition("\n")[0].rstrip("\r")


def signing_public(text: str, *, where: str) -> Ed25519PublicKey:
    """The Ed25519 public key that `text` (base64, 32 bytes) spells; ConfigError names `where` it stood."""
    return Ed25519PublicKey.from_public_bytes(_raw(text, where))


def sealing_public(text: str, *, where: str) -> X25519PublicKey:
    """The X25519 public key that `text` (base64, 32 bytes) spells; ConfigError names `where` it stood."""
    return X25519PublicKey.from_public_bytes(_raw(text, where))


def public_text(key: PublicKey | PrivateKey) -> str:
    """The public half of `key` in base64: 44 characters."""
    return base64.b64encode(public_bytes(key)).decode("ascii")


def public_bytes(key: PublicKey | PrivateKey) -> bytes:
    """The public half of `key`: 32 raw bytes."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey | X25519PrivateKey) else key
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(key: PublicKey | PrivateKey) -> str:
    """The name by which a message says which key it was sealed to: 16 hex digits, the start of the raw key's sha256."""
    return hashlib.sha256(public_bytes(key)).hexdigest()[:16]


def secret_of(key: Ed25519PrivateKey, purpose: str) -> bytes:
    """32 bytes that only who has the key can make: one secret for each purpose, and none tells of the key."""
    return hashlib.blake2b(purpose.encode(), key=key.private_bytes_raw(), digest_size=32).digest()


def _store(key: Key, path: Path) -> Key:
    require_name(path)
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise ConfigError(f"{public}: exists already and is not written over, choose another name or move it away")
    _create(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    try:
        _create(public, f"{public_text(key)}\n".encode("ascii"), 0o644)
    except ConfigError:
        path.unlink()  # half a pair would only block the next try
        raise
    return key


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise ConfigError(
            f"{path}: exists already and is not written over, choose another name or move it away"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made, {disk.why(error)}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask took away or left
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written, {disk.why(error)}") from error


def _load(path: Path, owner: int | None = None) -> object:
    content = _read(path, private=True, owner=owner)
    try:
        return load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"{path}: not a private key (PEM, no passphrase), make one with `homerule keygen`") from None


def _read(path: Path, *, private: bool = False, owner: int | None = None) -> bytes:
    try:
        content, status = disk.read(path, most=_LARGEST_FILE)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file, keys are made with `homerule keygen`") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read, {disk.why(error)}") from error
    if private:
        _require_own(path, status, owner)
    return content


def _require_own(path: Path, status: os.stat_result, owner: int | None) -> None:
    """A private key that others can read, or that another user can swap, is not private."""
    if path.parent == _handed_over():
        return  # root's, and open to this process alone by an access list, which looks like a group's right here
    if status.st_mode & 0o077:
        raise ConfigError(f"{path}: others can read this secret, run `chmod 600 {path}`")
    if status.st_uid not in (0, os.geteuid(), owner):
        raise ConfigError(f"{path}: belongs to another user, run `chown` so that it is yours")


def _handed_over() -> Path | None:
    """The folder of systemd's copies. It is absolute; else the parent of a bare file name would pass for it."""
    folder = Path(os.environ.get("CREDENTIALS_DIRECTORY", ""))
    return folder if folder.is_absolute() else None


def _raw(text: str, where: str) -> bytes:
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise ConfigError(
            f"{where}: not a public key, 32 bytes in base64 (44 characters) are needed, as in a `.pub` file"
        )
    if base64.b64encode(raw).decode("ascii") != text.strip():  # two bits of the last letter say nothing
        raise ConfigError(
            f"{where}: its last letter is not the one that this key ends in, copy it from the `.pub` file"
        )
    return raw
