"""The whole demo: build the city, play, verify the log, judge what the agencies hold, and say it to a city clerk."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from edge import desk, keys
from edge.clock import SystemClock
from edge.demo.brokers import open_broker
from edge.demo.city import AGENCIES, FAR_AWAY, NEIGHBOUR, OWNER, found_city
from edge.demo.judge import astray, missed
from edge.demo.play import Play, Played
from edge.demo.screen import Column, Screen
from edge.ledger import LEDGER_NAME
from edge.ledger.verify import Report, verify
from edge.policy.reasons import sentence
from edge.road.clip import Pass, Road
from edge.values import Effect
from edge.vision import Models, Vision

ROLES = {
    OWNER: "owner, every read",
    NEIGHBOUR: "same state, hits only",
    FAR_AWAY: "agreement, National Lookup",
}
PASSES = (
    Pass(text="CZ 48213", colour="silver"),
    Pass(text="AB 12345", colour="red", body="hatch"),
    Pass(text="EV 90417", colour="white", body="suv", towards=True),
    Pass(text="XRK 4829", state="WISCONSIN", colour="blue"),
    Pass(text="KM 73528", colour="black", body="suv"),
    Pass(text="BT 66194", colour="tan", towards=True),
    Pass(text="ZK 95417", colour="green", body="hatch"),
    Pass(text="FN 27835", colour="grey", body="suv"),
    Pass(text="748 KLM", state="INDIANA", colour="white"),
    Pass(text="CV 59273", colour="blue", body="hatch", towards=True),
)
"""Who passes. Two of them stand on the example hot list: one before the opt-out, one after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What came of it: what went astray (nothing, when all is well), and the summary in plain words."""

    astray: tuple[str, ...]
    summary: tuple[str, ...]


def make_road() -> Road:
    """The road of the demo."""
    return Road(passes=PASSES, seed=1)


def perform(*, kind: str, models: Models, folder: Path, console: Console) -> Ending:
    """Runs the demo with the broker `kind` in `folder`, which it fills. Raises any HomeruleError of the rooms."""
    clock = SystemClock(trusted=True)
    broker = open_broker(kind, folder / "broker")
    city = found_city(folder, now=clock.now().at)
    names = {name: one.name for name, one in desk.open_bundle(city.policy, pin=None).subscribers.items()}
    place = "Prospect Grove, Illinois (made up)"
    columns = [Column(agency=agency, name=names[agency], role=ROLES[agency]) for agency in AGENCIES]
    screen = Screen(console=console, title=f"{place}  ·  {broker.title}", columns=columns)
    screen.switch("National Lookup is ON", on=True)
    with screen:
        eyes = Vision(models=models, clock=clock)
        played = Play(city=city, broker=broker, make_road=make_road, eyes=eyes, screen=screen).run()
    ledger = city.folder / LEDGER_NAME
    report = verify(ledger, keys.load_public(city.device_public))
    truth = [text for text, _, _ in played.road.truth]
    found = astray(
        truth=truth,
        rulings=played.rulings,
        received=played.received,
        called_back=played.called_back,
        silence=played.silence,
    )
    if not played.logged:
        found.append("the audit log does not say that National Lookup was turned off")
    content = ledger.read_bytes()
    found += [f"the plate {text} stands in the ledger" for text in truth if text.encode() in content]
    found += [f"the audit log does not verify: {fault.what}" for fault in report.faults]
    return Ending(astray=tuple(found), summary=tuple(_summary(played, report, names, found)))


def _summary(played: Played, report: Report, names: dict[str, str], found: list[str]) -> Iterator[str]:
    truth = [text for text, _, _ in played.road.truth]
    unseen = missed(truth, played.rulings)
    yield f"{len(truth)} vehicles passed; {len(played.rulings)} were read, on the camera itself."
    if unseen:
        yield (
            f"{len(unseen)} went by unread: this computer was too busy for {played.dropped} "
            f"of {played.frames + played.dropped} pictures."
            if played.dropped > played.frames
            else f"{len(unseen)} went by unread: the camera was not sure enough of the plate."
        )
    width = max(len(name) for name in names.values())
    for agency in AGENCIES:
        yield f"  {names[agency]:<{width}}  {_share(played, agency)}"
    if played.silence is not None:
        after = sum(one.received_at > played.silence.since for one in played.received[played.silence.agency])
        yield (
            f"The opt-out was in force {played.opt_out_took:.2f} s after the clerk changed one line of policy.toml. "
            f"From then on {names[played.silence.agency]} received {after or 'nothing'}."
        )
    yield (
        f"The audit log has {report.entries} entries about {report.reads} reads, and "
        + ("every one of them verifies." if not report.faults else "it DOES NOT VERIFY.")
        + (" No plate stands in it." if not any("stands in the ledger" in one for one in found) else "")
    )
    if found:
        yield f"WENT WRONG ({len(found)}):"
        yield from (f"  {one}" for one in found)
    else:
        yield "Nothing went astray: what each agency holds is what the policy allowed, no more and no less."


def _share(played: Played, agency: str) -> str:
    count, reads = len(played.received[agency]), len(played.rulings)
    reasons = Counter(
        decision.reasons[0]
        for ruling in played.rulings
        for decision in ruling.decisions
        if decision.subscriber_id == agency and decision.effect is Effect.WITHHOLD
    )
    withheld = "; ".join(f"{number} withheld: {sentence(code)}" for code, number in reasons.most_common())
    back = sum(name == agency for name, _ in played.called_back)
    parts = [
        f"received {count} of {reads}",
        *([f"{back} called back"] if back else []),
        *([withheld] if withheld else []),
    ]
    return "; ".join(parts)
