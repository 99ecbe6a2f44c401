from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.local.dms.columns import Column, DmsType, Kind, SourceTable, TableName
from runners.local.dms.errors import TableError, UnusableRequestError
from runners.local.dms.table_mappings import TableMappings, matches

ORDERS = TableName("shop", "orders")
NAMED = {"schema-name": "s", "table-name": "t"}
IS_NULL = {"filter-operator": "null"}
ODD_SIZE = {"type": "int4", "length": "x"}


def selection(rule_id: str = "1", schema: str = "%", table: str = "%", **rest: Any) -> dict[str, Any]:
    locator = {"schema-name": schema, "table-name": table}
    return {"rule-type": "selection", "rule-id": rule_id, "rule-action": "include", "object-locator": locator} | rest


def transformation(action: str, target: str = "column", rule_id: str = "2", **rest: Any) -> dict[str, Any]:
    locator = {"schema": {"schema-name": "%"}, "table": {"schema-name": "%", "table-name": "%"}}
    locator["column"] = locator["table"] | {"column-name": "%"}
    rule = {"rule-type": "transformation", "rule-id": rule_id, "rule-target": target, "rule-action": action}
    return rule | {"object-locator": locator.get(target, {})} | rest


def filtering(*conditions: dict[str, Any], column: Any = "id") -> list[dict[str, Any]]:
    return [{"filter-type": "source", "column-name": column, "filter-conditions": list(conditions)}]


def parse(*rules: Any) -> TableMappings:
    return TableMappings.parse(json.dumps({"rules": list(rules)}))


def table(*names: str, key: tuple[str, ...] = ()) -> SourceTable:
    columns = tuple(Column(name, DmsType(Kind.INT4), "integer", name) for name in names)
    return SourceTable(ORDERS, columns, key)


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("%", "anything", None),
        ("order%", "orders", "reorder"),
        ("a_c", "abc", "ac"),
        ("a[_]c", "a_c", "abc"),
        ("[ab]x", "bx", "cx"),
        ("[a-d]x", "dx", "ex"),
        ("a.c", "a.c", "abc"),
        ("a[", "a[", "ab"),
        ("[^]x", "^x", "ax"),
    ],
)
def test_a_pattern_fits_names_as_dms_has_it(pattern: str, fitting: str, other: str | None) -> None:
    assert matches(pattern, fitting)
    assert other is None or not matches(pattern, other)


@given(st.text(st.characters(blacklist_characters="%_[")))
def test_a_pattern_without_wildcards_fits_itself_alone(name: str) -> None:
    assert matches(name, name)
    assert not matches(name, f"{name}x")


def test_names_of_patterns_are_case_sensitive() -> None:
    assert not matches("Orders", "orders")


@pytest.mark.parametrize("rest", [{"filters": filtering(IS_NULL)}, {"rule-action": "explicit"}])
@pytest.mark.parametrize("name", ["order_lines", "order[_]lines"])
def test_an_underscore_of_an_exact_name_is_no_wildcard(name: str, rest: dict[str, Any]) -> None:
    tables = [TableName(*names) for names in (("s_1", "order_lines"), ("s_1", "order-lines"), ("s-1", "order_lines"))]
    exact = parse(selection(schema="s_1", table=name, **rest))
    assert [selected.table for selected in exact.select(tables)] == tables[:1]
    assert exact.missing(tables) == []
    assert len(parse(selection(schema="s_1", table="order_lines")).select(tables)) == len(tables)


def test_tables_of_a_higher_load_order_come_first() -> None:
    mappings = parse(selection(), selection("2", table="late", **{"load-order": "9"}))
    tables = [TableName("s", "early"), TableName("s", "late")]
    assert [selected.table.name for selected in mappings.select(tables)] == ["late", "early"]


def test_two_rules_that_select_a_table_do_not_filter_it() -> None:
    condition = {"filter-operator": "null"}
    mappings = parse(selection(), selection("2", "shop", "orders", filters=filtering(condition)))
    with pytest.raises(UnusableRequestError, match=r"1 and 2 select shop\.orders"):
        mappings.select([ORDERS])
    assert [selected.table.name for selected in mappings.select([TableName("shop", "other")])] == ["other"]


def test_a_table_that_is_asked_for_explicitly_is_missing_when_it_is_not_there() -> None:
    mappings = parse(selection(schema="shop", table="orders", **{"rule-action": "explicit"}))
    assert mappings.missing([]) == [("shop", "orders")]
    assert mappings.missing([ORDERS]) == []


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (transformation("rename", value="x"), "x"),
        (transformation("convert-uppercase"), "ORDER_ID"),
        (transformation("convert-lowercase"), "order_id"),
        (transformation("add-prefix", value="my_"), "my_order_id"),
        (transformation("add-suffix", value="_1"), "order_id_1"),
        (transformation("remove-prefix", value="order_"), "id"),
        (transformation("remove-suffix", value="_id"), "order"),
        (transformation("remove-suffix", value="x"), "order_id"),
        (transformation("replace-prefix", value="sale", **{"old-value": "order"}), "sale_id"),
        (transformation("replace-prefix", value="sale", **{"old-value": "x"}), "order_id"),
        (transformation("replace-suffix", value="key", **{"old-value": "id"}), "order_key"),
        (transformation("replace-suffix", value="key", **{"old-value": "x"}), "order_id"),
    ],
)
def test_a_rule_changes_a_name(rule: dict[str, Any], name: str) -> None:
    assert [column.name for column in parse(selection(), rule).target_of(table("order_id")).columns] == [name]


def test_the_schema_of_the_settings_wins_over_that_of_the_rules() -> None:
    mappings = parse(selection(), transformation("rename", "schema", value="archive"))
    assert mappings.target_of(table("id")).schema == "archive"
    assert mappings.target_of(table("id"), "settled").schema == "settled"


def test_a_primary_key_follows_its_columns_and_goes_with_one_of_them() -> None:
    source = table("a", "b", key=("a", "b"))
    assert parse(selection(), transformation("add-prefix", value="x_")).target_of(source).primary_key == ("x_a", "x_b")
    locator = {"schema-name": "%", "table-name": "%", "column-name": "b"}
    without = parse(selection(), transformation("remove-column", **{"object-locator": locator}))
    assert without.target_of(source).primary_key == ()


@pytest.mark.parametrize(
    ("expression", "data_type", "constant", "kind"),
    [
        ("'it''s'", {"type": "string", "length": 10}, "it's", Kind.STRING),
        ("42", {"type": "int4"}, "42", Kind.INT4),
        ("-1.50", {"type": "numeric", "precision": 5, "scale": 2}, "-1.50", Kind.NUMERIC),
        ("$AR_M_SOURCE_TABLE_NAME", None, "orders", Kind.STRING),
    ],
)
def test_a_column_is_added_with_one_value(expression: str, data_type: Any, constant: str, kind: Kind) -> None:
    rule = transformation("add-column", value="new", expression=expression, **{"data-type": data_type})
    *_, added = parse(selection(), rule).target_of(table("id")).columns
    assert (added.name, added.constant, added.type.kind) == ("new", constant, kind)


def test_rules_that_do_not_fit_a_table_make_it_erroneous() -> None:
    for wrong, said in (
        (transformation("rename", value="same"), "two columns"),
        (transformation("remove-column"), "leave no column"),
        (transformation("remove-prefix", value="a"), "leaves nothing of the name"),
        (transformation("add-column", value="new", expression="$z"), "which shop.orders does not have"),
    ):
        with pytest.raises(TableError, match=said):
            parse(selection(), wrong).target_of(table("a", "b"))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([], "no list of rules"),
        (["rule"], "no list of rules"),
        ([selection(rule_id="one")], "no rule-id that is a number"),
        ([selection(), selection()], "Two rules"),
        ([selection(**{"rule-type": "table-settings"})], "rule-type 'table-settings'"),
        ([selection(**{"rule-action": "exclude"})], "no selection rule that includes"),
        ([selection(**{"rule-action": "take"})], "rule-action 'take'"),
        ([selection(**{"object-locator": None})], "no object-locator"),
        ([selection(**{"object-locator": {"schema-name": "s"}})], "lacks table-name"),
        ([selection(**{"object-locator": {**NAMED, "size": "1"}})], "size"),
        ([selection(table="[b-a]")], "is no pattern"),
        ([selection(**{"object-locator": {**NAMED, "table-type": "x"}})], "table-type 'x'"),
        ([selection(**{"rule-action": "explicit"})], "no wildcards"),
        ([selection(**{"load-order": "first"})], "load-order"),
        ([selection(colour="red")], "colour in its selection"),
        ([selection(table="t[ab]", schema="s", **{"rule-action": "explicit"})], "no wildcards"),
        ([selection(filters=filtering({"filter-operator": "null"}))], "names are exact"),
        ([selection(table="t", schema="[a-d]", filters=filtering({"filter-operator": "null"}))], "names are exact"),
        ([selection(table="t", schema="s", filters=[{"filter-type": "target"}])], "filter-type is not source"),
        ([selection(table="t", schema="s", filters=filtering())], "without column-name and filter-conditions"),
        ([selection(table="t", schema="s", filters=filtering({"filter-operator": "like"}))], "'like'"),
        ([selection(table="t", schema="s", filters=filtering({"filter-operator": "eq"}))], "eq without value"),
        (
            [selection(**{"object-locator": NAMED}, filters=filtering({"filter-operator": "notnull"}, IS_NULL))],
            "negative operator",
        ),
        ([selection(), transformation("rename", "index-tablespace")], "rule-target 'index-tablespace'"),
        ([selection(), transformation("change-data-type")], "rule-action 'change-data-type'"),
        ([selection(), transformation("remove-column", "table")], "rule-action 'remove-column'"),
        ([selection(), transformation("rename")], "needs a value"),
        ([selection(), transformation("rename", value="${schema-name}")], "plain text"),
        ([selection(), transformation("replace-prefix", value="a")], "needs an old-value"),
        ([selection(), transformation("rename", value="a", expression="1")], "only for add-column"),
        ([selection(), transformation("add-column", value="a", expression="$A || $B")], "expression that the embedded"),
        ([selection(), transformation("add-column", value="a", expression="$AR_H_CHANGE_SEQ")], "expression"),
        (
            [selection(), transformation("add-column", value="a", expression="1", **{"data-type": {"type": "blob"}})],
            "data-type 'BLOB'",
        ),
        (
            [selection(), transformation("add-column", value="a", expression="1", **{"data-type": ODD_SIZE})],
            "sizes that are no numbers",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_is_not_carried_out_is_refused_by_name(rules: list[Any], said: str) -> None:
    with pytest.raises(UnusableRequestError, match=said.replace("[", r"\[")):
        parse(*rules)


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON"])
def test_mappings_are_a_json_object_with_rules(text: str) -> None:
    with pytest.raises(UnusableRequestError, match='no JSON object with "rules"'):
        TableMappings.parse(text)


def test_a_filter_never_shows_its_value() -> None:
    hidden = {"filter-operator": "eq", "value": "hush-hush", "colour": "red"}
    with pytest.raises(UnusableRequestError) as refused:
        parse(selection(schema="s", table="t", filters=filtering(hidden)))
    assert "hush-hush" not in str(refused.value)
