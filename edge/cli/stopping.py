"""Ctrl-C, SIGTERM and a terminal that hangs up end a command alike, so that what is half written goes away."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_AS_INTERRUPT = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopped_alike() -> Iterator[None]:
    """Inside it SIGTERM and SIGHUP raise KeyboardInterrupt. What is ignored stays so, for nohup."""
    before = {each: signal.getsignal(each) for each in _AS_INTERRUPT}
    taken = {each: handler for each, handler in before.items() if handler is not signal.SIG_IGN}
    for each in taken:
        signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each, handler in taken.items():
            signal.signal(each, handler)
