"""Makes the two sample files of the workflow: ``python samples/generate.py [directory]``.

The people, companies and figures are invented. The files have the dirt that exported files have: empty cells, a
header with a trailing blank, dates without padding, quoted cells with commas, several sales rows a day, sales rows
without a date, and days that only one of the files has.

The same bytes come out of every Python version: of ``random`` only ``Random.random()`` is used, whose sequence is
promised to stay, and money is counted in whole cents. Standard library only; never reads a file.
"""

from __future__ import annotations

import csv
import random
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

SALES_FILE = "SalesPipeline_QuickSightSample.csv"
SALES_ROWS = 20_995
SALES_SEED = 20_995
SALES_FIRST_DAY = date(2011, 10, 3)
SALES_LAST_DAY = date(2015, 2, 27)
SALES_COLUMNS = (
    "Date",
    "Salesperson",
    "Lead Name",
    "Segment",
    "Region",
    "Target Close",
    "Forecasted Monthly Revenue",
    "Opportunity Stage",
    "Weighted Revenue",
    "Closed Opportunity",
    "Active Opportunity",
    "Latest Status Entry",
)

MARKETING_FILE = "MarketingData_QuickSightSample.csv"
MARKETING_ROWS = 1_462
MARKETING_SEED = 1_462
MARKETING_FIRST_DAY = date(2011, 1, 1)
MARKETING_COLUMNS = (
    "Date",
    "New visitors SEO",
    "New visitors CPC",
    "New visitors Social Media",
    "Return visitors",
    "Twitter mentions",
    "Twitter follower adds",
    "Twitter followers cumulative",
    "Mailing list adds ",
    "Mailing list cumulative",
    "Website Pageviews",
    "Website Visits",
    "Website Unique Visits",
    "Mobile uniques",
    "Tablet uniques",
    "Desktop uniques",
    "Free sign up",
    "Paid conversion",
    "Events",
)

# (stage, how many of 100 opportunities are in it, chance in percent that it is won)
STAGES = (
    ("Lead", 34, 5),
    ("Qualified", 22, 20),
    ("Proposal", 16, 40),
    ("Negotiation", 10, 70),
    ("Won", 11, 100),
    ("Lost", 7, 0),
)
# (segment, of 100 opportunities, smallest and largest monthly revenue in dollars)
SEGMENTS = (
    ("SMB", 55, 500, 9_000),
    ("Mid-market", 30, 6_000, 45_000),
    ("Enterprise", 15, 30_000, 240_000),
)
REGIONS = (("US", 48), ("EMEA", 27), ("APAC", 17), ("LATAM", 8))
FIRST_NAMES = ("Amara", "Bruno", "Chiara", "Devon", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jonas", "Keiko", "Lena")
LAST_NAMES = ("Abara", "Brandt", "Castillo", "Dufour", "Eriksen", "Fontaine", "Grant", "Hashimoto", "Ivanova", "Jensen")
COMPANY_NAMES = (
    "Alder", "Basalt", "Cobalt", "Dunmore", "Eastgate", "Fernhill", "Glenrock", "Harbour", "Ironwood", "Juniper",
    "Kestrel", "Larkfield", "Maple", "Northwind Mill", "Oakvale", "Pinecrest", "Quarry", "Redstone", "Silverbrook",
    "Thornbury", "Upland", "Vale", "Westerly", "Yarrow",
)  # fmt: skip
COMPANY_FORMS = ("Industries", "Logistics", "Foods", "& Sons, Ltd.", "Group", "Labs", "Partners, LLC", "Systems")
STATUS_ENTRIES = (
    "Intro call held",
    "Sent pricing, waiting for reply",
    "Budget confirmed",
    "Legal review",
    "No answer since last call",
    "Demo booked",
    'Asked for the "pro" plan',
)
# Visits by month of the year, in percent of the year's mean, and by weekday from Monday on.
MONTH_PERCENT = (92, 95, 103, 105, 101, 94, 86, 84, 102, 110, 116, 112)
WEEKDAY_PERCENT = (112, 116, 115, 110, 101, 70, 76)
SATURDAY = 5
EVENTS = ("Newsletter", "Webinar", "Trade show", "Product launch", "Price change", "Blog post, guest author")


def write_samples(directory: Path) -> None:
    """Write both files into a directory, replacing what is there."""
    _write(directory / SALES_FILE, SALES_COLUMNS, sales_rows())
    _write(directory / MARKETING_FILE, MARKETING_COLUMNS, marketing_rows())


def sales_rows() -> Iterator[Sequence[str]]:
    """One row for each opportunity, by date; a weekday has several, a weekend none, and a few rows lack a date."""
    dice = random.Random(SALES_SEED)
    span_days = (SALES_LAST_DAY - SALES_FIRST_DAY).days + 1
    weekdays = [day for day in _days(SALES_FIRST_DAY, span_days) if day.weekday() < SATURDAY]
    for day in sorted(_growing_pick(dice, weekdays) for _ in range(SALES_ROWS)):
        yield _sales_row(dice, day)


def marketing_rows() -> Iterator[Sequence[str]]:
    """One row a day over four years; what is cumulative is the sum of what was added, from a first stock on."""
    dice = random.Random(MARKETING_SEED)
    followers, subscribers = 1_840, 3_275
    for number, day in enumerate(_days(MARKETING_FIRST_DAY, MARKETING_ROWS)):
        percent = MONTH_PERCENT[day.month - 1] * WEEKDAY_PERCENT[day.weekday()] // 100
        growth = 1_000 + number * 2  # in thousandths: visits grow nearly fourfold in four years
        seo, cpc, social, returning = (
            _noisy(dice, mean * percent * growth // 100_000) for mean in (420, 260, 110, 530)
        )
        follower_adds, subscriber_adds = _noisy(dice, 6 * growth // 1_000), _noisy(dice, 9 * percent // 100)
        followers += follower_adds
        subscribers += subscriber_adds
        visits = seo + cpc + social + returning
        uniques = visits * _between(dice, 72, 81) // 100
        mobile = uniques * (12 + number // 60) // 100
        tablet = uniques * (5 + number // 200) // 100
        sign_ups = _noisy(dice, (seo + cpc + social) * 4 // 100)
        mentions, pageviews = _noisy(dice, 14 * growth // 1_000), visits * _between(dice, 26, 38) // 10
        figures = [seo, cpc, social, returning, mentions, follower_adds, followers, subscriber_adds, subscribers]
        figures += [pageviews, visits, uniques, mobile, tablet, uniques - mobile - tablet]
        figures += [sign_ups, sign_ups * _between(dice, 8, 17) // 100]
        event = _pick(dice, EVENTS) if _happens(dice, 0.06) else ""
        yield (_written(day), *(_sometimes_empty(dice, str(figure), 0.004) for figure in figures), event)


def _sales_row(dice: random.Random, day: date) -> Sequence[str]:
    segment, _, smallest, largest = _weighted_pick(dice, SEGMENTS)
    region, _ = _weighted_pick(dice, REGIONS)
    stage, _, chance = _weighted_pick(dice, STAGES)
    revenue_cents = _between(dice, smallest, largest) * 100
    if _happens(dice, 0.08):
        revenue_cents += _between(dice, 1, 99)
    closed = stage in {"Won", "Lost"}
    return (
        _sometimes_empty(dice, _written(day), 0.0006),
        f"{_pick(dice, FIRST_NAMES)} {_pick(dice, LAST_NAMES)}",
        f"{_pick(dice, COMPANY_NAMES)} {_pick(dice, COMPANY_FORMS)}",
        _sometimes_empty(dice, segment, 0.01),
        region,
        _sometimes_empty(dice, _written(day + timedelta(days=_between(dice, 14, 270))), 0.03),
        _sometimes_empty(dice, _dollars(revenue_cents), 0.015),
        _sometimes_empty(dice, stage, 0.004),
        _sometimes_empty(dice, _dollars(revenue_cents * chance // 100), 0.015),
        "1" if closed else "0",
        "0" if closed else "1",
        _sometimes_empty(dice, _pick(dice, STATUS_ENTRIES), 0.35),
    )


def _days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(count))


def _happens(dice: random.Random, share: float) -> bool:
    return dice.random() < share


def _between(dice: random.Random, lowest: int, highest: int) -> int:
    return lowest + int(dice.random() * (highest - lowest + 1))


def _pick(dice: random.Random, choices: Sequence[T]) -> T:
    return choices[int(dice.random() * len(choices))]


def _growing_pick(dice: random.Random, days: Sequence[date]) -> date:
    """Take of two days the later one, two times in three: business grows."""
    one, other = _pick(dice, days), _pick(dice, days)
    return max(one, other) if _happens(dice, 2 / 3) else min(one, other)


def _weighted_pick(dice: random.Random, choices: Sequence[T]) -> T:
    """Pick a choice by the percentage in its second place; the percentages add up to 100."""
    left = dice.random() * 100
    for choice in choices:
        left -= choice[1]  # type: ignore[index]
        if left < 0:
            return choice
    return choices[-1]


def _noisy(dice: random.Random, mean: int) -> int:
    """Roll a figure around its mean, up to a third off, the middle being likeliest."""
    return mean * (667 + int((dice.random() + dice.random()) * 333)) // 1_000


def _sometimes_empty(dice: random.Random, cell: str, share: float) -> str:
    return "" if _happens(dice, share) else cell


def _dollars(cents: int) -> str:
    """Whole dollars without a fraction, others as an export writes them: 12.5, 12.05."""
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)


def _written(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _write(path: Path, header: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
