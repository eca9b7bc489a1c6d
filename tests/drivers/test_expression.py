"""A recipe's expression that could take for ever is refused; others are none of that."""

from __future__ import annotations

import pytest

from drivers.expression import compiled


@pytest.mark.parametrize(
    "expression",
    [
        r"([A-Z0-9]+-?)+!",
        r"(a+)+",
        r"(\w+\s*)*x",
        r"(?:a*b*)*",
        r"(.*)*",
        r"(?:(?:a+))+",
        r"(?:a+|b)+c",
        r"(?P<x>(?:\d+\.?)+)$",
        r"x(?=(a+)+b)",
        r"(?:a{1,99}b?){1,99}c",
        r"(?:^|(?:[a-z]+,?)*)=",
    ],
)
def test_a_repeat_of_a_repeat_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="could take for ever"):
        compiled(expression)


@pytest.mark.parametrize(
    "expression",
    [
        r"(?:\w+ )*x",
        r"^a=(?P<v>.*)$",
        r"(?:.*\n)*",
        r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
        r"\S* ?[#$] ",
        r"(?:a++)+",
        r"(?>a+)+",
        r"(?:ab?)+",
        r"(?:-\d+)*",
        r"(?:[^\"]|\"\")*",
        r"(a+b?){2}",
    ],
)
def test_what_has_to_stand_in_between_makes_it_good(expression: str) -> None:
    compiled(expression)
