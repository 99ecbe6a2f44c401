from __future__ import annotations

import doctest

import runners.testing


def test_the_example_of_how_a_service_of_ones_own_is_tested_holds():
    results = doctest.testmod(runners.testing)
    assert results.attempted > 0
    assert not results.failed
