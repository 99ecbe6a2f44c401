from __future__ import annotations

import pytest

from runners.errors import LocalAWSError
from runners.local.replacements import Replacements


class Parent:
    inherited = "inherited"


class Owner(Parent):
    value = "before"

    @staticmethod
    def static() -> str:
        return "static"

    def method(self) -> str:
        return "method"


def test_what_was_replaced_is_put_back_in_reverse_order() -> None:
    moto = Replacements()
    assert moto.replace(Owner, "value", "one") == "before"
    moto.replace(Owner, "value", "two")
    moto.replace(Owner, "static", staticmethod(lambda: "other"))
    moto.add(Owner, "added", "added")
    assert (Owner.value, Owner().static(), Owner.added) == ("two", "other", "added")  # type: ignore[attr-defined]
    moto.undo()
    assert (Owner.value, Owner().static()) == ("before", "static")
    assert not hasattr(Owner, "added")
    assert isinstance(vars(Owner)["static"], staticmethod)


def test_the_method_that_is_answered_still_works() -> None:
    moto = Replacements()
    before = moto.replace(Owner, "method", lambda owner: f"more than {before(owner)}")
    assert Owner().method() == "more than method"
    moto.undo()
    assert Owner().method() == "method"


def test_a_name_that_moto_has_no_more_is_an_error() -> None:
    with pytest.raises(LocalAWSError, match=r"Owner\.gone"):
        Replacements().replace(Owner, "gone", None)


def test_a_name_that_is_inherited_is_not_the_owners() -> None:
    with pytest.raises(LocalAWSError, match=r"Owner\.inherited"):
        Replacements().replace(Owner, "inherited", None)


def test_a_name_that_moto_has_by_now_is_an_error() -> None:
    with pytest.raises(LocalAWSError, match="use it"):
        Replacements().add(Owner, "method", None)
