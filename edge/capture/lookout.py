"""Watches the small stream of a camera, so that the large one is decoded only while something moves.

It only ever saves work: while it sees nothing itself, for whatever reason, the large stream is decoded all the time.
"""

import logging
import threading
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.capture.opening import opened
from edge.capture.scrutiny import Scrutiny
from edge.capture.trouble import unforeseen
from edge.clock import monotonic
from edge.config import Camera
from edge.decoding.gated import BLIND_SECONDS
from edge.decoding.trouble import Trouble, Why
from edge.values import Picture

HOLD_SECONDS = 2.0
"""How long the gate stays open after the last motion: a vehicle that has gone must be seen to have gone."""
_PLANE_WIDTH = 160
_SCRUTINY_SECONDS = 1.0
_STALLED_SECONDS = 10.0
_RARE = 10
"""Pictures in a row before which nobody saw the road for too long: the stream sends no more of them."""
_PAUSE, _LOGIN_PAUSE = 3.0, 60.0

Gate = Literal["", "open", "shut", "blind"]
"""Of a camera without a small stream it is ""."""

_log = logging.getLogger(__name__)


class Stirs(Protocol):
    """Says of the brightness of each picture in turn whether something moves (edge.vision.gate.MotionGate)."""

    def stirs(self, luma: NDArray[np.uint8], at: float) -> bool: ...


class Lookout:
    """One small stream, in a thread of its own. Any thread may ask whether something moves."""

    def __init__(self, camera: Camera, *, gate: Stirs, isolate: bool = False) -> None:
        """`camera` has a `sub_url`; `isolate`: another process decodes."""
        self._isolate = isolate
        self._id = camera.id
        self._camera = camera.model_copy(update={"url": camera.sub_url})
        self._gate = gate
        self._scrutiny = Scrutiny()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sub-stream {camera.id}", daemon=True)
        self._alive = self._moved = self._since = self._examined = float("-inf")
        self._rare = 0
        self._blind: Why | None = None
        self._said: Why | None = None

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def open_since(self, now: float) -> float | None:
        """Since which second the large stream must be decoded; None: nothing moves."""
        if self._is_blind(now):
            return self._alive
        return self._since if now - self._moved <= HOLD_SECONDS else None

    def gate(self, now: float) -> Gate:
        """How it stands."""
        if self._is_blind(now):
            return "blind"
        return "open" if now - self._moved <= HOLD_SECONDS else "shut"

    def stop(self) -> None:
        """Asks it to end."""
        self._closing.set()

    def join(self, seconds: float) -> None:
        """Waits for its end, so long at most."""
        if self._thread.ident:
            self._thread.join(max(0.0, seconds))

    def _is_blind(self, now: float) -> bool:
        return self._blind is not None or now - self._alive > BLIND_SECONDS

    def _run(self) -> None:
        while not self._closing.is_set():
            why = Why.ENDED
            try:
                self._watch()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and the large stream is decoded
                trouble = error if isinstance(error, Trouble) else unforeseen(error)
                why = trouble.why
                self._trouble(trouble)
            self._closing.wait(_LOGIN_PAUSE if why is Why.REFUSED_LOGIN else _PAUSE)

    def _watch(self) -> None:
        """One connection, until it breaks. Raises Trouble."""
        stream = opened(self._camera, isolate=self._isolate)
        self._scrutiny.begin()
        began = monotonic()
        try:
            while not self._closing.is_set():
                for arrival in stream.read():
                    self.saw(arrival.picture, arrival.at)
                if monotonic() - max(began, self._alive) > _STALLED_SECONDS:
                    raise Trouble(Why.STALLED, "no picture comes although the connection stands")
        finally:
            stream.close()

    def saw(self, picture: Picture, at: float) -> None:
        """One picture of the small stream. For the thread that watches it."""
        luma = picture.luma(max(1, picture.size[0] // _PLANE_WIDTH))
        begun = self._alive > float("-inf")
        self._rare = self._rare + 1 if at - self._alive > BLIND_SECONDS else 0
        # what is there at the start is seen anyhow: until now all was decoded
        moves = self._gate.stirs(luma, at) and begun
        if at - self._examined >= _SCRUTINY_SECONDS:
            self._examined = at
            trouble = self._scrutiny.look(luma, at) or self._rarely()
            if trouble is not None:
                self._trouble(trouble)
            elif self._blind is not None:
                self._well()
        if moves:
            if at - self._moved > HOLD_SECONDS:
                self._since = self._alive  # it began somewhere after the picture before
            self._moved = at
        self._alive = at

    def _rarely(self) -> Trouble | None:
        said = "it sends fewer than two pictures a second; set it to two or more"
        return Trouble(Why.STALLED, said) if self._rare >= _RARE else None

    def _trouble(self, trouble: Trouble) -> None:
        self._blind = trouble.why
        if self._said is not trouble.why:
            self._said = trouble.why
            _log.warning(
                "camera %s: its sub-stream: %s; meanwhile the main stream is decoded all the time", self._id, trouble
            )

    def _well(self) -> None:
        self._blind = self._said = None
        _log.info("camera %s: its sub-stream is watched again", self._id)
