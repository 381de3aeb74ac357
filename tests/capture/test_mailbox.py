"""One slot between two threads."""

import threading

from edge.capture.mailbox import Mailbox
from tests.broker import wait_until


def test_the_newest_wins_and_the_others_are_counted() -> None:
    box: Mailbox[int] = Mailbox(waits=False)
    for number in range(5):
        box.put(number)
    assert (box.take(0), box.dropped) == (4, 4)
    assert box.take(0) is None


def test_a_waiting_mailbox_drops_nothing() -> None:
    box: Mailbox[int] = Mailbox(waits=True)
    putting = threading.Thread(target=lambda: [box.put(number) for number in range(50)])
    putting.start()
    for number in range(50):
        assert box.take(10) == number
    putting.join()
    assert box.dropped == 0


def test_closing_wakes_who_waits_on_either_side() -> None:
    box: Mailbox[int] = Mailbox(waits=True)
    box.put(1)
    taken: list[int | None] = []
    putting = threading.Thread(target=lambda: box.put(2))
    putting.start()
    other: Mailbox[int] = Mailbox(waits=False)
    taking = threading.Thread(target=lambda: taken.append(other.take(600)))
    taking.start()
    box.close()
    other.close()
    wait_until(lambda: not putting.is_alive() and not taking.is_alive(), what="both threads go on")
    assert taken == [None]
    assert box.take(0) is None


def test_the_bell_rings_for_one_who_looks_at_several() -> None:
    bell = threading.Event()
    box: Mailbox[int] = Mailbox(waits=False, bell=bell)
    assert not bell.is_set()
    box.put(1)
    assert bell.is_set()
