"""How a device stands in numbers, for a Prometheus: its text format 0.0.4, made from what `homerule status` shows.

The labels are few and known beforehand: cameras of device.toml, reasons why a candidate is no read, channels that are
off, kinds of alarms. No agency, no read and no plate has a series. PURE.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from edge.control.status import Status
from edge.control.word import alarm_name

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[dict[str, str], float]


def metrics(status: Status) -> str:
    """All of them. What is not known has no sample, so that a zero always means zero."""
    return "".join(
        f"{line}\n" for name, kind, said, samples in _all(status) for line in _family(name, kind, said, samples)
    )


def _all(status: Status) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    """Name, kind, help and samples of each family, see prometheus.io/docs/instrumenting/exposition_formats."""
    report, bundle = status.report, status.bundle
    yield "up", "gauge", "The daemon answers.", _one(1.0)
    yield "start_time_seconds", "gauge", "When the daemon was started.", _when(report.started_at)
    yield "clock_trusted", "gauge", "Whether the clock is believed.", _one(status.clock_trusted)
    yield "held", "gauge", "Whether only the owner is served, whatever the policy says.", _one(status.held is not None)
    yield "policy_in_force", "gauge", "Whether a policy is in force.", _one(bundle is not None)
    if bundle is not None:
        version = [({"version": str(bundle.version), "revision": str(bundle.revision)}, 1.0)]
        yield "policy_info", "gauge", "The policy in force.", version
        yield "policy_valid_until_seconds", "gauge", "When it runs out.", _when(bundle.valid_until)
        yield "policy_signed_seconds", "gauge", "When the city signed it.", _when(bundle.signed_at)
        yield "opt_out", "gauge", "Channels that are off.", [({"channel": name}, 1.0) for name in bundle.opt_outs]
    gates = [one.gate for one in status.subscribers]
    counted = [({"gate": gate}, float(gates.count(gate))) for gate in ("open", "shut")]
    yield "gates", "gauge", "Agencies whose gate is open, and shut.", counted
    yield from _cameras(status)
    yield "broker_connected", "gauge", "Whether the broker is there.", _one(report.broker_connected)
    yield "reads_waiting", "gauge", "Sealed reads without an acknowledgement.", _one(report.reads_waiting)
    yield "audit_entries", "counter", "Entries of the audit log.", _one(report.ledger_entries)
    free = report.free_megabytes
    yield "disk_free_bytes", "gauge", "Free on the audit log's disk.", _one(None if free is None else free * 1e6)
    yield "processor_celsius", "gauge", "The processor's temperature.", _one(report.temperature)
    yield "processor_throttled", "gauge", "Whether it is slowed down.", _one(report.throttled != "")
    yield "self_test_seconds", "gauge", "When the models last read the known plate.", _when(report.tested_at)
    yield "certificate_days", "gauge", "Days that the device's certificate still holds.", _one(report.certificate_days)
    names = sorted({alarm_name(one).partition(":")[0] for one in status.alarms})
    yield "alarms", "gauge", "Things that need a person.", _one(len(status.alarms))
    yield "alarm", "gauge", "What they are about.", [({"what": name}, 1.0) for name in names]


def _cameras(status: Status) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    cameras = status.report.cameras

    def of(values: Iterable[float | None]) -> list[Sample]:
        return [
            ({"camera": one.id}, float(value)) for one, value in zip(cameras, values, strict=True) if value is not None
        ]

    yield "camera_connected", "gauge", "Whether pictures come.", of(one.connected for one in cameras)
    yield "camera_trouble", "gauge", "Whether something is wrong with it.", of(one.why != "" for one in cameras)
    rates = (one.frames_per_second for one in cameras)
    yield "camera_frames_per_second", "gauge", "Pictures that come.", of(rates)
    yield "camera_frames", "counter", "Pictures decoded since the start.", of(one.frames for one in cameras)
    yield "camera_frames_dropped", "counter", "Of them, taken by nobody.", of(one.dropped for one in cameras)
    yield "camera_pace", "gauge", "1 at full pace, less while the device is behind.", of(one.pace for one in cameras)
    yield (
        "camera_hurried",
        "counter",
        "Passages of which fewer than eight looks show the plate whole.",
        of(one.hurried for one in cameras),
    )
    rejected = [
        ({"camera": one.id, "reason": reason.name.lower()}, float(count))
        for one in cameras
        for reason, count in one.rejected.items()
    ]
    yield "camera_rejected", "counter", "Candidates that became no read.", rejected


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [({}, float(value))]


def _when(at: datetime | None) -> list[Sample]:
    return _one(None if at is None else at.timestamp())


def _family(name: str, kind: str, said: str, samples: Iterable[Sample]) -> Iterator[str]:
    full = f"homerule_{name}_total" if kind == "counter" else f"homerule_{name}"
    yield f"# HELP {full} {said}"
    yield f"# TYPE {full} {kind}"
    for labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{full}{'{' + inner + '}' if inner else ''} {value:.17g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
