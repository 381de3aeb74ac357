"""The code broken on purpose, one wall at a time, and the scene in which the oracle must see it.

python -m tests.leak.mutants [NAME...]      breaks a copy of the program, plays the scene, prints what was found
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.broker import wait_until
from tests.leak.agencies import MANNERS
from tests.leak.events import EVENTS, let_in, shut_out
from tests.leak.rounds import Plan, play
from tests.leak.scene import NEIGHBOUR, OWNER, ROOT, Nursery, Scene, acted

OPT_OUT = Plan()
_SHOW = "from tests.leak.mutants import MUTANTS, found; print(*found(MUTANTS[{!r}].plan), sep='\\n')"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`changes` are (file, old words, new words). The plan is what is played."""

    changes: tuple[tuple[str, str, str], ...]
    plan: Plan = OPT_OUT


ACCESS, CONTROL, DOORS = "delivery/access.py", "control/control.py", "control/doors.py"
RELAY, CHANGES, DOOR = "relay/relay.py", "control/changes.py", "relay/door.py"
NO_PURGE = (
    ACCESS,
    "            line = Line(address=self._address(self._caller, client_id)",
    "            continue\n            line = Line(address=self._address(self._caller, client_id)",
)
NO_SECOND_DECISION = (DOOR, "    return decision.effect is Effect.SHARE and not (", "    return True or (")
GIVEN_BACK = (CONTROL, "for name in losers(after, self._course.serving):", "for name in ():")
GATE_STAYS_OPEN = (RELAY, "        if not self._gates.shut(subscriber_id, patience=_SHUT_WITHIN):", "        if False:")

MUTANTS: dict[str, Mutant] = {
    "no session is dropped": Mutant(changes=(NO_PURGE,)),
    "the role stays": Mutant(
        changes=(
            (
                ACCESS,
                "            left = self._without(dynsec, step, name, {role_of(grant)})",
                "            left = None",
            ),
            NO_PURGE,
        )
    ),
    "nothing is done at the broker": Mutant(
        changes=((ACCESS, "            self._granted.discard(grant)\n", "            return ()\n"),)
    ),
    "gate stays open and nothing is decided again": Mutant(
        changes=(
            GATE_STAYS_OPEN,
            NO_SECOND_DECISION,
            (CHANGES, "        if not left\n", "        if False\n"),
        ),
        plan=Plan(before="broker away"),  # so that something waits, however quick the computer is
    ),
    "rows stay": Mutant(changes=((CHANGES, "        if not left\n", "        if False\n"), GIVEN_BACK)),
    "it answers before the broker is done": Mutant(
        changes=((DOORS, "                if self._in_line():\n                    return", "                return"),),
        plan=Plan(before="broker frozen"),
    ),
    "it answers at once": Mutant(
        changes=((CONTROL, "            self._doors.settled(PATIENCE, alone=not self._apart)", "            pass"),),
    ),
    "what a lost line left is delivered": Mutant(
        changes=((ACCESS, "return set() if self._publishes() else", "return set() if True else"),),
        plan=Plan(before="line stalled", again="while it stands still"),
    ),
    "rows outlive a right that ended while nobody was there": Mutant(
        changes=(
            (
                CONTROL,
                "        if self._course.trusted:\n            self._count()",
                "        if False:\n            self._count()",
            ),
            GIVEN_BACK,
        ),
        plan=Plan(event="stale bundle", death=("gate", "after", "both")),
    ),
    "what a part gave comes when it is given back": Mutant(
        changes=(GIVEN_BACK,),
        plan=Plan(event="a part", again="while the broker is away"),
    ),
    "only a revocation drops sessions": Mutant(
        changes=(
            (ACCESS, '            step("drop", lambda: self._drop(*sorted(dropped)))', "            pass"),
            (ACCESS, '            step("drop", lambda: self._drop(name, *self._left_over()))', "            pass"),
        ),
        plan=Plan(death=("session", "before", "daemon")),
    ),
    "what is sent is not written down": Mutant(
        changes=(
            (
                RELAY,
                "return bundle, self._ledger.mark_sent(standing, refused=falling)",
                "self._ledger.mark_sent([], refused=falling)\n        return bundle, standing",
            ),
        )
    ),
    "it is retained": Mutant(
        changes=(
            (
                "delivery/line.py",
                "payload, qos=1, retain=False, properties=properties)\n        return",
                "payload, qos=1, retain=True, properties=properties)\n        return",
            ),
        )
    ),
    "later ones go first": Mutant(
        changes=(
            (
                DOOR,
                "    for row in rows:\n        decision",
                "    for row in list(rows)[::-1]:\n        decision",
            ),
        ),
        plan=Plan(before="broker away"),
    ),
}


def late(scene: Scene) -> None:
    """Messages stand still on the line while the right goes and comes back, before the broker gives the line up."""
    assert scene.line is not None
    scene.late = True
    scene.flow()
    scene.stand_still()
    shut_out(scene, EVENTS["socket"])
    scene.flow(0)
    let_in(scene, EVENTS["socket"], served=False)
    scene.gather(*scene.far)
    scene.line.release()
    scene.flow()
    scene.have_more(3, OWNER, NEIGHBOUR)


def absent(scene: Scene) -> None:
    """A part of a right goes and comes back while the broker is away: nothing that waits is tried in between."""
    event = EVENTS["a part"]
    scene.kill_broker()
    enough = scene.count_waiting(*scene.far) + 3 * len(scene.far)
    wait_until(lambda: scene.count_waiting(*scene.far) > enough, what="reads wait for everybody", within=20)
    scene.flow(0)
    answer = event.act(scene)
    assert answer.startswith("broker:"), answer
    scene.shut_out(*event.losers(scene), at=scene.mark(), told=False)
    let_in(scene, event, served=False)
    scene.revive()
    wait_until(lambda: scene.serves(*scene.agencies), what=f"all are served: {scene.said[-600:]}", within=40)
    scene.gather(*scene.agencies)
    scene.flow()
    scene.have_more(3, *scene.agencies)


ODD = {"while it stands still": late, "while the broker is away": absent}
"""Ways to come back that are scenes of their own."""


def found(plan: Plan) -> list[str]:
    """What the oracle finds after the plan, or why it did not come to its end."""
    nursery, few = Nursery(), plan.again == "while it stands still"
    far = {name: MANNERS[name] for name in (("live", "returning") if few else MANNERS)}
    try:
        with (
            TemporaryDirectory() as folder,
            acted(Path(folder) / "scene", nursery, far, wired="line" in plan.before) as scene,
        ):
            try:
                EVENTS[plan.event].prepare(scene)
                scene.begin()
                if plan.again in ODD:
                    ODD[plan.again](scene)
                else:
                    play(scene, plan, scene.line)
                scene.drain()
            except AssertionError as never:
                findings = [f"it did not come to its end: {str(never)[:200]}"]
            else:
                findings = []
            return [*scene.oracle().findings(), *findings]
    finally:
        nursery.close()


def broken(name: str) -> list[str]:
    """The findings in a process of its own, with the program broken."""
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "edge", copy / "edge", ignore=shutil.ignore_patterns("__pycache__"))
        for each in ("tests", "models", "deploy", "pyproject.toml"):
            (copy / each).symlink_to(ROOT / each)
        for file, old, new in MUTANTS[name].changes:
            path = copy / "edge" / file
            text = path.read_text()
            assert text.count(old) == 1, f"{file} has changed: {old}"
            path.write_text(text.replace(old, new))
        done = subprocess.run(
            [sys.executable, "-c", _SHOW.format(name)],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def main() -> None:
    """Exit code 1 when a mutant is not seen."""
    unseen = 0
    for name in sys.argv[1:] or MUTANTS:
        findings = broken(name)
        print(f"{name}: {len(findings)} findings", *findings[:2], sep="\n    ", flush=True)
        unseen += not findings
    sys.exit(1 if unseen else 0)


if __name__ == "__main__":
    main()
