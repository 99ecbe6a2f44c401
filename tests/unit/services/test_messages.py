from __future__ import annotations

from runners.services.messages import without_values


def test_a_message_that_repeats_no_value_stays_as_it_is():
    assert without_values("Specified job flow ID does not exist.", ["hush"]) == "Specified job flow ID does not exist."


def test_a_value_that_aws_quotes_is_left_out_even_if_it_has_quotes_and_lines():
    message = "1 validation error detected: Value 'select\n'hush'' at 'sql' failed to satisfy constraint"
    assert without_values(message) == "1 validation error detected: Value *** at 'sql' failed to satisfy constraint"


def test_given_values_are_left_out_the_longest_first():
    assert without_values('invalid input "hush-hush" for hush', ["hush", "hush-hush", ""]) == (
        'invalid input "***" for ***'
    )


def test_a_short_value_is_left_out_where_it_is_a_word_and_not_within_others():
    assert without_values('invalid input "10", position 1042', ["10"]) == 'invalid input "***", position 1042'
