from __future__ import annotations

import pytest

from runners.steps import Step, StepFailed, StepNotFound, catalog
from runners.steps.catalog import CONTROL, find, names
from runners.steps.pairs import PAIRS
from runners.steps.parameters import Parameters


class Greet(Step):
    """Greets somebody."""

    Parameters = Parameters

    def run(self, context):
        return {}


class Point:
    value = "greetings:Greet"

    def __init__(self, loads):
        self._loads = loads

    def load(self):
        if isinstance(self._loads, Exception):
            raise self._loads
        return self._loads


@pytest.fixture
def others(monkeypatch):
    """The step types of other packages, by name."""
    found = {}
    monkeypatch.setattr(catalog, "_others", lambda: found)
    return found


def test_all_names_are_listed_once_and_in_order(others):
    others["Greet"] = Point(Greet)
    assert names() == sorted({*CONTROL, *PAIRS, "Greet"})


@pytest.mark.parametrize("name", CONTROL)
def test_a_step_that_is_no_transfer_is_found_and_has_an_example_that_is_valid(name):
    step = find(name)
    assert step.name() == name
    assert step.example
    assert step.Parameters.checked(step.example)
    assert step.summary().endswith(".")


def test_a_pair_is_found():
    assert find("S3ToS3").name() == "S3ToS3"


def test_a_step_type_of_another_package_is_found_by_its_entry_point(others):
    others["Greet"] = Point(Greet)
    assert find("Greet") is Greet


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MySqlToS33", "did you mean MySqlToS3?"),
        ("mysqltos3", "did you mean MySqlToS3?"),
        ("Zzz", "'Zzz'. `runners step list` shows all"),
    ],
)
def test_a_name_that_there_is_not_is_told_with_the_nearest(others, name, said):
    with pytest.raises(StepNotFound) as caught:
        find(name)
    assert said in caught.value.message
    assert caught.value.details == {"step_type": name}


@pytest.mark.parametrize("loads", [object(), dict, Greet({})])
def test_an_entry_point_that_is_no_step_type_is_refused(others, loads):
    others["Greet"] = Point(loads)
    with pytest.raises(StepFailed, match="greetings:Greet is no step type"):
        find("Greet")


def test_an_entry_point_that_cannot_be_imported_is_told_without_what_its_error_says(others):
    others["Greet"] = Point(ImportError("hush"))
    with pytest.raises(StepFailed, match="cannot be imported: ImportError") as caught:
        find("Greet")
    assert "hush" not in str(caught.value)


def test_an_installed_package_makes_its_step_types_known(tmp_path, monkeypatch):
    (tmp_path / "greetings.py").write_text(
        "from runners.steps import Parameters, Step\n"
        "class Hail(Step):\n"
        "    '''Hails.'''\n"
        "    Parameters = Parameters\n"
        "    def run(self, context):\n"
        "        return {}\n"
    )
    metadata = tmp_path / "greetings-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{catalog.GROUP}]\nHail = greetings:Hail\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog._others.cache_clear()
    try:
        assert find("Hail").summary() == "Hails."
    finally:
        catalog._others.cache_clear()
