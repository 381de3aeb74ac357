"""Under a law pack that forbids unattended roadside readers the device does not run at all, unless police IT names the
exception that it falls under. Where the city signs such a pack while it runs, it reads, records and sends nothing from
that moment on, as if it had not started, and begins again with a newer policy that lets it: the files of before, put
back by whoever can write them, do not. Nor does a restart, where device.toml names a floor file to keep that beside.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edge import disk
from edge.clock import Clock
from edge.errors import ConfigError
from edge.ledger.entries import Alarm, AlarmEnded, Entry
from edge.policy.bundle import Bundle
from edge.policy.collection import refusal

WHAT = "collection"
"""The alarm's name."""
BY_LAW = "law"
"""Why it stands, and why a run ends that it lets do nothing."""
_MOST = 64


class Collection:
    """Asked of every bundle before it may come into force. `exception` is `[device] collection_exception`.

    `refused` says why nothing may be collected now, None when it may; `since` when that began. Any thread may read.
    """

    def __init__(
        self, exception: str | None, *, floor: Path | None, clock: Clock, note: Callable[[Entry], object]
    ) -> None:
        """Beside the `floor` file it is kept which version of the policy forbade. ConfigError when that is damaged."""
        self._exception, self._clock, self._note = exception, clock, note
        self._file = None if floor is None else floor.with_name(f"{floor.name}.collection")
        self._forbidden_by = self._kept = 0 if self._file is None else _read(self._file)
        self.refused: str | None = None
        self.since: datetime | None = None

    def unfit(self, bundle: Bundle) -> str | None:
        """Why this device may not collect under `bundle`, which the city asks for; None when it may.

        It holds at once, for the bundle does not come into force: files that cannot be read after it change nothing.
        """
        before, why = self.refused, refusal(bundle, self._exception, forbidden_by=self._forbidden_by)
        if why is not None:
            self._forbidden_by = max(self._forbidden_by, bundle.version)
            why += self._keep()
        if why is not None and before is None:
            self.since = self._clock.now().at
            self._note(Alarm(what=WHAT, why=BY_LAW))
        elif why is None and before is not None:
            self._note(AlarmEnded(what=WHAT))
        self.refused = why
        return why

    def allows(self) -> bool:
        """Whether anything may be collected now."""
        return self.refused is None

    def refuses(self, in_force: Bundle | None) -> str | None:
        """Why not to start: what is `in_force`, or what the city asks for in its place, does not let it collect; or
        nothing is, and the last that was known did not."""
        if in_force is None:
            return self.refused or refusal(None, self._exception, forbidden_by=self._forbidden_by)
        return self.refused or self.unfit(in_force)

    def _keep(self) -> str:
        """Writes down for the next run which version forbids; what is to be said when that fails. Then it is tried
        again whenever somebody asks.
        """
        if self._file is None or self._kept == self._forbidden_by:
            return ""
        try:
            disk.put(self._file, f"{self._forbidden_by}\n".encode("ascii"), mode=0o600)
        except OSError as error:
            return f"; {self._file}: cannot be written, {disk.why(error)}, so that a restart may forget this"
        self._kept = self._forbidden_by
        return ""


def _read(file: Path) -> int:
    try:
        return int(disk.read(file, most=_MOST)[0])
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read, {disk.why(error)}") from error
    except ValueError:
        raise ConfigError(
            f"{file}: is damaged; write into it the number of the last policy that forbade to collect, or 0"
        ) from None
