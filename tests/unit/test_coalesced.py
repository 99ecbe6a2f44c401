from threading import Event, Thread, current_thread

import pytest

from runners.coalesced import Coalesced
from tests.integration.waiting import eventually

WAIT = 10  # seconds; a bound for a test that goes wrong


def test_of_those_who_ask_while_it_is_being_done_one_does_it_once_more_and_the_others_do_not_wait():
    begun, go_on, times = Event(), Event(), []

    def act():
        times.append(1)
        begun.set()
        assert go_on.wait(WAIT)

    coalesced = Coalesced(act)
    threads = [Thread(target=coalesced)]
    threads[0].start()
    assert begun.wait(WAIT)
    threads += [Thread(target=coalesced) for _ in range(5)]
    for thread in threads[1:]:
        thread.start()
    eventually(lambda: sum(thread.is_alive() for thread in threads) == 2)
    go_on.set()
    for thread in threads:
        thread.join(WAIT)
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


def test_who_does_it_comes_back_to_his_own_work_however_many_go_on_asking():
    by, others = [], []

    def act():
        by.append(current_thread())
        if len(by) < 20:
            others.append(Thread(target=coalesced))
            others[-1].start()

    coalesced = Coalesced(act)
    coalesced()
    assert by.count(current_thread()) == 1
    for other in others:  # as each is appended before the one who appends it ends
        other.join(WAIT)
    assert len(by) == 20
