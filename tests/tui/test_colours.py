"""The colours can be read: in the theme, and as the bare Linux console shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem

import station.tui
from station.tui.looks import STYLES
from station.tui.theme import THEME

CONSOLE = [
    (0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170),
    (85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255), (255, 85, 255), (85, 255, 255),
    (255, 255, 255),
]  # fmt: skip
"""The palette of a Linux virtual terminal, in the order of the escape codes."""
READABLE = 4.5
"""Contrast of WCAG 2, level AA."""

SHEET = (Path(station.tui.__file__).parent / "station.tcss").read_text()
NAMES = {
    **THEME.variables,
    "background": THEME.background,
    "foreground": THEME.foreground,
}


def colours() -> list[tuple[str, str, str]]:
    """Each rule of the sheet with its ink and paper, as hex."""
    found = []
    for selector, rules in re.findall(r"^([^\s/{][^{]*?)\s*\{([^}]*)\}", SHEET, re.M):
        ink = re.search(r"(?<![\w-])color:\s*([^;]+);", rules)
        paper = re.search(r"(?<![\w-])background:\s*([^;]+);", rules)
        if ink:
            values = [ink.group(1), paper.group(1) if paper else "$background"]
            found.append((selector, *(NAMES[v[1:]] if v.startswith("$") else v for v in values)))
    found.append(("footer", THEME.variables["footer-key-foreground"], THEME.variables["footer-key-background"]))
    return found


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    def luminance(rgb):
        parts = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_state_has_its_rule():
    ruled = {selector.removeprefix("Tile.") for selector, _, _ in colours()}
    assert STYLES - ruled == {"-empty"}, "an empty slot is as calm as the screen"


@pytest.mark.parametrize(("selector", "ink", "paper"), colours())
def test_readable_in_the_theme(selector, ink, paper):
    assert contrast(Color.parse(ink).triplet, Color.parse(paper).triplet) >= READABLE


@pytest.mark.parametrize(("selector", "ink", "paper"), colours())
def test_readable_on_the_bare_console(selector, ink, paper):
    fore = Color.parse(ink).downgrade(ColorSystem.STANDARD).number
    back = Color.parse(paper).downgrade(ColorSystem.STANDARD).number
    assert back < 8, "the console has no bright backgrounds"
    assert contrast(CONSOLE[fore], CONSOLE[back]) >= READABLE


def test_black_letters_are_never_bold():
    assert "bold" not in SHEET, "the bare console shows bold black as grey"
