"""How a connection to the broker is kept from others: TLS 1.3, the broker's name checked, our own certificate shown."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from edge.config import Broker
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """`ca` signs the broker's certificate; `cert` and `key` (PEM) are our own, both or neither."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    @classmethod
    def written(cls, broker: Broker) -> "Tls | None":
        """What device.toml says of it; None: TLS is not spoken."""
        return None if broker.ca is None else cls(ca=broker.ca, cert=broker.certificate, key=broker.key)

    def context(self) -> ssl.SSLContext:
        """A TLS 1.3 context that trusts `ca` and nobody else; ConfigError names the file that is wrong."""
        if (self.cert is None) != (self.key is None):
            raise ConfigError("a client certificate and its key belong together, name both or neither")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(cafile=self.ca)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"{self.ca}: not a readable CA certificate ({_why(error)}), a PEM file is needed"
            ) from None
        if self.cert is not None and self.key is not None:
            try:
                # a key that asks for a passphrase must not stop a daemon at a prompt
                context.load_cert_chain(self.cert, self.key, password=lambda: b"")
            except OSError as error:
                pair = f"{self.cert} with {self.key}"
                raise ConfigError(f"{pair}: no certificate and key ({_why(error)}), PEM without passphrase") from None
        return context


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
