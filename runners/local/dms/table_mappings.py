"""Table mappings: the JSON rules by which a task says which tables, rows and columns it copies, and under what names.

Reads and decides; it never talks to a database. A rule that the embedded DMS does not carry out is refused by its name
before anything is copied.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.local.dms.columns import DmsType, Kind, TargetColumn, TargetTable
from runners.local.dms.errors import TableError, UnusableRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runners.local.dms.columns import Column, SourceTable, TableName

# Operator of a filter → the names of its values.
FILTER_OPERATORS: dict[str, tuple[str, ...]] = {
    "eq": ("value",),
    "noteq": ("value",),
    "gte": ("value",),
    "lte": ("value",),
    "ste": ("value",),
    "between": ("start-value", "end-value"),
    "notbetween": ("start-value", "end-value"),
    "null": (),
    "notnull": (),
}
NEGATIVE_OPERATORS = frozenset({"noteq", "notbetween", "notnull"})
# What no exact name has. Most names have _, which is a wildcard in patterns: in exact names it stands for itself.
_WILDCARD = re.compile(r"%|\[[^\]]+\]")
_SET_OF_ONE = re.compile(r"\[([^\]])\]")  # how a pattern has a wildcard's character itself, such as [_] and [%]

# Action of a transformation → how it changes a name, given the rule's value and old value.
NAMING: dict[str, Callable[[str, str, str], str]] = {
    "rename": lambda _name, value, _old: value,
    "convert-lowercase": lambda name, _value, _old: name.lower(),
    "convert-uppercase": lambda name, _value, _old: name.upper(),
    "add-prefix": lambda name, value, _old: value + name,
    "add-suffix": lambda name, value, _old: name + value,
    "remove-prefix": lambda name, value, _old: name.removeprefix(value),
    "remove-suffix": lambda name, value, _old: name.removesuffix(value),
    "replace-prefix": lambda name, value, old: value + name.removeprefix(old) if name.startswith(old) else name,
    "replace-suffix": lambda name, value, old: name.removesuffix(old) + value if name.endswith(old) else name,
}
WITHOUT_VALUE = frozenset({"convert-lowercase", "convert-uppercase", "remove-column", "include-column"})
WITH_OLD_VALUE = frozenset({"replace-prefix", "replace-suffix"})
COLUMN_ACTIONS = frozenset({"remove-column", "include-column", "add-column"})
ADDED_TYPES = frozenset({*Kind} - {Kind.BYTES, Kind.BLOB})

_ENVELOPE = {"rule-type", "rule-id", "rule-name", "rule-action", "object-locator"}
_FIELDS = {
    "selection": _ENVELOPE | {"filters", "load-order"},
    "transformation": _ENVELOPE | {"rule-target", "value", "old-value", "expression", "data-type"},
}
_LOCATOR_FIELDS = {
    "selection": {"schema-name", "table-name", "table-type"},
    "schema": {"schema-name"},
    "table": {"schema-name", "table-name"},
    "column": {"schema-name", "table-name", "column-name"},
}


class Condition(NamedTuple):
    """One condition of a filter."""

    operator: str
    values: tuple[str, ...]


class Filter(NamedTuple):
    """Rows are copied for which one of the conditions on a column holds."""

    column: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Selection:
    """A rule that includes or excludes tables."""

    rule_id: int
    action: str
    schema: str
    table: str
    table_type: str
    filters: tuple[Filter, ...]
    load_order: int

    def concerns(self, table: TableName) -> bool:
        """Say whether the rule's locator fits a table: by its exact name where the rule is explicit or filters."""
        if self.table_type != "all" and table.is_view != (self.table_type == "view"):
            return False
        if self.action == "explicit" or self.filters:
            return (table.schema, table.name) == (self.schema, self.table)
        return matches(self.schema, table.schema) and matches(self.table, table.name)


@dataclass(frozen=True)
class Transformation:
    """A rule that changes a name, or which columns there are."""

    rule_id: int
    target: str
    action: str
    schema: str
    table: str
    column: str
    value: str
    old_value: str
    expression: str
    data_type: DmsType | None

    def concerns(self, table: TableName, column: str | None = None) -> bool:
        """Say whether the rule's locator fits a table, or a column of it."""
        fits = matches(self.schema, table.schema) and (self.target == "schema" or matches(self.table, table.name))
        return fits and (column is None or matches(self.column, column))

    def renamed(self, name: str) -> str:
        """Answer the name that the rule makes of one."""
        return NAMING[self.action](name, self.value, self.old_value)


@dataclass(frozen=True)
class Selected:
    """A table that is copied, with the filters on its rows."""

    table: TableName
    filters: tuple[Filter, ...]
    load_order: int


class TableMappings:
    """The rules of a task, in the order of their ids."""

    def __init__(self, selections: Iterable[Selection], transformations: Iterable[Transformation]) -> None:
        self._selections = sorted(selections, key=lambda rule: rule.rule_id)
        self._transformations = sorted(transformations, key=lambda rule: rule.rule_id)

    @classmethod
    def parse(cls, text: str) -> TableMappings:
        """Read the JSON document; raises ``UnusableRequestError`` that names the rule which cannot be used."""
        try:
            rules = json.loads(text)["rules"]
        except (ValueError, KeyError, TypeError):
            raise UnusableRequestError('TableMappings is no JSON object with "rules"') from None
        if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
            raise UnusableRequestError("TableMappings has no list of rules")
        selections, transformations, seen = [], [], set()
        for rule in rules:
            rule_id = _rule_id(rule)
            if rule_id in seen:
                raise UnusableRequestError(f"Two rules of the table mappings have the rule-id {rule_id}: it is unique")
            seen.add(rule_id)
            kind = rule.get("rule-type")
            if kind == "selection":
                selections.append(_selection(rule_id, rule))
            elif kind == "transformation":
                transformations.append(_transformation(rule_id, rule))
            else:
                raise UnusableRequestError(
                    f"Rule {rule_id} has the rule-type {kind!r}, which the embedded DMS does not do: it does "
                    "selection and transformation"
                )
        if not any(rule.action != "exclude" for rule in selections):
            raise UnusableRequestError("The table mappings have no selection rule that includes a table")
        return cls(selections, transformations)

    def select(self, tables: Iterable[TableName]) -> list[Selected]:
        """Answer the tables that are copied, those of a higher load-order first, else as they come."""
        chosen = [selected for table in tables if (selected := self._selected(table))]
        return sorted(chosen, key=lambda selected: -selected.load_order)

    def missing(self, tables: Iterable[TableName]) -> list[tuple[str, str]]:
        """Answer schema and name of each table that is asked for explicitly and that is not there."""
        there = {(table.schema, table.name) for table in tables}
        asked = [(rule.schema, rule.table) for rule in self._selections if rule.action == "explicit"]
        return [pair for pair in asked if pair not in there]

    def target_of(self, table: SourceTable, target_schema: str = "") -> TargetTable:
        """Answer the table as it is to be at the target.

        Raises ``TableError`` where two rules act on one name, or a rule names a column that is not there.
        """
        name = table.name
        columns = [
            TargetColumn(self._name("column", column.name, name, column.name), column.type, column)
            for column in table.columns
            if self._keeps(name, column)
        ]
        renamed = {column.source.name: column.name for column in columns if column.source}
        columns += [_added(rule, table) for rule in self._rules("column", name, "add-column")]
        names = [column.name for column in columns]
        if len(names) != len(set(names)):
            raise TableError(f"The rules give two columns of {name} one name")
        if not columns:
            raise TableError(f"The rules leave no column of {name}")
        key = tuple(renamed[part] for part in table.primary_key if part in renamed)
        return TargetTable(
            schema=target_schema or self._name("schema", name.schema, name),
            name=self._name("table", name.name, name),
            columns=tuple(columns),
            primary_key=key if len(key) == len(table.primary_key) else (),
        )

    def _selected(self, table: TableName) -> Selected | None:
        rules = [rule for rule in self._selections if rule.concerns(table)]
        if not any(rule.action != "exclude" for rule in rules) or any(rule.action == "exclude" for rule in rules):
            return None
        filtering = [rule for rule in rules if rule.filters]
        if filtering and len(rules) > 1:
            ids = " and ".join(str(rule.rule_id) for rule in rules)
            raise UnusableRequestError(
                f"The rules {ids} select {table}, and one of them filters its rows: let one rule select it"
            )
        filters = filtering[0].filters if filtering else ()
        return Selected(table, filters, max(rule.load_order for rule in rules))

    def _rules(self, target: str, table: TableName, *actions: str, column: str | None = None) -> list[Transformation]:
        return [
            rule
            for rule in self._transformations
            if rule.target == target and rule.action in actions and rule.concerns(table, column)
        ]

    def _name(self, target: str, name: str, table: TableName, column: str | None = None) -> str:
        rules = self._rules(target, table, *NAMING, column=column)
        if len(rules) > 1:
            ids = " and ".join(str(rule.rule_id) for rule in rules)
            raise TableError(f"The rules {ids} both act on the name of {target} {name} of {table}: DMS applies one")
        changed = rules[0].renamed(name) if rules else name
        if not changed:
            raise TableError(f"Rule {rules[0].rule_id} leaves nothing of the name of {target} {name} of {table}")
        return changed

    def _keeps(self, table: TableName, column: Column) -> bool:
        if self._rules("column", table, "remove-column", column=column.name):
            return False
        including = self._rules("column", table, "include-column")
        return not including or any(rule.concerns(table, column.name) for rule in including)


def matches(pattern: str, name: str) -> bool:
    """Say whether a name fits a pattern: ``%`` any characters, ``_`` one, ``[ab]`` and ``[a-d]`` one of a set."""
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts, at = [], 0
    while at < len(pattern):
        end = pattern.find("]", at) if pattern[at] == "[" else -1
        if end > at + 1:
            inside = re.sub(r"([\\^\[\]])", r"\\\1", pattern[at + 1 : end])
            parts.append(f"[{inside}]")
            at = end + 1
            continue
        parts.append({"%": ".*", "_": "."}.get(pattern[at], re.escape(pattern[at])))
        at += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        raise UnusableRequestError(f"{pattern!r} is no pattern of table mappings") from None


def _rule_id(rule: Mapping[str, Any]) -> int:
    try:
        return int(rule["rule-id"])
    except (KeyError, TypeError, ValueError):
        raise UnusableRequestError("A rule of the table mappings has no rule-id that is a number") from None


def _require_known(rule_id: int, kind: str, given: Iterable[str], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise UnusableRequestError(
            f"Rule {rule_id} has {', '.join(unknown)} in its {kind}, which the embedded DMS does not do"
        )


def _locator(rule_id: int, rule: Mapping[str, Any], kind: str) -> Mapping[str, str]:
    locator = rule.get("object-locator")
    if not isinstance(locator, dict) or not all(isinstance(value, str) for value in locator.values()):
        raise UnusableRequestError(f"Rule {rule_id} has no object-locator with names")
    _require_known(rule_id, "object-locator", locator, _LOCATOR_FIELDS[kind])
    needed = _LOCATOR_FIELDS[kind] - {"table-type"}
    if kind == "column" and rule.get("rule-action") == "add-column":
        needed = needed - {"column-name"}
    lacking = sorted(name for name in needed if not locator.get(name))
    if lacking:
        raise UnusableRequestError(f"Rule {rule_id} lacks {', '.join(lacking)} in its object-locator")
    for pattern in locator.values():
        _compiled(pattern)
    return locator


def _selection(rule_id: int, rule: Mapping[str, Any]) -> Selection:
    _require_known(rule_id, "selection", rule, _FIELDS["selection"])
    locator, action = _locator(rule_id, rule, "selection"), rule.get("rule-action")
    if action not in {"include", "exclude", "explicit"}:
        raise UnusableRequestError(f"Rule {rule_id} has the rule-action {action!r}: use include, exclude or explicit")
    table_type = locator.get("table-type", "table")
    if table_type not in {"table", "view", "all"}:
        raise UnusableRequestError(f"Rule {rule_id} has the table-type {table_type!r}: use table, view or all")
    named = [locator["schema-name"], locator["table-name"]]
    is_exact = not any(_WILDCARD.search(_SET_OF_ONE.sub("", name)) for name in named)
    if action == "explicit" and not is_exact:
        raise UnusableRequestError(
            f"Rule {rule_id} is explicit, so that its names have no wildcards: no % and no [ab]; _ stands for itself"
        )
    filters = tuple(_filter(rule_id, given) for given in rule.get("filters") or ())
    if filters and not (action == "include" and is_exact):
        raise UnusableRequestError(
            f"Rule {rule_id} filters rows: DMS does so where the rule-action is include and the names are exact, "
            "without % and [ab]; _ stands for itself"
        )
    if action == "explicit" or filters:
        named = [_SET_OF_ONE.sub(r"\1", name) for name in named]
    try:
        order = int(rule.get("load-order", 0))
    except (TypeError, ValueError):
        raise UnusableRequestError(f"Rule {rule_id} has a load-order that is no number") from None
    return Selection(rule_id, action, named[0], named[1], table_type, filters, order)


def _filter(rule_id: int, given: Any) -> Filter:
    if not isinstance(given, dict) or given.get("filter-type") != "source":
        raise UnusableRequestError(f"Rule {rule_id} has a filter whose filter-type is not source")
    _require_known(rule_id, "filter", given, {"filter-type", "column-name", "filter-conditions"})
    conditions = given.get("filter-conditions")
    if not isinstance(given.get("column-name"), str) or not isinstance(conditions, list) or not conditions:
        raise UnusableRequestError(f"Rule {rule_id} has a filter without column-name and filter-conditions")
    read = tuple(_condition(rule_id, condition) for condition in conditions)
    if len(read) > 1 and any(condition.operator in NEGATIVE_OPERATORS for condition in read):
        raise UnusableRequestError(
            f"Rule {rule_id} has a filter with a negative operator and other conditions: DMS takes it alone"
        )
    return Filter(given["column-name"], read)


def _condition(rule_id: int, given: Any) -> Condition:
    operator = given.get("filter-operator") if isinstance(given, dict) else None
    if operator not in FILTER_OPERATORS:
        raise UnusableRequestError(
            f"Rule {rule_id} has the filter-operator {operator!r}: use one of {', '.join(FILTER_OPERATORS)}"
        )
    names = FILTER_OPERATORS[operator]
    _require_known(rule_id, "filter-conditions", given, {"filter-operator", *names})
    lacking = [name for name in names if not isinstance(given.get(name), str | int | float)]
    if lacking:
        raise UnusableRequestError(f"Rule {rule_id} has a filter {operator} without {' and '.join(lacking)}")
    return Condition(operator, tuple(str(given[name]) for name in names))


def _transformation(rule_id: int, rule: Mapping[str, Any]) -> Transformation:
    _require_known(rule_id, "transformation", rule, _FIELDS["transformation"])
    target, action = rule.get("rule-target"), rule.get("rule-action")
    if target not in {"schema", "table", "column"}:
        raise UnusableRequestError(
            f"Rule {rule_id} has the rule-target {target!r}: the embedded DMS transforms schema, table and column"
        )
    if not (action in NAMING or (action in COLUMN_ACTIONS and target == "column")):
        raise UnusableRequestError(f"Rule {rule_id} has the rule-action {action!r}, which the embedded DMS does not do")
    locator = _locator(rule_id, rule, target)
    value, old_value = rule.get("value") or "", rule.get("old-value") or ""
    if action not in WITHOUT_VALUE and (not isinstance(value, str) or not value or "${" in value):
        raise UnusableRequestError(f"Rule {rule_id} needs a value that is plain text, for {action}")
    if action in WITH_OLD_VALUE and (not isinstance(old_value, str) or not old_value):
        raise UnusableRequestError(f"Rule {rule_id} needs an old-value for {action}")
    expression, data_type = str(rule.get("expression") or ""), None
    if action == "add-column":
        data_type = _data_type(rule_id, rule.get("data-type"))
        _require_trivial(rule_id, expression)
    elif expression or rule.get("data-type"):
        raise UnusableRequestError(f"Rule {rule_id} has an expression or a data-type for {action}: only for add-column")
    names = (locator.get("schema-name", ""), locator.get("table-name", ""), locator.get("column-name", "%"))
    return Transformation(rule_id, target, action, *names, value, old_value, expression, data_type)


# What an added column may hold: 'text', a number, the source's schema or table, or another column.
_LITERAL = re.compile(r"'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)")
_COLUMN = re.compile(r"\$(\w+)")
_NAMES_OF_SOURCE: dict[str, Callable[[TableName], str]] = {
    "$AR_M_SOURCE_SCHEMA": lambda table: table.schema,
    "$AR_M_SOURCE_TABLE_NAME": lambda table: table.name,
}


def _require_trivial(rule_id: int, expression: str) -> None:
    column = _COLUMN.fullmatch(expression)
    if expression in _NAMES_OF_SOURCE or _LITERAL.fullmatch(expression):
        return
    if not column or column[1].startswith("AR_"):
        raise UnusableRequestError(
            f"Rule {rule_id} adds a column by an expression that the embedded DMS does not do: it does 'text', "
            f"numbers, $COLUMN and {', '.join(_NAMES_OF_SOURCE)}"
        )


def _data_type(rule_id: int, given: Any) -> DmsType:
    given = given or {"type": "string", "length": 50}
    kind = str(given.get("type", "")).upper() if isinstance(given, dict) else ""
    if kind not in ADDED_TYPES:
        raise UnusableRequestError(
            f"Rule {rule_id} adds a column of the data-type {kind!r}, which the embedded DMS lacks"
        )
    _require_known(rule_id, "data-type", given, {"type", "length", "precision", "scale"})
    try:
        sizes = {
            name: int(given[name]) if given.get(name) not in (None, "") else None for name in ("length", "precision")
        }
        scale = int(given["scale"]) if given.get("scale") not in (None, "") else None
    except (TypeError, ValueError):
        raise UnusableRequestError(f"Rule {rule_id} has a data-type with sizes that are no numbers") from None
    if kind == Kind.NUMERIC:
        return DmsType.decimal(sizes["precision"], scale or 0)
    return DmsType(Kind(kind), length=sizes["length"], scale=scale)


def _added(rule: Transformation, table: SourceTable) -> TargetColumn:
    """Make the column that a rule adds to a table."""
    assert rule.data_type is not None, "a rule that adds a column has a type"  # noqa: S101  # the parser saw to it
    if rule.expression in _NAMES_OF_SOURCE:
        return TargetColumn(rule.value, rule.data_type, constant=_NAMES_OF_SOURCE[rule.expression](table.name))
    literal = _LITERAL.fullmatch(rule.expression)
    if literal:
        text = literal[2] if literal[2] is not None else literal[1].replace("''", "'")
        return TargetColumn(rule.value, rule.data_type, constant=text)
    wanted = rule.expression.removeprefix("$")
    for column in table.columns:
        if column.name == wanted:
            # Its own type, not the rule's: a value is copied, and never converted.
            return TargetColumn(rule.value, column.type, column)
    raise TableError(f"Rule {rule.rule_id} adds a column from {wanted}, which {table.name} does not have")
