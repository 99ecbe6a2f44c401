"""Virtual time for code that uses threads: one thread runs at a time, and when all of them wait, the clock jumps.

What is simulated is Python's own waiting: sleeps, locks, conditions, events, pools, futures. The code that waits is the
real one, unchanged, and two runs of it take the same steps in the same order. CPU takes no time on this clock.

It never replaces anything outside of ``runners`` and the waiting between tenacity's tries.
"""

from __future__ import annotations

import concurrent.futures
import heapq
import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class NobodyCanGoOnError(RuntimeError):
    """Every thread waits for another, and none for a time."""


class _Waiting:
    """A thread that waits: until it is woken, or until its time."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.is_parked = True
        self.was_woken = False


class VirtualTime:
    """The clock, and the threads that live by it. The thread that makes it is the first of them."""

    virtual = False
    """What ``runners.testing`` asks a clock: threads do wait for this one, if not for long."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Since the beginning."""
        self._ready: deque[_Waiting] = deque()
        self._deadlines: list[tuple[float, int, _Waiting]] = []
        self._numbers = itertools.count()
        self._first: _Waiting | None = None  # where the first thread waits, to be told when nobody can go on
        self._first_thread = threading.get_ident()
        self._error: BaseException | None = None

    def __call__(self) -> datetime:
        """Return the time, aware, in UTC."""
        return BEGIN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return seconds since the beginning."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let the others go on for so many seconds."""
        self.park(deque(), seconds)

    def park(self, queue: deque[_Waiting], timeout: float | None = None) -> bool:
        """Wait in a queue until woken; False if the time was over first."""
        waiting = _Waiting()
        queue.append(waiting)
        if timeout is not None:
            heapq.heappush(self._deadlines, (self.seconds + max(0.0, timeout), next(self._numbers), waiting))
        is_first = threading.get_ident() == self._first_thread
        if is_first:
            self._first = waiting
        self._hand_over()
        waiting.gate.acquire()
        if is_first and self._error is not None:
            raise self._error
        if not waiting.was_woken:
            with suppress(ValueError):  # whoever woke others meanwhile has passed over it
                queue.remove(waiting)
        return waiting.was_woken

    def wake(self, queue: deque[_Waiting], how_many: int = 1) -> None:
        """Wake those who have waited longest in a queue."""
        while queue and how_many > 0:
            waiting = queue.popleft()
            if waiting.is_parked:
                waiting.is_parked, waiting.was_woken = False, True
                self._ready.append(waiting)
                how_many -= 1

    def start(self, work: Callable[[], object]) -> None:
        """Start a thread; it begins to run when the others wait."""
        waiting = _Waiting()
        waiting.is_parked = False
        self._ready.append(waiting)

        def run() -> None:
            waiting.gate.acquire()
            try:
                work()
            except BaseException as error:  # a simulation with a part missing would prove nothing
                self._end_with(error)
            else:
                self._hand_over()

        threading.Thread(target=run, daemon=True).start()

    def _end_with(self, error: BaseException) -> None:
        """Have the first thread raise it; nobody else goes on."""
        self._error = error
        if self._first is not None:
            self._first.gate.release()

    def _hand_over(self) -> None:
        """Let the next thread run; if none can, let time pass until one can."""
        while not self._ready:
            if not self._deadlines:
                self._end_with(NobodyCanGoOnError(f"after {self.seconds} s every thread waits for another"))
                return
            at, _, waiting = heapq.heappop(self._deadlines)
            if waiting.is_parked:
                self.seconds = max(self.seconds, at)
                waiting.is_parked = False
                self._ready.append(waiting)
        self._ready.popleft().gate.release()


class Lock:
    """``threading.Lock`` and, for whoever holds it already, ``threading.RLock``."""

    def __init__(self, clock: VirtualTime, *, reentrant: bool = False) -> None:
        self._clock = clock
        self._reentrant = reentrant
        self._holder: int | None = None
        self._held = 0
        self._queue: deque[_Waiting] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # as threading has it
        """Take the lock, waiting for it; False if it did not come free in time."""
        me = threading.get_ident()
        deadline = None if timeout < 0 else self._clock.seconds + timeout
        while self._held and not (self._reentrant and self._holder == me):
            left = None if deadline is None else deadline - self._clock.seconds
            if not blocking or not self._clock.park(self._queue, left):
                return False
        self._holder = me
        self._held += 1
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._held -= 1
        if not self._held:
            self._clock.wake(self._queue)

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._held > 0

    def let_go(self) -> int:
        """Give it back however often it was taken; return how often that was."""
        held, self._held = self._held, 0
        self._clock.wake(self._queue)
        return held

    def take_back(self, held: int) -> None:
        """Take it as often as it was taken before ``let_go``."""
        self.acquire()
        self._held = held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Condition:
    """``threading.Condition``."""

    def __init__(self, clock: VirtualTime, lock: Lock | None = None) -> None:
        self._clock = clock
        self._lock = lock or Lock(clock, reentrant=True)
        self._queue: deque[_Waiting] = deque()
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Give the lock back until notified; False if the time was over first."""
        held = self._lock.let_go()
        try:
            return self._clock.park(self._queue, timeout)
        finally:
            self._lock.take_back(held)

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until notified of what makes the predicate true; its last value if the time was over first."""
        deadline = None if timeout is None else self._clock.seconds + timeout
        while not (value := predicate()):
            left = None if deadline is None else deadline - self._clock.seconds
            if left is not None and left <= 0:
                break
            self.wait(left)
        return value

    def notify(self, n: int = 1) -> None:
        """Wake some of those who wait."""
        self._clock.wake(self._queue, n)

    def notify_all(self) -> None:
        """Wake all who wait."""
        self._clock.wake(self._queue, len(self._queue))


class Event:
    """``threading.Event``."""

    def __init__(self, clock: VirtualTime) -> None:
        self._clock = clock
        self._queue: deque[_Waiting] = deque()
        self._is_set = False

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def set(self) -> None:
        """Set it and wake all who wait."""
        self._is_set = True
        self._clock.wake(self._queue, len(self._queue))

    def clear(self) -> None:
        """Take it back."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set; False if the time was over first."""
        return self._is_set or self._clock.park(self._queue, timeout) or self._is_set


class Thread:
    """``threading.Thread``, as far as it is started and joined."""

    def __init__(
        self,
        clock: VirtualTime,
        *,
        target: Callable[..., object] | None = None,
        name: str = "",
        args: Iterable[Any] = (),
        kwargs: dict[str, Any] | None = None,
        daemon: bool | None = None,
    ) -> None:
        self.name = name
        self.daemon = bool(daemon)
        self._clock = clock
        self._work = partial(target or (lambda: None), *args, **(kwargs or {}))
        self._ended = Event(clock)
        self._began = False

    def start(self) -> None:
        """Start it."""
        self._began = True
        self._clock.start(self.run)

    def run(self) -> None:
        """Do its work."""
        try:
            self._work()
        finally:
            self._ended.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._began and not self._ended.is_set()


class _Future(concurrent.futures.Future[Any]):
    """A future whose ``result`` waits on the virtual clock."""

    def __init__(self, clock: VirtualTime) -> None:
        super().__init__()
        self._condition = Condition(clock)  # type: ignore[assignment]  # what the class itself waits by


class ThreadPoolExecutor(concurrent.futures.Executor):
    """``concurrent.futures.ThreadPoolExecutor``."""

    def __init__(self, clock: VirtualTime, max_workers: int = 32, thread_name_prefix: str = "") -> None:  # noqa: ARG002
        self._clock = clock
        self._most = max_workers
        self._work: deque[tuple[_Future, Callable[[], Any]]] = deque()
        self._idle: deque[_Waiting] = deque()
        self._threads: list[Thread] = []
        self._is_shut = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> _Future:
        """Have a thread of the pool do it."""
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = _Future(self._clock)
        self._work.append((future, partial(fn, *args, **kwargs)))
        if self._idle:
            self._clock.wake(self._idle)
        elif len(self._threads) < self._most:
            thread = Thread(self._clock, target=self._serve)
            self._threads.append(thread)
            thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work, and wait for what was taken."""
        self._is_shut = True
        if cancel_futures:
            for future, _ in self._work:
                future.cancel()
        self._clock.wake(self._idle, len(self._idle))
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self) -> None:
        while True:
            while not self._work:
                if self._is_shut:
                    return
                self._clock.park(self._idle)
            future, work = self._work.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # the future's, as in every pool
                    future.set_exception(error)


class Done(NamedTuple):
    """What ``wait`` returns."""

    done: set[concurrent.futures.Future[Any]]
    not_done: set[concurrent.futures.Future[Any]]


def wait(
    clock: VirtualTime,
    fs: Iterable[concurrent.futures.Future[Any]],
    timeout: float | None = None,
    return_when: str = concurrent.futures.ALL_COMPLETED,
) -> Done:
    """``concurrent.futures.wait``."""
    futures = set(fs)
    changed = Condition(clock)

    def has_come() -> bool:
        ended = [future for future in futures if future.done()]
        if return_when == concurrent.futures.FIRST_COMPLETED:
            return bool(ended)
        failed = return_when == concurrent.futures.FIRST_EXCEPTION and any(
            not future.cancelled() and future.exception() for future in ended
        )
        return failed or len(ended) == len(futures)

    def tell(_: object) -> None:
        with changed:
            changed.notify_all()

    for future in futures:
        future.add_done_callback(tell)
    with changed:
        changed.wait_for(has_come, timeout)
    done = {future for future in futures if future.done()}
    return Done(done, futures - done)


@contextmanager
def virtual_time() -> Iterator[VirtualTime]:
    """Have all of ``runners`` wait on a virtual clock. What was made of threads before keeps to the real one."""
    clock = VirtualTime()
    instead = _instead(clock)
    undo: list[Callable[[], object]] = []
    try:
        for module in [its for name, its in sys.modules.items() if name.split(".")[0] == "runners"]:
            for name, value in list(vars(module).items()):
                if id(value) in instead:
                    undo.append(partial(setattr, module, name, value))
                    setattr(module, name, instead[id(value)])
                elif getattr(value, "__module__", None) == module.__name__:
                    for function in (value, *vars(value).values()) if isinstance(value, type) else (value,):
                        _change_defaults(function, instead, undo)
        naps = sys.modules.get("tenacity.nap")
        if naps is not None:
            undo.append(partial(setattr, naps, "time", time))
            naps.time = instead[id(time)]  # type: ignore[attr-defined]  # its own import
        yield clock
    finally:
        for one in reversed(undo):
            one()


def _instead(clock: VirtualTime) -> dict[int, Any]:
    """Return what stands in for what of the standard library, by its identity."""
    threads = {
        "Lock": partial(Lock, clock),
        "RLock": partial(Lock, clock, reentrant=True),
        "Condition": partial(Condition, clock),
        "Event": partial(Event, clock),
        "Thread": partial(Thread, clock),
    }
    times = {
        "sleep": clock.sleep,
        "monotonic": clock.monotonic,
        "perf_counter": clock.monotonic,
        "time": lambda: clock().timestamp(),
    }

    class Datetime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock().astimezone(tz)

    return {
        id(concurrent.futures.ThreadPoolExecutor): partial(ThreadPoolExecutor, clock),
        id(concurrent.futures.wait): partial(wait, clock),
        id(datetime): Datetime,
        **{id(getattr(threading, name)): its for name, its in threads.items()},
        **{id(getattr(time, name)): its for name, its in times.items()},
        id(threading): _Module(threading, threads),
        id(time): _Module(time, times),
    }


def _change_defaults(function: Any, instead: dict[int, Any], undo: list[Callable[[], object]]) -> None:
    """Replace what a function takes if it is given nothing, such as ``sleep=time.sleep``."""
    by_place = getattr(function, "__defaults__", None)
    by_name = getattr(function, "__kwdefaults__", None)
    if by_place and any(id(value) in instead for value in by_place):
        undo.append(partial(setattr, function, "__defaults__", by_place))
        function.__defaults__ = tuple(instead.get(id(value), value) for value in by_place)
    if by_name and any(id(value) in instead for value in by_name.values()):
        undo.append(partial(setattr, function, "__kwdefaults__", by_name))
        function.__kwdefaults__ = {name: instead.get(id(value), value) for name, value in by_name.items()}


class _Module:
    """A module of the standard library with some of its names replaced."""

    def __init__(self, module: ModuleType, instead: dict[str, Any]) -> None:
        self._module = module
        vars(self).update(instead)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
