from __future__ import annotations

from runners.steps.context import Progress
from runners.testing.steps import step_context

ASKED = {"step_type": "A", "execution_id": "arn:e", "step_id": "1", "given": {"a": 1}}


def test_a_repeat_of_the_same_step_has_the_same_key_and_every_other_step_another():
    keys = {
        step_context(**{**ASKED, **change}).repeat_key
        for change in ({}, {"step_type": "B"}, {"execution_id": "arn:f"}, {"step_id": "2"}, {"given": {"a": 2}})
    }
    assert len(keys) == 5
    assert {len(key) for key in keys} == {64}
    assert step_context(**ASKED).repeat_key == step_context(**ASKED).repeat_key


def test_outside_an_execution_every_run_is_one_of_its_own():
    assert step_context(**{**ASKED, "execution_id": ""}).repeat_key == ""


def test_progress_tells_what_it_has_counted_so_far():
    told = []
    progress = Progress(lambda rows, size: told.append((rows, size)))
    progress.count(rows=2)
    progress.count(size=10)
    assert told == [(2, 0), (2, 10)]
