from __future__ import annotations

import logging

from runners.lambdas.invocation import settings
from runners.log import JsonFormatter


def test_settings_are_read_once_a_process_and_set_up_the_log(function, monkeypatch, new_process):
    monkeypatch.setenv("RUNNERS_LOG_LEVEL", "WARNING")
    first = settings()
    monkeypatch.setenv("RUNNERS_POLLS", "9")
    assert settings() is first
    logger = logging.getLogger("runners")
    assert logger.level == logging.WARNING
    assert any(isinstance(handler.formatter, JsonFormatter) for handler in logger.handlers)
    new_process()
    assert settings().polls == 9
