"""Sends the reads of a replay to a broker on this computer, as test reads, and only because somebody asked for it;
with them status and checkpoints, as a device does.

Any other computer is refused: a recording of a real street holds real plates.
"""

import re
from types import TracebackType

from edge import __version__
from edge.clock import monotonic
from edge.delivery.broker import Broker
from edge.delivery.wire import StatusWord
from edge.errors import BrokerError
from edge.keys import TEST_DEVICE_KEY, public_text
from edge.relay import Relay
from edge.relay.notices import Notices, will
from edge.replay.replay import DEVICE_ID, Replay

TEST_DEVICE_PUBLIC = public_text(TEST_DEVICE_KEY)
"""What a subscriber checks the signature of a replayed read with."""

_ACKNOWLEDGED_WITHIN = 3.0
_PORT = re.compile("[0-9]{1,5}")


class Publisher:
    """Connected from `with` on; `step` sends what is due, `finish` waits a little for acknowledgements."""

    def __init__(self, address: str, *, run: Replay) -> None:
        """`address` is HOST:PORT on loopback. Raises BrokerError for any other."""
        host, colon, port = address.rpartition(":")
        if not colon or not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
            raise BrokerError(f"`--publish {address}`: is not HOST:PORT; write it like 127.0.0.1:1883")
        self._run = run
        self._broker = Broker(
            host=host.strip("[]"),
            port=int(port),
            client_id=f"homerule-{DEVICE_ID}",
            loopback_only=True,
            will=will(DEVICE_ID, test=True),
        )
        self.taken = 0

    def __enter__(self) -> "Publisher":
        self._broker.connect()
        self._relay = Relay(
            ledger=self._run.ledger,
            broker=self._broker,
            in_force=self._run.in_force,
            hotlists=self._run.hotlists,
            clock=self._run.clock,
            device_id=DEVICE_ID,
            test=True,
        )
        self._notices = Notices(
            broker=self._broker,
            clock=self._run.clock,
            device_id=DEVICE_ID,
            test=True,
            standing=self._standing,
            checkpoint=self._run.ledger.checkpoint,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notices.last()
        self._broker.close()

    def step(self) -> None:
        """Sends what is due."""
        self.taken += self._relay.step()
        self._notices.step()

    def finish(self) -> int:
        """Sends the rest and waits up to three seconds for acknowledgements; the number still missing."""
        until = monotonic() + _ACKNOWLEDGED_WITHIN
        self.step()
        while self._run.ledger.waiting() and monotonic() < until:
            self.taken += self._relay.step(patience=0.2)
            self._notices.step()
        return self._run.ledger.waiting()

    def _standing(self) -> StatusWord:
        now, bundle = self._run.clock.now(), self._run.in_force()
        return StatusWord(
            v=1,
            device=DEVICE_ID,
            state="running",
            test=True,
            at=now.at,
            software=__version__,
            held=False if bundle is None else bundle.held,
            clock_trusted=now.trusted,
        )
