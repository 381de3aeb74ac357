"""One run in a process of its own: an order on the command line, its outcome on the standard output."""

import sys

from edge.bench.plan import Kind, Order, Outcome
from edge.errors import HomeruleError


def measured(order: Order) -> Outcome:
    """Carries it out. Only what it needs is loaded. Raises HomeruleError."""
    if order.kind in (Kind.NAIVE, Kind.NAIVE_ONE):
        from edge.bench.naive import naive

        return naive(order, one_thread=order.kind is Kind.NAIVE_ONE)
    if order.kind in (Kind.DECODING, Kind.DECODING_SUB, Kind.CALLS):
        from edge.bench.parts import calls, decoding

        if order.kind is Kind.CALLS:
            return calls(order)
        return decoding(order.clip if order.kind is Kind.DECODING else order.sub or "")
    from edge.bench.ours import ours, paced

    return paced(order) if order.kind is Kind.PACED else ours(order)


if __name__ == "__main__":
    try:
        sys.stdout.write(measured(Order.parse(sys.argv[1])).written())
    except HomeruleError as error:
        sys.exit(str(error))
