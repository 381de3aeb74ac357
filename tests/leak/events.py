"""How a right can go, and how it comes back: by command, by file, by signal, by time, by the city's signature.

Each event names whom it shuts out. `act` does it, and says whether whoever asked was told that it is in force; where
nobody asks, the device's own status is what tells.
"""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Thread

from edge import desk
from edge.desk import registry
from tests.broker import wait_until
from tests.leak.oracle import Mark
from tests.leak.scene import NEIGHBOUR, Scene


@dataclass(frozen=True, kw_only=True)
class Event:
    """`prepare` is called before the device starts; `undo` writes what the city then signs."""

    act: Callable[[Scene], str | None]
    """The answer: "" told in force, words for anything else, None where nobody asked."""
    undo: Callable[[Scene], object]
    losers: Callable[[Scene], tuple[str, ...]] = lambda scene: scene.far
    prepare: Callable[[Scene], object] = lambda scene: None
    commits: str = "commit"
    """The step at which the change is written down."""
    over: Callable[[Scene, tuple[str, ...]], bool] = lambda scene, names: scene.is_shut(*names)
    """Whether the device says that it is in force."""


def some(scene: Scene) -> tuple[str, ...]:
    """Every other of the agencies far away."""
    return scene.far[::2]


def _typed(scene: Scene) -> str:
    words = ["policy", "opt-out", str(scene.policy), "national-lookup", "--socket", str(scene.socket)]
    done = subprocess.run([sys.executable, "-m", "edge", *words], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 and "in force" in done.stdout else f"{done.stdout} {done.stderr}"


def _asked(scene: Scene) -> str:
    desk.opt_out(scene.policy, "national-lookup")
    return scene.ask()


def _written(scene: Scene) -> None:
    desk.opt_out(scene.policy, "national-lookup")


def _hung_up(scene: Scene) -> None:
    desk.opt_out(scene.policy, "national-lookup")
    assert scene.device is not None
    scene.device.send(signal.SIGHUP)


def _suspended(scene: Scene) -> str:
    for name in some(scene):
        registry.suspend(scene.policy, name)
    return scene.ask()


def _resumed(scene: Scene) -> None:
    for name in some(scene):
        registry.resume(scene.policy, name)


def _removed(scene: Scene) -> str:
    text = (scene.policy / "policy.toml").read_text()
    scene.edit("policy.toml", lambda table: table["sharing"].update(full_feed=[NEIGHBOUR]))
    (scene.folder / "policy.before").write_text(text)
    (scene.folder / "subscribers.before").write_bytes((scene.policy / "subscribers.toml").read_bytes())
    for name in scene.far:
        registry.remove(scene.policy, name)
    scene.sign()
    return scene.ask()


def _restored(scene: Scene) -> None:
    (scene.policy / "policy.toml").write_text((scene.folder / "policy.before").read_text())
    (scene.policy / "subscribers.toml").write_bytes((scene.folder / "subscribers.before").read_bytes())


def _until_tomorrow(scene: Scene) -> None:
    """Every other agreement ends at midnight, and the device believes that this is a minute away."""
    now = scene.clock.now().at
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)

    def change(table: object) -> None:
        for one in table["subscriber"]:  # type: ignore[index]
            if one["id"] in some(scene):
                one["agreement"][0]["expires_on"] = midnight.date()

    scene.edit("subscribers.toml", change)
    scene.sign()
    scene.until = midnight
    scene.shift((midnight - now).total_seconds() - 60)


def _lapsed(scene: Scene) -> None:
    assert scene.until is not None
    scene.shift((scene.until - scene.clock.now().at).total_seconds() - 0.7)


def _renewed(scene: Scene) -> None:
    assert scene.until is not None
    later = (scene.until + timedelta(days=200)).date()
    scene.edit(
        "subscribers.toml",
        lambda table: [one["agreement"][0].update(expires_on=later) for one in table["subscriber"][2:]],
    )


def _fed(scene: Scene, *names: str) -> None:
    scene.edit("policy.toml", lambda table: table["sharing"].update(full_feed=[NEIGHBOUR, *names]))


def _parted(scene: Scene) -> str:
    """Some are left with the reads that are hits, and here none is."""
    _fed(scene, *(set(scene.far) - set(some(scene))))
    scene.sign(replaces=scene.replaced())
    return scene.ask()


def _is_parted(scene: Scene, _: tuple[str, ...]) -> bool:
    found = scene.status()
    settled = {"granted"} == {one.right for one in found.subscribers} if found is not None else False
    return settled and found.bundle.digest == scene.written()


def _until(scene: Scene, at: datetime) -> None:
    scene.edit("policy.toml", lambda table: table.update(valid_until=at))


def _ran_out(scene: Scene) -> None:
    _until(scene, scene.clock.now().at + timedelta(seconds=1.5))
    scene.sign()
    scene.ask()


EVENTS: dict[str, Event] = {
    "command": Event(act=_typed, undo=lambda scene: desk.opt_in(scene.policy, "national-lookup")),
    "socket": Event(act=_asked, undo=lambda scene: desk.opt_in(scene.policy, "national-lookup")),
    "file": Event(act=_written, undo=lambda scene: desk.opt_in(scene.policy, "national-lookup")),
    "sighup": Event(act=_hung_up, undo=lambda scene: desk.opt_in(scene.policy, "national-lookup")),
    "agreement": Event(act=_lapsed, undo=_renewed, losers=some, prepare=_until_tomorrow, commits="rows"),
    "suspension": Event(act=_suspended, undo=_resumed, losers=some),
    "removal": Event(act=_removed, undo=_restored),
    "a part": Event(act=_parted, undo=lambda scene: _fed(scene, *scene.far), losers=some, over=_is_parted),
    "stale bundle": Event(
        act=_ran_out,
        undo=lambda scene: _until(scene, (scene.clock.now().at + timedelta(days=30)).replace(microsecond=0)),
        losers=lambda scene: (NEIGHBOUR, *scene.far),
        commits="rows",
    ),
}


def shut_out(scene: Scene, event: Event) -> None:
    """The event, and when it is in force as whoever asked was told, or as the device says to whoever asks then.

    If somebody is to die at a step of it, whoever died is there again a moment later.
    """
    names, deadly = event.losers(scene), scene.armed
    answers: list[tuple[str | None, Mark]] = []

    def ask() -> None:
        answer = event.act(scene)
        answers.append((answer, scene.mark()))

    asking = Thread(target=ask)
    asking.start()
    if deadly:
        scene.await_death()
        asking.join(scene.chance.uniform(0, 0.3))
        scene.revive()
    asking.join(60)
    ((answer, mark),) = answers
    if answer == "":
        scene.shut_out(*names, at=mark)
        return
    if answer is not None and answer.startswith("broker:"):
        scene.shut_out(*names, at=mark, told=False)  # accepted: the device sends nothing more, the broker is not done
    scene.revive()
    wait_until(lambda: event.over(scene, names), what=f"it is in force: {answer}, {scene.said[-1500:]}", within=40)
    scene.shut_out(*names, at=scene.mark())


def let_in(scene: Scene, event: Event, *, death: tuple[str, str, str] | None = None, served: bool = True) -> None:
    """The city gives the right again, knowing what was in force; returns when the device says that all are served.

    At a step of it somebody may die. Not `served`: returns as soon as whoever asked was answered.
    """
    digest = scene.replaced()
    scene.let_in()
    event.undo(scene)
    scene.sign(replaces=digest)
    if death is not None:
        scene.arm(*death)
    answer = scene.ask()
    if death is not None:
        scene.await_death()
        scene.revive()
    everybody = tuple(scene.agencies)
    if served:
        wait_until(lambda: scene.serves(*everybody), what=f"all are served: {answer}, {scene.said[-1500:]}", within=40)
