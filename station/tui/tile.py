"""One slot on the screen: verdict, serial number, step, time, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from station.model import Phase, SlotView
from station.tui import phrases
from station.tui.fit import head, minutes, tail, wrapped
from station.tui.letters import spell
from station.tui.looks import STYLES, look_of

SENTENCE = 16
"""Cells from which on a tile is wide enough for sentences."""
_BIG = 5
"""Rows of the smallest large letters."""
_ROOMY = 7
"""Rows from which on a tile's text stands in its middle."""


def elapsed(view: SlotView, now: float) -> str:
    """Return the cycle's time so far, or in all once closed; empty without a cycle.  ``now`` is monotonic."""
    if view.duration is not None:
        return minutes(view.duration)
    return "" if view.started is None else minutes(now - view.started)


def position(view: SlotView) -> str:
    """Return the step as its place in the plan, ``4/7 activate``; only its name if it was not planned."""
    if view.step is None:
        return ""
    if view.step not in view.plan:
        return view.step.value
    return f"{view.plan.index(view.step) + 1}/{len(view.plan)} {view.step.value}"


def progress(view: SlotView, width: int) -> str:
    """Return the plan as a bar: done, going on, still to come; empty outside the plan."""
    if view.step not in view.plan:
        return ""
    at = view.plan.index(view.step)
    steps = (cell * len(view.plan) // width for cell in range(width))
    return "".join("█" if step < at else "▒" if step == at else "░" for step in steps)


def board(view: SlotView, width: int) -> str:
    """Return the tail of the serial number in ``width`` cells; in an empty slot, of the board before."""
    if view.serial is not None or not view.last:
        return tail(view.serial or "", width)
    prefix = phrases.LAST if width >= SENTENCE else ""
    return prefix + tail(view.last, width - len(prefix))


def body(view: SlotView, width: int, rows: int) -> list[str]:
    """Lay out what stands below a tile's title: exactly ``rows`` lines of ``width`` cells.

    What matters most gets its row first; large letters take what is left.
    """
    look = look_of(view)
    text = view.said if width >= SENTENCE else ""
    facts = [board(view, width)]
    if view.phase is Phase.RUNNING:
        facts += [position(view), progress(view, min(width - 2, 40))]
    elif view.advice and not text:
        facts.append(position(view))

    below = [line.center(width) for line in facts if line][: max(0, rows - 1)]
    room = rows - 1 - len(below)
    if text and room > 0:
        below += [f" {line}".ljust(width) for line in wrapped(text, width - 2, room)]
        room = rows - 1 - len(below)
    large = spell(look.word, width, room) if look.verdict and room >= _BIG else []
    above = [line.center(width) for line in large]
    room -= len(above)
    top = room // 2 if rows >= _ROOMY else 0  # small tiles are read in rows: their words stand on one line
    blank = " " * width
    lines = [
        *[blank] * top,
        *above,
        f"{look.symbol} {look.word}".center(width),
        *below,
        *[blank] * (room - top),
    ]
    return [line[:width] for line in lines[:rows]]


class Tile(Widget, can_focus=True):
    """The tile of one slot; it is told what to show and repaints only when that changed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tile--title"}

    def __init__(self, view: SlotView, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self.view = view
        self._time = elapsed(view, monotonic())
        self.add_class(look_of(view).style)

    def show(self, view: SlotView) -> None:
        """Repaint if this is another view than before, or if the second has changed."""
        time = elapsed(view, self._monotonic())
        if view is self.view and time == self._time:
            return
        self.view, self._time = view, time
        style = look_of(view).style
        if not self.has_class(style):
            self.remove_class(*STYLES).add_class(style)
        self.refresh()

    def on_focus(self) -> None:
        """Mark the title."""
        self.refresh()

    def on_blur(self) -> None:
        """Unmark the title."""
        self.refresh()

    def render(self) -> Content:
        """Draw the title and the body."""
        width, height = self.content_size
        title = Content.styled(self._title(width), self.get_visual_style("tile--title"))
        return Content("\n").join([title, *map(Content, body(self.view, width, height - 1))])

    def _title(self, width: int) -> str:
        mark = "▶" if self.has_focus else "─"
        time = f" {self._time}" if self._time else ""
        name = head(self.view.slot, width - 2)
        if len(name) + len(time) + 3 > width:
            time = ""
        return f"{mark}{name} ".ljust(width - len(time), "─") + time
