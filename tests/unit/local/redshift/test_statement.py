from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from runners.local.redshift import statement
from runners.local.redshift.statement import ABORTED, FAILED, FINISHED, STARTED, Result, Statement


def single(**asked: Any) -> Statement:
    return Statement({"Sql": "select 1", "Database": "dev", "ClusterIdentifier": "cluster", **asked})


def test_its_states_are_the_data_apis() -> None:
    model = botocore.session.get_session().get_service_model("redshift-data")
    states = {statement.SUBMITTED, STARTED, FINISHED, FAILED, ABORTED}
    assert states < set(model.shape_for("StatementStatusString").enum)


def test_one_that_waits_is_aborted_at_once_and_never_begins() -> None:
    waiting = single()
    assert waiting.abort()
    assert waiting.status == ABORTED
    assert not waiting.begin(1, lambda: None)
    assert not waiting.abort()


def test_one_that_runs_is_interrupted_until_it_ends() -> None:
    interrupted: list[int] = []
    running = single()
    assert running.begin(7, lambda: interrupted.append(1))
    assert running.abort()
    assert (running.status, running.is_to_abort) == (STARTED, True)
    running.interrupt()
    running.end(ABORTED)
    running.interrupt()
    assert interrupted == [1]
    assert running.describe()["RedshiftPid"] == 7


def test_a_final_state_stays() -> None:
    done = single()
    done.end(FINISHED)
    done.end(FAILED)
    assert done.status == FINISHED


def test_the_parts_of_several_are_numbered_and_summed_up() -> None:
    batch = Statement({"Sqls": ["insert", "select", "never"], "Database": "dev", "WorkgroupName": "group"})
    first, second, _ = batch.parts
    for part, result in ((first, Result(rows=2)), (second, Result(3, ({"name": "a"},), ([], [], []), 12))):
        part.move(STARTED)
        part.move(FINISHED, result=result)
    batch.end(FAILED)
    described = batch.describe()
    assert [part["Id"] for part in described["SubStatements"]] == [f"{batch.statement_id}:{n}" for n in (1, 2, 3)]
    assert [part["Status"] for part in described["SubStatements"]] == [FINISHED, FINISHED, ABORTED]
    assert (described["ResultRows"], described["ResultSize"], described["HasResultSet"]) == (5, 12, True)
    assert described["Duration"] >= 0
    assert batch.summary()["QueryStrings"] == ["insert", "select", "never"]


def test_what_is_not_known_is_minus_one() -> None:
    described = single().describe()
    assert (described["Duration"], described["ResultRows"], described["ResultSize"]) == (-1, -1, -1)
    assert "Error" not in described


def test_rows_come_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement, "RECORDS_OF_ONE_PAGE", 2)
    result = Result(3, ({"name": "n"},), tuple([{"longValue": number}] for number in range(3)))
    first = result.page(None)
    second = result.page(first["NextToken"])
    assert [row[0]["longValue"] for row in first["Records"] + second["Records"]] == [0, 1, 2]
    assert "NextToken" not in second
    with pytest.raises(ValueError, match="invalid literal"):
        result.page("token")
