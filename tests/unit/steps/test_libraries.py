from __future__ import annotations

import json

import pytest

from runners.steps.errors import ClientMissing
from runners.steps.libraries import library


def test_a_library_that_is_there_is_imported():
    assert library("json", "any") is json


def test_one_that_is_missing_is_told_with_the_extra_that_brings_it():
    with pytest.raises(ClientMissing, match=r"etl-runners\[mongodb\]"):
        library("no_such_module_of_mongodb", "mongodb")
