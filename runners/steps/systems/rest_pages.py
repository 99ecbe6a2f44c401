"""How an API's answers follow each other: by page, offset, cursor or link; bounded, and never in circles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urljoin

from pydantic import Field

from runners.steps.errors import SourceFailed
from runners.steps.parameters import Parameters
from runners.steps.systems.http import Answer
from runners.steps.systems.json_values import MISSING, at


@dataclass(frozen=True)
class Next:
    """Where the next page is: parameters, or a whole address."""

    parameters: dict[str, Any] = field(default_factory=dict)
    address: str = ""


class _Pages(Parameters):
    MaxPages: int = Field(default=10_000, ge=1)
    """Answers, at most; where there would be more the step fails, as rows would be missing."""

    def first(self) -> Next:
        """Return where the first page is."""
        return Next()


class SinglePage(_Pages):
    """One answer has all."""

    Type: Literal["none"] = "none"

    def following(self, now: Next, answer: Answer, document: Any, records: Sequence[Any]) -> Next | None:
        """Return None: there is no other page."""
        del now, answer, document, records
        return None


class _Sized(_Pages):
    SizeParameter: str | None = None
    """The name of the parameter that says how many records a page has."""

    Size: int | None = Field(default=None, ge=1)
    """How many records to ask for at a time; goes with ``SizeParameter``."""

    def sized(self, **parameters: Any) -> Next:
        """Return a page with its size, if it is asked for."""
        size = {self.SizeParameter: self.Size} if self.SizeParameter and self.Size else {}
        return Next(parameters | size)


class NumberedPages(_Sized):
    """Pages have numbers; the last is empty, or is the one that the answer says to be the last."""

    Type: Literal["page"]

    Parameter: str = "page"
    """The name of the parameter."""

    First: int = 1
    """The number of the first page."""

    PagesAt: str | None = None
    """Where in an answer the number of pages stands; without it, pages are asked for until one is empty."""

    def first(self) -> Next:
        """Return where the first page is."""
        return self.sized(**{self.Parameter: self.First})

    def following(self, now: Next, answer: Answer, document: Any, records: Sequence[Any]) -> Next | None:
        """Return the next number."""
        number = now.parameters[self.Parameter] + 1
        pages = _number_at(document, self.PagesAt, answer)
        if not records or (pages is not None and number >= self.First + pages):
            return None
        return self.sized(**{self.Parameter: number})


class Offsets(_Sized):
    """Records are counted; what comes next begins after as many as have come."""

    Type: Literal["offset"]

    Parameter: str = "offset"
    """The name of the parameter."""

    TotalAt: str | None = None
    """Where in an answer the number of all records stands; without it, it is asked until an answer is empty."""

    def first(self) -> Next:
        """Return where the first page is."""
        return self.sized(**{self.Parameter: 0})

    def following(self, now: Next, answer: Answer, document: Any, records: Sequence[Any]) -> Next | None:
        """Return the next offset."""
        offset = now.parameters[self.Parameter] + len(records)
        total = _number_at(document, self.TotalAt, answer)
        if not records or (total is not None and offset >= total):
            return None
        return self.sized(**{self.Parameter: offset})


class Cursors(_Sized):
    """An answer says by a text where to go on."""

    Type: Literal["cursor"]

    Parameter: str = "cursor"
    """The name of the parameter."""

    At: str
    """Where in an answer the text stands, e.g. ``meta.next_cursor``; null, empty or absent at the end."""

    def first(self) -> Next:
        """Return where the first page is."""
        return self.sized()

    def following(self, now: Next, answer: Answer, document: Any, records: Sequence[Any]) -> Next | None:
        """Return the next cursor."""
        del now, records
        cursor = at(document, self.At)
        if cursor is MISSING or cursor is None or cursor is False or cursor == "":
            return None
        if not isinstance(cursor, str | int):
            raise SourceFailed(f"{answer.shown} answered no text at {self.At}, where a cursor should be")
        return self.sized(**{self.Parameter: cursor})


class Links(_Pages):
    """An answer has the address of the next one, in its header ``Link`` or in itself."""

    Type: Literal["link"]

    At: str | None = None
    """Where in an answer the address stands; without it, the header ``Link`` with ``rel="next"`` is taken."""

    def following(self, now: Next, answer: Answer, document: Any, records: Sequence[Any]) -> Next | None:
        """Return the next address."""
        del now, records
        address = at(document, self.At) if self.At else _link(answer)
        return None if address in (MISSING, None, "") else Next(address=urljoin(answer.url, str(address)))


Pagination = Annotated[SinglePage | NumberedPages | Offsets | Cursors | Links, Field(discriminator="Type")]
"""How pages follow each other, by ``Type``: none, page, offset, cursor, link."""


class NoCircle:
    """Sees that no page comes twice: an API that does not know the parameter answers the same for ever."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def see(self, going_to: Next | None, records: Sequence[Any], shown: str) -> None:
        """Take note of a page and of where it leads.

        Raises:
            SourceFailed: one of them was there before.

        """
        told = [("page", repr(records)) if records else None, ("next", repr(going_to)) if going_to else None]
        for one in filter(None, told):
            digest = hashlib.blake2b(repr(one).encode(errors="surrogatepass"), digest_size=16).digest()
            if digest in self._seen:
                raise SourceFailed(f"{shown} answered the same page twice: Pagination does not suit this API")
            self._seen.add(digest)


def _link(answer: Answer) -> str | None:
    return next_link(answer.headers.get("Link", ""))


def next_link(header: str) -> str | None:
    """Return the address that a header ``Link`` names as the next, if it does."""
    for part in header.split("<")[1:]:
        address, _, parameters = part.partition(">")
        relations = [value.strip(" \"'").lower() for name, value in _parameters(parameters) if name == "rel"]
        if any("next" in relation.split() for relation in relations):
            return address.strip()
    return None


def _parameters(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text.split(";"))
    return [(name.strip().lower(), value.rstrip(", ")) for name, _, value in pairs]


def _number_at(document: Any, path: str | None, answer: Answer) -> int | None:
    if path is None:
        return None
    found = at(document, path)
    if not isinstance(found, int) or isinstance(found, bool):
        raise SourceFailed(f"{answer.shown} answered no number at {path}")
    return found
