"""The rights of the demo's agencies: all there from the start, as its broker is told then; each can be taken once."""

from collections.abc import Collection

from edge.clock import monotonic
from edge.demo.brokers import DemoBroker
from edge.errors import BrokerError
from edge.values import Grant, Steps


class DemoRights:
    """What control asks of a broker, of the demo's."""

    def __init__(self, broker: DemoBroker) -> None:
        self._broker = broker
        self._gone: set[str] = set()

    def apply(self, wanted: Collection[Grant]) -> None:
        """The broker began with these rights."""
        for grant in wanted:
            self.grant(grant)

    def grant(self, grant: Grant) -> Steps:
        """Nothing to do, but for one whose right was taken: the demo gives none back."""
        if grant.subscriber_id in self._gone:
            raise BrokerError(f"the demo's broker does not give `{grant.subscriber_id}` its right back, start it again")
        return ()

    def revoke(self, grant: Grant) -> Steps:
        """Takes every right away. BrokerError when it is not gone."""
        began = monotonic()
        self._broker.revoke(grant.subscriber_id)
        self._gone.add(grant.subscriber_id)
        return (("broker", round(1000 * (monotonic() - began))),)

    def generation(self) -> int | None:
        """It is always the same broker."""
        return 0
