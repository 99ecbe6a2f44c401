from threading import Event, Thread

import pytest

from runners.coalesced import Coalesced

WAIT = 10  # seconds; a bound for a test that goes wrong


def test_who_asks_while_it_is_being_done_does_not_wait_and_it_is_done_once_more():
    begun, go_on, times = Event(), Event(), []

    def act():
        times.append(1)
        begun.set()
        assert go_on.wait(WAIT)

    coalesced = Coalesced(act)
    first = Thread(target=coalesced)
    first.start()
    assert begun.wait(WAIT)
    for _ in range(5):
        coalesced()
    go_on.set()
    first.join(WAIT)
    assert len(times) == 2


def test_after_an_error_it_can_be_asked_for_again():
    errors = [ConnectionError("away")]
    done = []

    def act():
        if errors:
            raise errors.pop()
        done.append(1)

    coalesced = Coalesced(act)
    with pytest.raises(ConnectionError):
        coalesced()
    coalesced()
    assert done == [1]


def test_what_is_being_done_may_ask_for_it_again():
    times = []

    def act():
        times.append(1)
        if len(times) < 3:
            coalesced()

    coalesced = Coalesced(act)
    coalesced()
    assert len(times) == 3
