from __future__ import annotations

from runners.services.keyed_names import ROOM, is_keyed, keyed


def test_a_name_carries_its_key_and_no_other():
    key, other = "0123456789abcdef" * 4, "fedcba9876543210" * 4
    name = keyed("load sales", key)
    assert name == "load sales [0123456789abcdef]"
    assert len(name) - len("load sales") == ROOM
    assert is_keyed(name, key)
    assert not is_keyed(name, other)
