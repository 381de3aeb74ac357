"""PURE: what everybody who may read here is told of how the device stands. No text that somebody wrote is in it."""

import re

from edge import __version__
from edge.control.status import AlarmStatus, BundleStatus, Status
from edge.delivery.wire import BundleWord, CameraWord, StatusWord

_ALARM = re.compile(r"[a-z0-9_:-]{1,128}")


def word_of(status: Status, *, test: bool = False) -> StatusWord:
    """The message for the status topic, from what `homerule status` shows on the device itself."""
    report = status.report
    return StatusWord(
        v=1,
        device=status.device,
        state="running",
        test=test,
        at=status.at,
        software=__version__,
        bundle=None if status.bundle is None else _bundle(status.bundle),
        held=status.held is not None,
        clock_trusted=status.clock_trusted,
        cameras=tuple(CameraWord(id=one.id, connected=one.connected) for one in report.cameras),
        reads_waiting=report.reads_waiting,
        free_megabytes=report.free_megabytes,
        alarms=tuple(sorted({alarm_name(one) for one in status.alarms})),
    )


def _bundle(bundle: BundleStatus) -> BundleWord:
    return BundleWord(
        digest=bundle.digest,
        version=bundle.version,
        revision=bundle.revision,
        valid_until=bundle.valid_until,
        opt_outs=bundle.opt_outs,
    )


def alarm_name(alarm: AlarmStatus) -> str:
    """What it is about. A name in it that somebody chose freely is left out."""
    sort = alarm.what.partition(":")[0]
    return next((name for name in (alarm.what, sort) if _ALARM.fullmatch(name)), "alarm")
