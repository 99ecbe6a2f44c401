"""Templates: what they can say, and that no value ever becomes part of a statement."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from runners.steps.errors import TemplateFailed
from runners.steps.templates import (
    ATHENA,
    MYSQL,
    POSTGRESQL,
    REDSHIFT,
    SNOWFLAKE,
    SQLITE,
    SQLSERVER,
    Statement,
    Templates,
)

DIALECTS = (ATHENA, MYSQL, POSTGRESQL, REDSHIFT, SNOWFLAKE, SQLITE, SQLSERVER)
HOSTILE = "x' OR 1=1; -- %s ? :p1 {{ ds }} \\' \" ` ]"
DAY = date(2026, 1, 31)
MOMENT = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


def templates(**variables):
    return Templates({"ds": DAY, "execution_date": MOMENT, **variables})


def refusal(render):
    with pytest.raises(TemplateFailed) as raised:
        render()
    return raised.value.message


# Texts


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("no braces { here", "no braces { here"),
        ("out/{{ ds }}/{{ x }}", "out/2026-01-31/one"),
        ("{{ execution_date }}", "2026-01-31T23:30:00+00:00"),
        ("{{ ds ~ '.csv' }}", "2026-01-31.csv"),
        ("{% if x == 'one' %}yes{% else %}no{% endif %}", "yes"),
        ("{% for each in [1, 2] %}{{ each }};{% endfor %}", "1;2;"),
        ("{{ outputs.count + 1 }}", "3"),
        ("{{ outputs.list }}", '[1, null, "é", "2026-01-31", true]'),
        ("{{ outputs }}", '{"count": 2, "list": [1, null, "é", "2026-01-31", true], "nothing": null}'),
        ("{{ outputs.nothing | default('none', true) }}", "none"),
        ("{{ outputs.missing | default('none') }}", "none"),
        ("{{ true }} {{ price }} {{ 0.5 }}", "true 1.10 0.5"),
        ("{{ 2 * 3 }} {{ 2 ** 10 }}", "6 1024"),
        ("{% macro twice(it) %}{{ it }}{{ it }}{% endmacro %}{{ twice(x) }}", "oneone"),
        ("{{ range(3) | list }}", "[0, 1, 2]"),
    ],
)
def test_a_text_has_its_values_in_their_places(template, text):
    outputs = {"count": 2, "list": [1, None, "é", DAY, True], "nothing": None}
    assert templates(x="one", price=Decimal("1.10"), outputs=outputs).text(template) == text


def test_a_member_is_found_whatever_its_name():
    given = templates(outputs={"copy": {"items": 1}, "get": 2})
    assert given.text("{{ outputs.copy.items }} {{ outputs.get }} {{ outputs['copy'] | length }}") == "1 2 1"
    assert given.text("{% for name in outputs.keys() %}{{ name }} {% endfor %}") == "copy get "


def test_a_value_is_no_template():
    assert templates(x="{{ ds }}").text("{{ x }}") == "{{ ds }}"
    assert templates(x=Markup("<b>")).text("{{ x }}") == "<b>"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ dss }}", "'dss' is undefined; did you mean ds?"),
        ("{{ zebra }}", "there are ds, execution_date, secret, x"),
        ("{{ x.name }}", "has no attribute 'name'"),
        ("{{ x.name.more }}", "has no attribute 'name'"),
        ("{{ x[secret] }}", "it looks for what is not there"),
        ("{% for each in zebra %}{% endfor %}", "'zebra' is undefined"),
        ("{{ zebra | default(other) }}", "'other' is undefined"),
        ("a\n{% if %}", "line 2"),
        ("{{ x | identifier }}", "No filter named 'identifier'"),
        ("{{ x.nothing }}", "is null"),
        ("{{ 1 / 0 }}", "ZeroDivisionError in an expression"),
        ("{{ secret.upper }}", "which has no text"),
        ("{{ range }}", "which has no text"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("{% include 'other' %}", "cannot be rendered"),
    ],
)
def test_what_cannot_be_rendered_is_refused_without_a_value(template, said):
    message = refusal(lambda: templates(x={"nothing": None}, secret="Pa55word").text(template))
    assert said in message
    assert "Pa55word" not in message


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ dss }}", "'dss' is undefined; did you mean ds?"),
        ("{{ ds | upper ~ zebra }}", "'zebra' is undefined; there are ds, execution_date, x"),
        ("{% if zebra %}a{% endif %}", "'zebra' is undefined"),
        ("{% for each in zebra %}a{% endfor %}", "'zebra' is undefined"),
        ("{{ (zebra ~ 'a') | default('b') }}", "'zebra' is undefined"),
        ("{{ zebra and x }}", "'zebra' is undefined"),
        ("{{ zebra | string }}", "'zebra' is undefined"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("a\n{% if %}", "line 2"),
        ("{{ ds | nextweek }}", "No filter named 'nextweek'"),
    ],
)
def test_what_no_value_could_make_right_is_found_without_values(template, said):
    assert said in refusal(lambda: templates(x=None).check(template))


@pytest.mark.parametrize(
    "template",
    [
        "{{ ds | add_days(1) }}",
        "{{ x.name.more[0] }}",
        "{{ x | identifier }}",
        "{{ add_days(ds, 1) }}{% for each in range(3) %}{{ each }}{{ loop.index }}{% endfor %}",
        "{{ zebra | default('none') }}",
        "{% if zebra is defined %}{{ zebra }}{% endif %}",
        "{{ x | default(zebra) }}",
        "{{ 'a' if zebra is none else 'b' }}",
        "{{ x and zebra }}",
        "{{ 'a' if zebra is number else 'b' }}",
        "{% block a %}x{% endblock %}{{ self.a() }}",
        "{% if x %}{% set y = 1 %}{% else %}{% set y = 2 %}{% endif %}{{ y }}",
        "{% macro twice(y) %}{{ y }}{{ y }}{% endmacro %}{{ twice(x) }}",
        "{% set zebra = 1 %}{{ zebra }}",
    ],
)
def test_what_values_may_make_right_passes_without_values(template):
    templates(x=None).check(template)


def test_within_an_execution_a_date_has_to_be_given():
    assert "give ExecutionDate from $$.Execution.StartTime" in refusal(lambda: Templates({}).text("{{ ds }}"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ x | attr('__class__') }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ '%s' | format(x.__init__) }}",
        "{{ [x] | map(attribute='__class__') | list }}",
        "{{ x.append(4) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ range.__globals__ }}",
        "{{ add_days.__globals__ }}",
        "{{ add_days.__code__.co_consts }}",
        "{{ range(10 ** 9) | list }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 9 ** 99999 }}",
        "{{ (9 ** 60) ** 60 }}",
    ],
)
@pytest.mark.parametrize(
    "render", [lambda it, template: it.text(template), lambda it, template: it.sql(template, MYSQL)]
)
def test_nobody_gets_out_of_the_sandbox(template, render):
    assert refusal(lambda: render(templates(x=[1]), template))


# SQL


def test_values_are_bound_and_names_are_quoted():
    given = templates(ids=[1, 2], columns=["a", "b"], table="public.orders", x=HOSTILE)
    assert given.sql(
        "SELECT {{ columns | identifier }} FROM {{ table | identifier }} "
        "WHERE id IN ({{ ids }}) AND day >= {{ ds | add_days(-1) }} AND x = {{ x }}",
        POSTGRESQL,
    ) == Statement(
        'SELECT "a", "b" FROM "public"."orders" WHERE id IN (%s, %s) AND day >= %s AND x = %s',
        (1, 2, date(2026, 1, 30), HOSTILE),
    )


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (ATHENA, '"t" ?, ?'),
        (MYSQL, "`t` %s, %s"),
        (POSTGRESQL, '"t" %s, %s'),
        (REDSHIFT, '"t" :p1, :p2'),
        (SNOWFLAKE, '"t" ?, ?'),
        (SQLITE, '"t" ?, ?'),
        (SQLSERVER, "[t] @p1, @p2"),
    ],
)
def test_each_dialect_has_placeholders_and_quotes_of_its_own(dialect, text):
    assert templates().sql("{{ 't' | identifier }} {{ [1, 2] }}", dialect) == Statement(text, (1, 2))


def test_a_percent_sign_is_doubled_only_where_the_driver_looks_for_placeholders():
    given = templates(name="a%b")
    assert given.sql("LIKE 'x%' {{ name | identifier }}", MYSQL) == Statement("LIKE 'x%' `a%b`", None)
    assert given.sql("LIKE 'x%' {{ name | identifier }} {{ 1 }}", MYSQL) == Statement("LIKE 'x%%' `a%%b` %s", (1,))
    assert given.sql("LIKE 'x%' {{ name | identifier }} {{ 1 }}", SQLITE) == Statement("LIKE 'x%' \"a%b\" ?", (1,))
    assert given.sql("LIKE 'x%'", MYSQL) == Statement("LIKE 'x%'", None)


def test_loops_conditions_and_constants_bind_in_the_order_of_the_text():
    template = (
        "{% for i in ids %}{% if not loop.first %} OR {% endif %}a = {{ i }} AND b = {{ 'k' }}{% endfor %} {{ ds }}"
    )
    assert templates(ids=[1, 2]).sql(template, POSTGRESQL) == Statement(
        "a = %s AND b = %s OR a = %s AND b = %s %s", (1, "k", 2, "k", DAY)
    )


@pytest.mark.parametrize(
    "value", ["text", 7, 0.5, Decimal("1.50"), True, None, DAY, MOMENT, b"\x00\xff", MOMENT.time()], ids=repr
)
def test_a_value_is_bound_as_it_is(value):
    (bound,) = templates(x=value).sql("{{ x }}", SQLITE).parameters
    assert (bound, type(bound)) == (value, type(value))


@pytest.mark.parametrize(
    "value", [{"a": 1}, [{"a": 1}], [[1]], object(), range, 1 + 2j], ids=lambda value: type(value).__name__
)
def test_a_value_of_a_kind_that_no_driver_binds_is_refused(value):
    assert "cannot be bound" in refusal(lambda: templates(x=value).sql("{{ x }}", POSTGRESQL))


def test_an_empty_list_is_refused_and_can_be_asked_for():
    given = templates(ids=[])
    assert "is empty" in refusal(lambda: given.sql("id IN ({{ ids }})", MYSQL))
    assert given.sql("{% if ids %}id IN ({{ ids }}){% else %}FALSE{% endif %}", MYSQL) == Statement("FALSE", None)


@pytest.mark.parametrize(
    "template",
    [
        "{{ x }}",
        "{{ x | safe }}",
        "{{ x ~ 'a' }}",
        "{{ [x, x] | join(', ') }}",
        "{{ 'a %s' | format(x) }}",
        "{{ 'a {}'.format(x) }}",
        "{{ x | replace('a', 'b') | upper | e }}",
        "{% set y = x %}{{ y }}",
        "{% with y = x | safe %}{{ y }}{% endwith %}",
        "{% for y in [x, 'b'] %}{{ y }} {% endfor %}",
        "{% if x or true %}{{ x if x else 'b' }}{% endif %}",
        "{% set space = namespace(y=1) %}{% set space.y = x %}{{ space.y }}",
        "{{ {'a': x}.a }} {{ (x,) }}",
        "{% print x %}",
        "{% raw %}{{ x }}{% endraw %} {{ [x] | map('upper') }}",
        "{{ 'a' | identifier ~ x }}",
        "{{ ('a' | identifier) | string | replace('a', x) }}",
    ],
)
@settings(max_examples=25)
@given(value=st.text() | st.sampled_from([HOSTILE, "\x000\x00", "%s", "{{ x }}"]), dialect=st.sampled_from(DIALECTS))
def test_no_text_changes_the_statement(template, value, dialect):
    found = templates(x=value).sql(template, dialect)
    assert found.text == templates(x="plain").sql(template, dialect).text
    assert all(type(one) is str for one in found.parameters)


@given(value=st.text())
def test_a_name_is_quoted_as_a_whole_or_refused(value):
    try:
        text = templates(x=value).sql("{{ x | identifier }}", MYSQL).text
    except TemplateFailed:
        text = ""
    assert text.replace("`.`", ".") in {"", f"`{value}`"}
    assert not text or "`" not in value


@pytest.mark.parametrize("name", ["", "a..b", 'a"b', "a`b", "a]b", "a;b", "a'b", "a\\b", "a\nb", "n" * 65, 7, None, []])
def test_what_is_no_name_is_refused(name):
    assert "name" in refusal(lambda: templates(x=name).sql("{{ x | identifier }}", MYSQL))


@pytest.mark.parametrize(
    "template",
    [
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(x) }}",
        "{% filter replace('a', x) %}a{% endfilter %}",
        "{% call x.strip() %}{% endcall %}",
        "{% set y %}{{ x }}{% endset %}{{ y }}",
        "{% block a %}{{ x }}{% endblock %}",
        "{% include x %}",
        "{% extends x %}",
        "{% import x as y %}",
        "{% from x import y %}",
        "{% for y in [[x]] recursive %}{{ loop(y) }}{% endfor %}",
        "{% if x %}{% filter upper %}a{% endfilter %}{% endif %}",
    ],
)
def test_what_would_write_past_the_binding_is_refused(template):
    assert "has what none may have" in refusal(lambda: templates(x=HOSTILE).sql(template, POSTGRESQL))


@pytest.mark.parametrize(
    ("template", "dialects"),
    [
        ("SELECT '{{ x }}'", DIALECTS),
        ("SELECT 'it''s {{ x }}'", DIALECTS),
        ("SELECT 'open {{ x }}", DIALECTS),
        ("SELECT 1 -- of {{ x }}\n", DIALECTS),
        ("SELECT /* of\n{{ x }} */ 1", DIALECTS),
        ("SELECT /* open {{ x }}", DIALECTS),
        ('SELECT "{{ x }}"', DIALECTS),
        ('SELECT "{{ x | identifier }}"', DIALECTS),
        ("SELECT '{{ x | identifier }}'", DIALECTS),
        ("SELECT /* {{ x | identifier }} */ 1", DIALECTS),
        ("SELECT `{{ x }}`", (MYSQL, SQLITE)),
        ("SELECT [{{ x }}]", (SQLSERVER, SQLITE)),
        ("SELECT 1 # {{ x }}", (MYSQL,)),
        (r"SELECT '\' {{ x }} '", (MYSQL, SNOWFLAKE)),
        (r'SELECT "\" {{ x }} "', (MYSQL,)),
        (r"SELECT E'\' {{ x }} '", (POSTGRESQL, REDSHIFT)),
        ("DO $$ {{ x }} $$", (POSTGRESQL, REDSHIFT, SNOWFLAKE)),
        ("DO $a$ $$ {{ x }} $a$", (POSTGRESQL, REDSHIFT)),
        ("SELECT 1 // {{ x }}", (SNOWFLAKE,)),
    ],
)
def test_a_value_within_quotes_or_a_comment_is_refused(template, dialects):
    for dialect in dialects:
        assert "within quotes or a comment" in refusal(lambda: templates(x="name").sql(template, dialect))  # noqa: B023


@pytest.mark.parametrize(
    ("template", "dialects"),
    [
        ("SELECT 'a' || {{ x }} || 'it''s'", DIALECTS),
        ("SELECT 1 -- it's\n, {{ x }}", DIALECTS),
        ("SELECT /* it's */ {{ x }}", DIALECTS),
        (r"SELECT a LIKE {{ x }} ESCAPE '\' AND b = {{ x }}", (POSTGRESQL, SQLITE, SQLSERVER, ATHENA)),
        (r"SELECT 'it\'s', {{ x }}", (MYSQL, SNOWFLAKE)),
        ("SELECT 5--3, {{ x }}", (MYSQL,)),
        ("SELECT a #> {{ x }}", (POSTGRESQL,)),
        ("SELECT a[{{ x }}]", (POSTGRESQL,)),
        ("SELECT a$1, {{ x }}, b$1", (POSTGRESQL,)),
        ("SELECT some$b$, {{ x }}, b$b$", (POSTGRESQL,)),
        ("SELECT namee'a', {{ x }}", (POSTGRESQL,)),
    ],
)
def test_a_value_in_the_open_is_bound_whatever_is_around_it(template, dialects):
    for dialect in dialects:
        assert set(templates(x="name").sql(template, dialect).parameters) == {"name"}


@pytest.mark.parametrize(
    "template",
    [
        "a{{ x }}",
        "{{ x }}a",
        "{{ x }}{{ x }}",
        "-{{ x }}",
        "@{{ x }}",
        "'a'{{ x }}",
        "{{ x }}'a'",
        "a_{{ 'b' | identifier }}",
    ],
)
def test_a_value_that_touches_other_text_is_refused(template):
    assert "touches other text" in refusal(lambda: templates(x=-5).sql(template, MYSQL))


def test_a_placeholder_of_ones_own_and_nested_comments_are_refused():
    assert "has a '?'" in refusal(lambda: templates().sql("a = ? AND b = {{ 1 }}", SQLITE))
    assert templates().sql("a = '?' AND b = {{ 1 }}", SQLITE).parameters == (1,)
    assert "comment within a comment" in refusal(lambda: templates().sql("/* a /* b */ {{ 1 }} */", POSTGRESQL))
    assert "of the code 0" in refusal(lambda: templates().sql("\x000\x00 {{ 1 }}", POSTGRESQL))


def test_what_is_not_there_is_refused_in_sql_too():
    for template in ("{{ zebra }}", "{{ zebra | identifier }}", "{{ [zebra] }}", "{% if zebra %}{% endif %}"):
        assert "zebra" in refusal(lambda: templates().sql(template, MYSQL)) or "[zebra]" in template  # noqa: B023
