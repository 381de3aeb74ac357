"""Every error that Homerule raises on purpose, named for what the caller does next.

    HomeruleError            shown to the person as one line, exit code 1
    |-- ConfigError          do not start: device.toml, a key or a model file is wrong
    |   |-- ModelError       alarm: a model is missing, was changed, or does not read; never an empty road
    |   `-- NotStored        do not acknowledge: a subscriber's own command did not take a read; it comes again
    |-- PolicyError          hold: a policy file, bundle or signature is refused; what was in force stays
    |-- CameraError          retry with back-off: a camera, video file or folder gives no frames
    |-- BrokerError          retry with back-off: the broker is away or refuses
    |   `-- RightsError      keep the gate shut, alarm, retry: a right could not be given, taken away or read back
    |-- EnvelopeError        drop the message and say so: a sealed read does not open or does not verify
    |-- ControlError         tell the person: the running daemon cannot be asked, or does not answer
    |   `-- NoDaemon         go on without: none is running here
    `-- LedgerError          stop sharing: the ledger cannot be written or does not verify
        `-- Superseded       decide again: another bundle or hot list came into force meanwhile; nothing was recorded

A message says what is wrong, where (file and key), and the mend; lower case, no full stop, never a plate.
"""


class HomeruleError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(HomeruleError):
    """Something that must be right before the start is wrong."""


class ModelError(ConfigError):
    """A model is missing, was changed, or fails at inference."""


class NotStored(ConfigError):
    """One read could not be stored; the next one may be."""


class PolicyError(HomeruleError):
    """A policy, registry, law pack, bundle or signature is refused."""


class CameraError(HomeruleError):
    """A camera, video file or folder of images gives no frames."""


class BrokerError(HomeruleError):
    """The broker cannot be reached or refuses."""


class RightsError(BrokerError):
    """A right at the broker could not be given, taken away or read back. `step` names what failed, as in the ledger."""

    def __init__(self, message: str, *, step: str) -> None:
        super().__init__(message)
        self.step = step


class EnvelopeError(HomeruleError):
    """A sealed read cannot be opened, or is not what it claims to be."""


class LedgerError(HomeruleError):
    """The ledger cannot be read or written, or does not verify."""


class Superseded(LedgerError):
    """What was to be recorded had been decided under a bundle or a hot list that is no longer in force."""


class ControlError(HomeruleError):
    """The daemon on this computer cannot be asked."""


class NoDaemon(ControlError):
    """No daemon is running here."""
