"""Takes one message after another: opens, verifies, stores, acknowledges. What does not verify is not stored."""

import logging
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.clock import YEARS, Clock, stamp
from edge.delivery.broker import Arrival, Broker, Handover
from edge.delivery.envelope import Opened, open_
from edge.delivery.topics import ack_topic, notice_filters, read_filter, read_topic
from edge.delivery.wire import Kind, canonical
from edge.errors import EnvelopeError, LedgerError, NotStored
from edge.receive.notices import Notices
from edge.receive.store import Store, Stored
from edge.receive.witness import Witness

_ACK_SECONDS = 30

_log = logging.getLogger(__name__)


class Receiver:
    """One subscriber of one device key. `step` is called over and over from one thread."""

    def __init__(
        self,
        *,
        broker: Broker,
        store: Store,
        subscriber_id: str,
        sealing_key: X25519PrivateKey,
        device_public_key: Ed25519PublicKey,
        device_id: str | None,
        clock: Clock,
        test: bool,
        witness: Witness | None = None,
    ) -> None:
        """Subscribes to the subscriber's own topic, and to what devices say of themselves where the broker grants that.

        EnvelopeError for an id that is no topic level. What may be kept no longer is deleted from the store at once.
        """
        self._broker, self._store, self._clock, self._test = broker, store, clock, test
        self._subscriber_id, self._sealing_key = subscriber_id, sealing_key
        self._device_public_key, self._device_id = device_public_key, device_id
        self._witness = witness or Witness(None, device_public_key)
        self._notices = Notices(witness=self._witness, clock=clock, test=test, device_id=device_id)
        self._said: set[str] = set()
        self.refused = self.failed = self.deleted = 0
        self._purge()
        broker.subscribe(read_filter(device_id, subscriber_id, test=test))
        for topic_filter in notice_filters(device_id, test=test):
            broker.subscribe(topic_filter, needed=False)

    def step(self, *, patience: float) -> Opened | None:
        """Waits up to `patience` seconds for a message; gives the read that it stored, None for anything else.

        Raises ConfigError when reads cannot be stored; what is not stored is not acknowledged, and the device sends it
        again. Before it waits it deletes what may be kept no longer.
        """
        self._purge()
        self._notices.look(connection=self._broker.connections, connected=self._broker.ready())
        arrival = self._broker.take(patience)
        if arrival is None:
            return None
        if self._notices.hears(arrival.topic):
            self._hear(arrival)
            return None
        try:
            opened = self._open(arrival)
        except EnvelopeError as error:
            self.refused += 1
            self._say_once(f"a message is refused: {error}")
            arrival.done()
            return None
        fresh = not self._store.holds(opened.message_id)
        if fresh:
            try:
                self._store.add(self._stored(opened))
            except NotStored as error:
                self.failed += 1
                self._say_once(f"a read is not stored and not acknowledged, it comes again: {error}")
                arrival.done()
                return None
            self._bear_witness(opened)
        self._acknowledge(opened)
        arrival.done()
        return opened if fresh else None

    def _hear(self, arrival: Arrival) -> None:
        """Takes what is no read."""
        try:
            self._notices.hear(arrival)
        except EnvelopeError as error:
            self._say_once(f"a device's word about itself is refused: {error}")
        arrival.done()

    def _open(self, arrival: Arrival) -> Opened:
        opened = open_(
            arrival.payload,
            sealing_key=self._sealing_key,
            device_public_key=self._device_public_key,
            subscriber_id=self._subscriber_id,
            device_id=self._device_id,
            now=self._clock.now().at,
            test=self._test,
        )
        if arrival.topic != read_topic(opened.header.device, self._subscriber_id, test=self._test):
            raise EnvelopeError("it came on another device's topic")
        if self._test and {opened.body.time.year, opened.body.retainuntil.year} - set(YEARS):
            raise EnvelopeError("its times are of no year that a recording can be of")  # everybody can sign as a test
        return opened

    def _stored(self, opened: Opened) -> Stored:
        """The body as it came, without what only serves delivery; when it was received; and what replaces what."""
        content: dict[str, Any] = opened.body.model_dump(
            mode="json", exclude={"acktoken", "checkpoint"}, exclude_none=True
        )
        content["receivedat"] = stamp(self._clock.now().at)
        later = self._store.replaced_by(opened.message_id)
        if later is not None:
            content["replacedby"] = later
        if opened.body.data.replaces is not None:
            earlier = f"{opened.body.data.replaces}.{self._subscriber_id}"
            content |= {"replacesid": earlier, "replacesheld": self._store.holds(earlier)}
            what = "takes back" if opened.body.type is Kind.WITHDRAWAL else "corrects"
            _log.info("%s %s %s", opened.message_id, what, earlier)
        return Stored(content=content)

    def _purge(self) -> None:
        self.deleted += self._store.purge(self._clock.now().at)

    def _acknowledge(self, opened: Opened) -> None:
        """Says that the read is stored. If this is lost the device sends again, and is told again."""
        said = canonical({"message_id": opened.message_id, "acktoken": opened.body.acktoken})
        topic = ack_topic(opened.header.device, self._subscriber_id, test=self._test)
        outcome = self._broker.send(topic, said, seconds=_ACK_SECONDS)
        if outcome in (Handover.DENIED, Handover.REFUSED):
            self._say_once(f"an acknowledgement is refused: {outcome.value}, see the right to publish on `{topic}`")

    def _bear_witness(self, opened: Opened) -> None:
        """Keeps the note about the device's log, and says what does not fit to those before."""
        if opened.checkpoint is None:
            return
        try:
            found = self._witness.see(opened.checkpoint, opened.header.device, opened.body.time)
        except LedgerError as error:
            self._say_once(f"a checkpoint is refused: {error}")
            return
        if found is not None:
            _log.warning("%s", found)

    def _say_once(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.warning("%s", what)
