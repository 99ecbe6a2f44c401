"""Trino's scalar functions, as far as they are known here: what they take, what they give, and DuckDB's SQL for them.

What is not in ``SCALARS`` is refused by its name. A function that needs Trino's rules calls a macro of ``macros``.
"""

from __future__ import annotations

from runners.local.athena.sql.collection_functions import COLLECTIONS
from runners.local.athena.sql.json_functions import JSON_FUNCTIONS
from runners.local.athena.sql.number_functions import NUMBERS
from runners.local.athena.sql.signatures import also
from runners.local.athena.sql.text_functions import TEXTS
from runners.local.athena.sql.time_functions import TIMES

SCALARS = also(
    {**TEXTS, **NUMBERS, **TIMES, **COLLECTIONS, **JSON_FUNCTIONS},
    ceil="ceiling", substring="substr", pow="power", rand="random", day_of_month="day", dow="day_of_week",
    doy="day_of_year", week_of_year="week", yow="year_of_week", position="strpos",
)  # fmt: skip
