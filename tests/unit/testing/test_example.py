from __future__ import annotations

import doctest

import pytest

import runners.testing
import runners.testing.steps


@pytest.mark.parametrize("module", [runners.testing, runners.testing.steps])
def test_the_example_of_how_something_of_ones_own_is_tested_holds(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert not results.failed
