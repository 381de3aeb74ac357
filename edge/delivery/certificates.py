"""Certificates of one site: an authority used for nothing else, and names that live for 30 days.

A certificate says who somebody is and never what it may read; a right is taken away at the broker, and no revocation
list is kept. The name is ours to choose: of a request only its key is taken.
"""

import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge import disk, keys
from edge.errors import ConfigError

LIFETIME = timedelta(days=30)
"""How long a certificate holds. There is no list of revoked ones, so a lost key is of use no longer than this."""

RENEW_WITHIN = timedelta(days=15)
"""A certificate that ends sooner than this is renewed."""

WARN_WITHIN = timedelta(days=7)
"""A certificate that ends sooner than this was not renewed when it should have been: somebody must look."""

_AUTHORITY_LIFETIME = timedelta(days=3650)
_SKEW = timedelta(hours=1)
_LARGEST = 65_536
_SMALLEST_RSA, _LARGEST_RSA = 2048, 8192
_LONGEST_NAME = 64
_LEGAL_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?|::1|::")
_LEGAL_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

Public = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


class Authority:
    """The site's own authority, with its private key: whoever holds it can be anybody at the broker."""

    def __init__(self, *, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key, self.certificate = key, certificate

    @classmethod
    def new(cls, key_file: Path, *, site: str, now: datetime) -> "Authority":
        """Makes an authority and its key file (0600); it can sign no further authority. ConfigError."""
        key = keys.new_certificate_key(key_file)
        name = _name(f"Homerule {site}"[:_LONGEST_NAME])
        made = (
            _begun(name, name, key.public_key(), now, _AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key=key, certificate=made)

    @classmethod
    def load(cls, folder: Path) -> "Authority":
        """Reads `ca.key` and `ca.crt`. ConfigError when one is missing or they do not belong together."""
        key, certificate = keys.load_certificate_key(folder / "ca.key"), load_certificate(folder / "ca.crt")
        if certificate.public_key() != key.public_key():
            raise ConfigError(f"{folder}: ca.key and ca.crt do not belong together, put the right pair there")
        return cls(key=key, certificate=certificate)

    def for_client(self, name: str, public: Public, *, now: datetime) -> x509.Certificate:
        """A certificate by which the bearer of `public` is known as `name`, and by which it can be no server."""
        return self._issue(name, public, ExtendedKeyUsageOID.CLIENT_AUTH, None, now)

    def for_server(self, hosts: Sequence[str], public: Public, *, now: datetime) -> x509.Certificate:
        """A certificate for a broker that is reached by any of `hosts`, names or addresses."""
        names = x509.SubjectAlternativeName([_host(host) for host in dict.fromkeys(hosts)])
        return self._issue(hosts[0][:_LONGEST_NAME], public, ExtendedKeyUsageOID.SERVER_AUTH, names, now)

    def for_probe(self, name: str, public: Public, *, now: datetime) -> x509.Certificate:
        """As `for_client`, and it ends when the hour is over."""
        return self._issue(name, public, ExtendedKeyUsageOID.CLIENT_AUTH, None, now, 2 * _SKEW)

    def again(self, old: x509.Certificate, *, now: datetime) -> x509.Certificate:
        """The same name, key and use as `old`, for another 30 days. ConfigError when `old` is not this authority's."""
        try:
            old.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            raise ConfigError(f"the certificate of `{common_name(old)}` is of another authority") from None
        return self._issue(common_name(old), _public(old.public_key()), _purpose(old), _hosts(old), now)

    def _issue(
        self,
        name: str,
        public: Public,
        purpose: x509.ObjectIdentifier,
        hosts: x509.SubjectAlternativeName | None,
        now: datetime,
        lifetime: timedelta = LIFETIME,
    ) -> x509.Certificate:
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = (
            _begun(_name(name), self.certificate.subject, public, now, lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
            .add_extension(own, critical=False)
        )
        if hosts is not None:
            made = made.add_extension(hosts, critical=False)
        return made.sign(self._key, hashes.SHA256())


def check_name(name: str) -> None:
    """Raises ConfigError, with the mend, for a name that no registry can hold as `certificate_name`."""
    if not _LEGAL_NAME.fullmatch(name):
        raise ConfigError(f"`{name}` cannot be a certificate's name, use 1 to 64 of a-z, A-Z, 0-9 and ._-")


def check_host(text: str) -> None:
    """Raises ConfigError for what is neither the name nor the address of a computer."""
    if not _LEGAL_HOST.fullmatch(text):
        raise ConfigError(f"`{text}` is neither a host name in plain letters nor an address")


def request(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """A request (PEM) that asks for `name` and proves that the asker holds `key`."""
    made = x509.CertificateSigningRequestBuilder().subject_name(_name(name)).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM)


def asked_for(content: bytes, *, where: str) -> tuple[str, Public]:
    """The name and the public key of a request (PEM or DER); ConfigError names `where` it stood and the mend."""
    try:
        pem = content.lstrip().startswith(b"-----")
        asked = x509.load_pem_x509_csr(content) if pem else x509.load_der_x509_csr(content)
        names = [str(one.value) for one in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        holds, public = asked.is_signature_valid, asked.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{where}: not a certificate request, make one with `homerule keygen FILE --certificate NAME`"
        ) from None
    if not holds:
        raise ConfigError(f"{where}: its signature does not hold, make the request again")
    if len(names) != 1:
        raise ConfigError(f"{where}: asks for {len(names)} names (CN), write exactly one into the request")
    return names[0], _public(public, where=where)


def load_certificate(path: Path) -> x509.Certificate:
    """Reads one certificate (PEM). ConfigError with the mend."""
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificate(file.read(_LARGEST))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read, {disk.why(error)}") from error
    except ValueError:
        raise ConfigError(f"{path}: is not a certificate, a PEM file is needed") from None


def common_name(certificate: x509.Certificate) -> str:
    """The name by which the broker knows the bearer."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def holds_for(certificate: x509.Certificate, host: str) -> bool:
    """Whether a broker's certificate names `host`."""
    return _host(host) in (_hosts(certificate) or ())


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate as it stands in a file."""
    return certificate.public_bytes(Encoding.PEM)


def _begun(
    subject: x509.Name, issuer: x509.Name, public: Public, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    begins = now.replace(microsecond=0) - _SKEW  # a clock that is a little behind still believes it
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(text: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    except ValueError:
        raise ConfigError(f"`{text}` cannot stand in a certificate, use 1 to {_LONGEST_NAME} characters") from None


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(text: str) -> x509.GeneralName:
    check_host(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _public(key: object, *, where: str = "the certificate") -> Public:
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey) and _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA:
        return key
    raise ConfigError(f"{where}: its key is of a kind that is not taken, use P-256, P-384, Ed25519 or RSA from 2048 on")


def _purpose(certificate: x509.Certificate) -> x509.ObjectIdentifier:
    try:
        purpose: x509.ObjectIdentifier = next(
            iter(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        )
    except (x509.ExtensionNotFound, StopIteration, ValueError):
        raise ConfigError(f"the certificate of `{common_name(certificate)}` does not say what it is for") from None
    return purpose


def _hosts(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return None
