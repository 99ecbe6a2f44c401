import pytest

from runners.local.demo import compare
from runners.local.following import WorkflowError

ROWS = [{"date": "2011-01-03", "opportunities": "1"}, {"date": "2011-01-04", "opportunities": "2"}]


def test_rows_that_are_as_expected_pass():
    compare(ROWS, [dict(row) for row in ROWS])


def test_a_wrong_value_is_named_with_its_row_and_column():
    with pytest.raises(WorkflowError, match=r"row 2 of the join is wrong in opportunities: .*'3'.* instead of .*'2'"):
        compare([ROWS[0], {"date": "2011-01-04", "opportunities": "3"}], ROWS)


@pytest.mark.parametrize("found", [ROWS[:1], [*ROWS, ROWS[0]], []])
def test_rows_that_are_missing_or_too_many_are_counted(found):
    with pytest.raises(WorkflowError, match=f"the join has {len(found)} rows instead of 2"):
        compare(found, ROWS)


def test_a_missing_column_is_a_difference():
    with pytest.raises(WorkflowError, match="opportunities"):
        compare([{"date": "2011-01-03"}], ROWS[:1])
