"""One round: what happens before, how the right goes, who dies at which step, what happens then, how it comes back.

python -m tests.leak.rounds SEED...         plays these rounds again, and prints what the oracle finds
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import sleep

from edge.delivery import site as sites
from tests.broker import wait_until
from tests.leak.agencies import MANNERS, Returner
from tests.leak.device import STEPS, VICTIMS
from tests.leak.events import EVENTS, let_in, shut_out
from tests.leak.line import Line
from tests.leak.scene import OWNER, Nursery, Scene, acted

BEFORE = ("", "", "", "broker away", "broker frozen", "unwritable", "line cut", "line stalled")
AFTER = ("", "daemon dies", "broker dies", "both die", "old rights restored", "rights corrupt")
AGAIN = ("at once", "at once", "after the daemon's restart", "after the broker's restart", "with a death", "never")
GRANTING = ("command", "session", "record", "answer")
"""Steps that giving a right has too."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One round. `death`: step, before or after it, and who."""

    event: str = "socket"
    before: str = ""
    death: tuple[str, str, str] | None = None
    after: tuple[str, ...] = ()
    again: str = "at once"
    death_again: tuple[str, str, str] | None = None

    @classmethod
    def drawn(cls, chance: Random) -> "Plan":
        """Any round."""
        event = chance.choice(list(EVENTS))
        before = chance.choice(BEFORE)
        again = chance.choice(AGAIN)
        death = None
        if chance.random() < 0.6:
            steps = [step for step in STEPS if step not in unreached(event)]
            death = (chance.choice(steps), chance.choice(("before", "after")), chance.choice(VICTIMS))
        return cls(
            event=event,
            before="" if death is not None and before in ("broker away", "broker frozen") else before,
            death=death,
            after=tuple(one for one in (chance.choice(AFTER), chance.choice(AFTER)) if one),
            again=again,
            death_again=(chance.choice(GRANTING), chance.choice(("before", "after")), chance.choice(VICTIMS))
            if again == "with a death"
            else None,
        )


def unreached(event: str) -> set[str]:
    """The steps that are no part of this event."""
    by_time = EVENTS[event].commits == "rows"
    return ({"commit"} if by_time else {"rows"}) | ({"answer"} if by_time or event in ("file", "sighup") else set())


def play(scene: Scene, plan: Plan, line: Line | None = None) -> None:
    """Everybody is served before, and afterwards unless `again` is never."""
    event = EVENTS[plan.event]
    old_rights = scene.site.dynsec.read_bytes()
    _before(scene, plan.before, line)
    if plan.death is not None:
        scene.arm(*plan.death)
    shut_out(scene, event)
    losers = event.losers(scene)
    far = [scene.agencies[name] for name in losers if name in scene.far]
    stubborn = [Returner(one) for one in far if not one.manner.waits][:3]
    for one in stubborn:
        one.start()
    if scene.site.dynsec.is_dir():
        scene.start_broker()  # after a power cut: with the rights of before
    if line is not None:
        line.release()
    for what in plan.after:
        _after(scene, what, old_rights)
        wait_until(lambda: event.over(scene, losers), what=f"{what}: {scene.said[-1500:]}", within=40)
    for one in stubborn:
        one.end()
    scene.press()
    scene.have_more(3, OWNER)
    _again(scene, plan)


def _before(scene: Scene, what: str, line: Line | None) -> None:
    if what == "broker away":
        scene.kill_broker()
    elif what == "broker frozen":
        scene.late = True
        scene.site.freeze()
    elif what == "unwritable":
        scene.make_unwritable()
    elif what == "line cut" and line is not None:
        line.cut()
    elif what == "line stalled" and line is not None:
        scene.late = True
        line.stall()
        sleep(0.2)


def _after(scene: Scene, what: str, old_rights: bytes) -> None:
    if what in ("daemon dies", "both die"):
        scene.kill()
    if what != "daemon dies":
        scene.kill_broker()
    if what == "old rights restored":
        shutil.rmtree(scene.site.dynsec, ignore_errors=True)
        scene.site.dynsec.write_bytes(old_rights)
    elif what == "rights corrupt":
        scene.site.dynsec.write_text("{")
        scene.start_broker()
        sleep(0.3)  # nobody gets in, not even the device
        scene.kill_broker()
        # as the broker's own unit does at each start
        shutil.copy(scene.site.dynsec.with_name(sites.FIRST_RIGHTS), scene.site.dynsec)
    scene.revive()


def _again(scene: Scene, plan: Plan) -> None:
    if plan.again == "never":
        return
    if plan.again == "after the daemon's restart":
        scene.kill()
        scene.revive()
    elif plan.again == "after the broker's restart":
        scene.start_broker()
    let_in(scene, EVENTS[plan.event], death=plan.death_again)
    scene.gather(*scene.agencies)
    scene.have_more(3, *scene.agencies)
    scene.rest()


def played(seed: int, folder: Path, nursery: Nursery) -> list[str]:
    """Plays the round of this seed, which it prints; what the oracle finds."""
    plan = Plan.drawn(Random(seed))
    print(f"round {seed}: {plan}", flush=True)
    with acted(folder, nursery, MANNERS, seed=seed, wired=plan.before.startswith("line")) as scene:
        event = EVENTS[plan.event]
        event.prepare(scene)
        scene.begin()
        play(scene, plan, scene.line)
        scene.drain()
        oracle = scene.oracle()
    return oracle.findings()


def main() -> None:
    """Exit code 1 when the oracle finds anything."""
    nursery, wrong = Nursery(), 0
    try:
        for seed in map(int, sys.argv[1:]):
            with TemporaryDirectory() as folder:
                try:
                    findings = played(seed, Path(folder) / "round", nursery)
                except AssertionError as failed:
                    findings = [f"the round did not come to its end: {failed}"]
            print(*findings, f"{len(findings)} findings", sep="\n  ", flush=True)
            wrong += bool(findings)
    finally:
        nursery.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
