"""Doing the same for many things at a time, in threads: calls to AWS are waited for, not worked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(act: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> list[Result]:
    """Return what ``act`` makes of each item, in their order, with at most so many at a time.

    Raises:
        whatever ``act`` does, once for all.

    """
    items = list(items)
    if len(items) <= 1:
        return [act(item) for item in items]
    with ThreadPoolExecutor(min(at_once, len(items)), thread_name_prefix="side-by-side") as pool:
        return list(pool.map(act, items))
