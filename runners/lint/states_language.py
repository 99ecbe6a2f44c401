"""What statelint says of a definition, with the position of what it speaks of.

statelint does not know substitutions, nor that ``TimeoutSeconds`` may be an expression: what it says about those is
left out. The rules of the runners are not here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runners.errors import ConfigurationError
from runners.lint.machines import SUBSTITUTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.lint.reading import Document, Path

_ROOT = "State Machine"  # statelint's name for the whole definition
_AFTER_A_PATH = ' ,."[\n'
_TOO_MUCH = re.compile(r'Field "([^"]+)" not allowed in ')
_UNSURE = re.compile(
    r"""is "\{%.*%\}" but should be"""  # an expression, where statelint knows numbers only
    r"""|^Field "Assign" not allowed in """  # variables, which statelint knows with JSONata only
    r"""|\$\{.*"""  # a value that is yet to be substituted
)


def problems_of(definition: Document) -> list[tuple[str, Path]]:
    """Return statelint's problems, each with the path of what it is about.

    Raises:
        ConfigurationError: statelint is not installed.

    """
    try:  # an extra, without types
        from statelint.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415
        from statelint.linter import Linter  # type: ignore[import-untyped]  # noqa: PLC0415
        from statelint.problem import ProblemType  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "statelint is not installed, which checks state machines. Type `pip install -e '.[build]'`."
        ) from None
    try:
        # AWS takes a BackoffRate of 2 as well as 2.0.
        found = Linter.validate(_filled_in(definition.value), Config({ProblemType.FLOAT}))
    except Exception as error:  # statelint trips over values of a kind that it does not expect
        return [(f"statelint cannot read it ({type(error).__name__}): a field has a value of a wrong kind", ())]
    places = _places(definition)
    return [(_in_our_words(problem), _place(problem, places)) for problem in found if not _UNSURE.search(problem)]


def _filled_in(value: Any, name: str = "") -> Any:
    """Return a definition with something plausible in the place of substitutions that are part of a text."""
    if isinstance(value, dict):
        return {str(key): _filled_in(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_in(item, name) for item in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    if SUBSTITUTION.fullmatch(value):
        return "$.substituted" if name.endswith(".$") else value
    return SUBSTITUTION.sub("substituted", value)


def _places(definition: Document) -> dict[str, Path]:
    """Return the paths in a definition by the way in which statelint writes them."""
    places: dict[str, Path] = {_ROOT: ()}
    for path in definition.positions:
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
        places[_ROOT + "".join(steps)] = path
        if path and isinstance(path[-1], str) and path[-2:-1] == ("States",):
            places[_ROOT + "".join((*steps[:-2], steps[-1]))] = path  # how it writes a state without transitions
    return places


def _place(problem: str, places: dict[str, Path]) -> Path:
    """Return the path of what a problem is about: the longest that it names, or a field there that is too much."""
    path = places[max(_named(problem, places), key=len, default=_ROOT)]
    too_much = _TOO_MUCH.match(problem)
    return (*path, too_much[1]) if too_much else path


def _named(problem: str, places: dict[str, Path]) -> Iterator[str]:
    for written in places:
        begin = problem.find(written)
        end = begin + len(written)
        if begin >= 0 and problem[end : end + 1] in _AFTER_A_PATH:
            yield written


def _in_our_words(problem: str) -> str:
    """Return a problem without the name that statelint gives to each path's beginning."""
    return problem.replace(f"{_ROOT}.", "").replace(_ROOT, "the state machine")
