"""Regular expressions of recipes, which the board's words are held against: one that could take for ever is refused.

Python's ``re`` tries every way to divide a text between repeats, holds all
other threads up meanwhile, and can't be interrupted.  Where a repeat is
repeated and nothing has to stand in between, as in ``([A-Z]+-?)+``, a text of
forty characters has more such ways than any factory has seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

_MANY = 16
"""A repeat of at least so many counts as without end."""
_REPEATS = frozenset({_constants.MAX_REPEAT, _constants.MIN_REPEAT})


def compiled(expression: str) -> re.Pattern[str]:
    """Compile an expression of a recipe, in which ``^`` and ``$`` mean lines; raises ``ValueError``, ``re.error``."""
    pattern = re.compile(expression, re.MULTILINE)
    judge(expression)
    return pattern


def judge(expression: str) -> None:
    """Raise ``ValueError`` for an expression that could take for ever."""
    if _explodes(_parser.parse(expression, re.MULTILINE)):
        raise ValueError(
            f"{expression!r} repeats a repeat with nothing that has to stand in between, as in (a+b?)+, and could take "
            "for ever; write it with one repeat, as in [ab]+, or with ++ in place of the inner +"
        )


def _explodes(items: Iterable[Any]) -> bool:
    return any(_item_explodes(operator, argument) for operator, argument in items)


def _item_explodes(operator: Any, argument: Any) -> bool:
    if operator in _REPEATS:
        _, most, body = argument
        return (most >= _MANY and any(_is_only_a_repeat(way) for way in _ways(body))) or _explodes(body)
    return any(_explodes(inner) for inner in _inner(operator, argument))


def _is_only_a_repeat(body: list[Any]) -> bool:
    """Tell whether a body is a repeat without end beside which nothing has to stand."""
    for at, (operator, argument) in enumerate(body):
        endless = operator in _REPEATS and argument[1] >= _MANY
        if endless and all(_may_be_empty(one) for other, one in enumerate(body) if other != at):
            return True
    return False


def _ways(body: Any) -> list[list[Any]]:
    """Return a body as the ways that it may go, with its groups opened."""
    ways: list[list[Any]] = [[]]
    for operator, argument in body:
        inner = _inner(operator, argument) if operator in (_constants.SUBPATTERN, _constants.BRANCH) else None
        if inner is None:
            ways = [[*way, (operator, argument)] for way in ways]
        else:
            opened = [way for one in inner for way in _ways(one)]
            ways = [[*way, *more] for way in ways for more in opened][:64]
    return ways


def _may_be_empty(item: Any) -> bool:
    operator, argument = item
    if operator in (_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT):
        return True
    if operator in _REPEATS or operator is _constants.POSSESSIVE_REPEAT:
        least, _, body = argument
        return bool(least == 0 or body.getwidth()[0] == 0)
    return False


def _inner(operator: Any, argument: Any) -> list[Any]:
    """Return the expressions within one."""
    match operator:
        case _constants.SUBPATTERN:
            return [argument[3]]
        case _constants.BRANCH:
            return list(argument[1])
        case _constants.ASSERT | _constants.ASSERT_NOT:
            return [argument[1]]
        case _constants.ATOMIC_GROUP:
            return [argument]
        case _constants.POSSESSIVE_REPEAT:
            return [argument[2]]
        case _constants.GROUPREF_EXISTS:
            return [one for one in argument[1:] if one is not None]
        case _:
            return []
