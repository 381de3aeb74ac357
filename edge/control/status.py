"""How a device stands, as it is told on the socket and shown by `homerule status`. Names of agencies, never a plate."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.rejection import Rejection

LONGEST_WORDS = 2000


class Told(BaseModel):
    """Base of what goes over the socket: closed to unknown keys, frozen, nothing of a wrong input in its errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AlarmStatus(Told):
    """Something that needs a person; `said` is what is wrong and the mend."""

    what: str
    said: str
    since: datetime


class BundleStatus(Told):
    """The bundle in force. `signed_at` is None for one that nobody signed; `by_hand` is what was closed on this device
    since the city signed.
    """

    digest: str
    version: int
    revision: int
    signed_at: datetime | None
    valid_until: datetime
    owner: str
    opt_outs: tuple[str, ...]
    by_hand: tuple[str, ...] = ()


class SubscriberStatus(Told):
    """One agency: whether its gate is open, how its right at the broker stands, and why it is not served.

    `suspended`: the policy that is in force says so of it, whatever else may shut its gate.
    """

    id: str
    name: str
    gate: Literal["open", "shut"]
    right: str
    why: str
    suspended: bool = False


class Standing(Told):
    """What control knows at one moment: what is in force, whose gate is open, and what needs a person.

    `held` says why only the owner is served, None when that is not so. `clear`: nobody can hold, at the broker, what it
    should not have.
    """

    at: datetime
    clock_trusted: bool
    bundle: BundleStatus | None
    held: str | None
    subscribers: tuple[SubscriberStatus, ...]
    clear: bool
    alarms: tuple[AlarmStatus, ...]


class CameraStatus(Told):
    """One camera. `why` is what is wrong with it, "" when nothing is.

    `pace` is below 1 while the device is behind and looks less often. `gate` tells of a watched sub-stream: open, shut
    (the main stream rests), or blind (it gives nothing); "" for a camera without. `frames` were decoded since the
    start, `dropped` of them taken by nobody. `decoder`: who decodes, "" the daemon itself, "process" another process,
    "user" another process as another user. Since the start so many candidates were `rejected`, by reason, and so many
    passages were `hurried`: fewer than eight looks show their plate whole.
    """

    id: str
    connected: bool
    since: datetime | None = None
    frames_per_second: float | None = None
    pace: float = 1.0
    gate: str = ""
    why: str = ""
    frames: int | None = None
    dropped: int | None = None
    decoder: str = ""
    rejected: dict[Rejection, int] = Field(default_factory=dict)
    hurried: int | None = None


class Report(Told):
    """What the daemon knows besides control: everything has a value that stands for "not known".

    `provider` is what really runs the models: cpu, cuda or tensorrt; at `tested_at` they last read the known plate.
    `temperature` is the processor's in degrees Celsius; `throttled` says why it is slowed down, "" when it is not.
    `certificate_days` are left of the first certificate that ends, for the broker.
    """

    software: str = ""
    started_at: datetime | None = None
    cameras: tuple[CameraStatus, ...] = ()
    provider: str = ""
    broker_connected: bool | None = None
    reads_waiting: int | None = None
    ledger_id: str | None = None
    ledger_entries: int | None = None
    free_megabytes: int | None = None
    clock_by: str = ""
    tested_at: datetime | None = None
    temperature: float | None = None
    throttled: str = ""
    certificate_days: int | None = None
    alarms: tuple[AlarmStatus, ...] = ()


class Status(Told):
    """All of it. `bundle` None: nothing may be shared. `held` says why only the owner is served, None: it is not so."""

    form: Literal[1] = 1
    device: str
    at: datetime
    clock_trusted: bool
    bundle: BundleStatus | None
    held: str | None
    subscribers: tuple[SubscriberStatus, ...]
    alarms: tuple[AlarmStatus, ...]
    report: Report


class Ask(Told):
    """What may be asked: one JSON object on a line."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    ask: Literal["status", "take-up"]


class Answer(Told):
    """What is answered. `kind` is the sort of refusal: policy, broker, ledger, denied, busy, or request."""

    ok: bool
    kind: Literal["policy", "broker", "ledger", "denied", "busy", "request"] | None = None
    why: Annotated[str, Field(max_length=LONGEST_WORDS)] | None = None
    status: Status | None = None


def status_of(device: str, standing: Standing, report: Report) -> Status:
    """Puts together what control and the daemon know."""
    return Status(
        device=device,
        at=standing.at,
        clock_trusted=standing.clock_trusted,
        bundle=standing.bundle,
        held=standing.held,
        subscribers=standing.subscribers,
        alarms=(*standing.alarms, *report.alarms),
        report=report,
    )
