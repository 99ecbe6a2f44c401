"""The Redshift Data API as an extension of moto: statements run on a PostgreSQL, where the environment names one.

moto's own statements finish at once with rows that it makes up. Here they run, fail, are cancelled and give what the
database gives. Nothing pretends: without a PostgreSQL each statement is refused, and so is what only Redshift can do.
"""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.redshiftdata.exceptions import ValidationException
from moto.redshiftdata.responses import RedshiftDataAPIServiceResponse

from runners.local.events import service_events
from runners.local.redshift import postgresql
from runners.local.redshift.postgresql import NoPostgreSQLError
from runners.local.redshift.sql_parameters import bound
from runners.local.redshift.statement import FAILED, FINAL, FINISHED, Statement
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_AT_ONCE = 10
"""How many statements run at once; the others stay SUBMITTED."""
MAX_ACTIVE = 500  # statements of an account, as at AWS
MAX_STATEMENTS_OF_ONE_BATCH = 40
MAX_STATEMENTS_OF_ONE_PAGE = 100
KEPT_FOR = timedelta(hours=24)
TRIES_TO_INTERRUPT = 20
INTERRUPT_INTERVAL = 0.1  # seconds

_REFUSED = {
    "SessionId": "keeps no sessions",
    "SessionKeepAliveSeconds": "keeps no sessions",
}

logger = logging.getLogger(__name__)


class RedshiftData:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._lock = threading.RLock()
        self._statements: dict[tuple[str, str], list[Statement]] = {}
        """Of each account and region, oldest first."""
        self._pool = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="redshift")

    def start(self, aws: Any) -> None:  # noqa: ARG002 - as every extension
        """Take the place of moto's statements."""
        owner = RedshiftDataAPIServiceResponse
        for name, answer in (
            ("execute_statement", self._execute),
            ("describe_statement", self._describe),
            ("get_statement_result", self._result),
            ("cancel_statement", self._cancel),
        ):
            self._moto.replace(owner, name, _function(answer))
        self._moto.add(owner, "batch_execute_statement", _function(self._execute_batch))
        self._moto.add(owner, "list_statements", _function(self._list))

    def stop(self) -> None:
        """Abort every statement, and give moto its own back."""
        with self._lock:
            statements = [statement for of_one in self._statements.values() for statement in of_one]
        for statement in statements:
            if statement.abort():
                _interrupt(statement)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._moto.undo()

    # The Data API

    def _execute(self, response: Any) -> ActionResult:
        return self._submit(response, _asked(response))

    def _execute_batch(self, response: Any) -> ActionResult:
        asked = _asked(response)
        if not 1 <= len(asked.get("Sqls") or ()) <= MAX_STATEMENTS_OF_ONE_BATCH:
            raise ValidationException(f"Sqls has 1 to {MAX_STATEMENTS_OF_ONE_BATCH} statements")
        if asked.get("ExecutionMode", "TRANSACTION") != "TRANSACTION":
            raise ValidationException("the embedded Redshift Data API runs a batch in one transaction alone")
        return self._submit(response, asked)

    def _describe(self, response: Any) -> ActionResult:
        return ActionResult(self._find(response, _asked(response)["Id"]).describe())

    def _result(self, response: Any) -> ActionResult:
        asked = _asked(response)
        part = self._find(response, asked["Id"]).part(asked["Id"])
        if part is None or part.status != FINISHED or part.result is None or part.result.columns is None:
            raise _not_found("Query does not have result. Please check query status with DescribeStatement.")
        try:
            return ActionResult(part.result.page(asked.get("NextToken")))
        except ValueError:
            raise ValidationException("NextToken is none that GetStatementResult gave") from None

    def _cancel(self, response: Any) -> ActionResult:
        statement = self._find(response, _asked(response)["Id"])
        if not statement.abort():
            raise ValidationException(
                f"Could not cancel a query that is already in {statement.status} state "
                f"with ID: {statement.statement_id}"
            )
        _interrupt(statement)
        return ActionResult({"Status": True})

    def _list(self, response: Any) -> ActionResult:
        asked = _asked(response)
        status = asked.get("Status") or FINISHED  # by default, only finished statements are shown
        wanted = [
            statement
            for statement in reversed(self._of(response))
            if status in {"ALL", statement.status}
            and str(statement.asked.get("StatementName") or "").startswith(asked.get("StatementName") or "")
            and all(
                statement.asked.get(name) == asked[name]
                for name in ("Database", "ClusterIdentifier", "WorkgroupName")
                if asked.get(name)
            )
        ]
        most = asked.get("MaxResults") or MAX_STATEMENTS_OF_ONE_PAGE
        if most > MAX_STATEMENTS_OF_ONE_PAGE:
            raise ValidationException(f"MaxResults is at most {MAX_STATEMENTS_OF_ONE_PAGE}")
        at = _place_after(wanted, asked.get("NextToken"))
        page = wanted[at : at + most]
        rest = {"NextToken": page[-1].statement_id} if len(wanted) > at + most else {}
        return ActionResult({"Statements": [statement.summary() for statement in page], **rest})

    # What it does

    def _of(self, response: Any) -> list[Statement]:
        with self._lock:
            return self._statements.setdefault((response.current_account, response.region), [])

    def _find(self, response: Any, statement_id: str) -> Statement:
        whole = statement_id.partition(":")[0]
        found = next((one for one in self._of(response) if one.statement_id == whole), None)
        if found is None:
            raise _not_found("Query does not exist.")
        return found

    def _submit(self, response: Any, asked: dict[str, Any]) -> ActionResult:
        settings = _valid(asked)
        account, region = response.current_account, response.region
        with self._lock:
            known = self._of(response)
            token = asked.get("ClientToken")
            statement = next((one for one in known if token and one.asked.get("ClientToken") == token), None)
            if statement is None:
                if sum(one.status not in FINAL for one in known) >= MAX_ACTIVE:
                    raise JsonRESTError("ActiveStatementsExceededException", f"{MAX_ACTIVE} statements are active")
                statement = Statement(asked)
                known.append(statement)
                self._pool.submit(_carry_out, statement, settings, account, region)
        if asked.get("WaitTimeSeconds"):
            statement.ended.wait(asked["WaitTimeSeconds"])
        described = statement.describe()
        names = ("Id", "CreatedAt", "Status", "HasResultSet", *statement.place())
        return ActionResult({name: described[name] for name in names})


def _function(answer: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    """Make a function of a bound method, which moto would not find."""

    def function(response: Any) -> ActionResult:
        return answer(response)

    return function


def _asked(response: Any) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(response.body or "{}")
    return asked


def _valid(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse what the Data API refuses and what the embedded one cannot do; answers how to connect."""
    for name, reason in _REFUSED.items():
        if asked.get(name):
            raise ValidationException(f"the embedded Redshift Data API {reason}: leave {name} out")
    if asked.get("ResultFormat", "JSON") != "JSON":
        raise ValidationException("the embedded Redshift Data API gives results in JSON alone: leave ResultFormat out")
    if not asked.get("Database"):
        raise ValidationException("Database is required")
    if bool(asked.get("ClusterIdentifier")) == bool(asked.get("WorkgroupName")):
        raise ValidationException("give ClusterIdentifier or WorkgroupName, one of the two")
    parameters = {parameter["name"]: parameter["value"] for parameter in asked.get("Parameters") or ()}
    sqls = asked.get("Sqls") or [asked.get("Sql") or ""]
    used = {name for sql in sqls for name in bound(sql, parameters)[1]}
    if unused := parameters.keys() - used:
        names = ", ".join(sorted(unused))
        raise ValidationException(f"Parameters list contains unused parameters. Unused parameters: [{names}]")
    try:
        return postgresql.configured()
    except NoPostgreSQLError as error:
        raise ValidationException(str(error)) from error


def _carry_out(statement: Statement, settings: dict[str, Any], account: str, region: str) -> None:
    """Give a statement its whole life, on a thread of the pool."""
    if statement.status not in FINAL:
        try:
            postgresql.run(statement, settings)
        except Exception as error:
            logger.error(  # noqa: TRY400 - its traceback may hold values
                "a statement broke", extra={"action": "statement_broke", "error": type(error).__name__}
            )
            statement.parts[0].move(FAILED, error=f"the embedded Redshift Data API broke: {type(error).__name__}")
            statement.end(FAILED)
    if statement.asked.get("WithEvent"):
        _send_event(statement, account, region)


def _interrupt(statement: Statement) -> None:
    """Interrupt the database until it notices: an interruption between two statements is lost."""
    for _ in range(TRIES_TO_INTERRUPT):
        statement.interrupt()
        if statement.ended.wait(INTERRUPT_INTERVAL):
            return


def _place_after(statements: list[Statement], token: str | None) -> int:
    if not token:
        return 0
    for at, statement in enumerate(statements):
        if statement.statement_id == token:
            return at + 1
    raise ValidationException("NextToken is none that ListStatements gave")


def _not_found(message: str) -> JsonRESTError:
    return JsonRESTError("ResourceNotFoundException", message)


def _send_event(statement: Statement, account: str, region: str) -> None:
    """Tell EventBridge how the statement ended."""
    cluster, workgroup = statement.asked.get("ClusterIdentifier"), statement.asked.get("WorkgroupName")
    resource = (
        f"arn:aws:redshift:{region}:{account}:cluster:{cluster}"
        if cluster
        else f"arn:aws:redshift-serverless:{region}:{account}:workgroup/{workgroup}"
    )
    detail = {
        "principal": f"arn:aws:iam::{account}:root",
        "statementName": statement.asked.get("StatementName") or "",
        "statementId": statement.statement_id,
        "redshiftQueryId": -1,
        "state": statement.status,
        "rows": statement.rows,
        "expireAt": int((statement.created_at + KEPT_FOR).timestamp()),
    }
    detail_type = "Redshift Data Statement Status Change"
    service_events.send(account, region, "aws.redshift-data", detail_type, detail, resources=[resource])
