"""Which memory pool rows are in."""

from __future__ import annotations

import pyarrow as pa
import pytest

from runners.steps.memory import use_lean_pool


@pytest.fixture(autouse=True)
def pool_as_it_was():
    before = pa.default_memory_pool()
    yield
    pa.set_memory_pool(before)


@pytest.mark.skipif("jemalloc" not in pa.supported_memory_backends(), reason="this pyarrow was built without jemalloc")
def test_rows_are_in_the_pool_that_keeps_least(monkeypatch):
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    pa.set_memory_pool(pa.system_memory_pool())
    use_lean_pool()
    assert pa.default_memory_pool().backend_name == "jemalloc"


def test_a_pool_that_somebody_has_chosen_is_left(monkeypatch):
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "system")
    pa.set_memory_pool(pa.system_memory_pool())
    use_lean_pool()
    assert pa.default_memory_pool().backend_name == "system"


def test_a_pyarrow_without_it_keeps_its_own(monkeypatch):
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    monkeypatch.setattr(pa, "supported_memory_backends", lambda: ["system"])
    pa.set_memory_pool(pa.system_memory_pool())
    use_lean_pool()
    assert pa.default_memory_pool().backend_name == "system"
