"""The technician's screen: a guest of the engine, which it looks at and may ask.

It knows ``Floor`` and the views, nothing behind them.  No engine thread ever
calls it; it holds no state that a record depends on.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType

from station import clock
from station.errors import StationError
from station.live import Floor
from station.model import Phase
from station.tui.help_screen import HelpScreen
from station.tui.leaving import Leaving
from station.tui.line_screen import TICK, LineScreen
from station.tui.quit_screen import QuitScreen
from station.tui.stopping_screen import StoppingScreen
from station.tui.terminal import StationDriver
from station.tui.theme import THEME
from station.tui.wedge import Wedge


class StationApp(App[int], inherit_bindings=False):
    """The screens, and how the station is left.

    Textual's own quit keys ask the same question as F10, and its command
    palette is off: a scanner types into whatever has the focus.
    """

    CSS_PATH = "station.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q,super+c", "ask_to_quit", show=False, priority=True),
    ]

    def __init__(
        self,
        floor: Floor,
        on_stop: Callable[[], None],
        scanner: tuple[str, str] = ("", "enter"),
        *,
        now: Callable[[], datetime] = datetime.now,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        """Take the floor to look at and the call that stops the bench; the clocks are for pictures and tests.

        ``scanner`` is what one that types into the screen begins and ends with.
        """
        super().__init__(driver_class=StationDriver)
        self.register_theme(THEME)
        self.theme = THEME.name
        self.leaving = Leaving(on_stop)
        self._floor = floor
        self._wedge = Wedge(*scanner, monotonic)
        self._now = now
        self._monotonic = monotonic

    def get_default_screen(self) -> LineScreen:
        """Return the home screen."""
        return LineScreen(self._floor, self._now, self._monotonic)

    async def on_event(self, event: events.Event) -> None:
        """Take out what a scanner types, before any screen, dialogue or binding hears of it."""
        if isinstance(event, events.Key):
            taken, scan = self._wedge.key(event.key, event.character)
            if scan is not None and not self._scanned(scan):
                self.bell()
            if taken:
                return
        await super().on_event(event)

    def _scanned(self, text: str) -> bool:
        """Do what was scanned; the line's view says what came of it."""
        try:
            self._floor.scans.scan(text)
        except StationError:
            return False
        return True

    def on_mount(self) -> None:
        """Begin to look whether the station is being left."""
        self.set_interval(TICK, self._watch_leaving)

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(HelpScreen())

    def action_ask_to_quit(self) -> None:
        """Ask whether to stop the station; over another question or the help it does nothing."""
        if not isinstance(self.screen, LineScreen):
            return
        busy = [view.slot for view in self._floor.views() if view.phase is Phase.RUNNING]
        self.push_screen(QuitScreen(busy, self.leaving.ask))

    def _watch_leaving(self) -> None:
        if self.leaving.stopped:
            self.exit(0)
        elif self.leaving.wanted and not isinstance(self.screen, StoppingScreen):
            self.push_screen(StoppingScreen())


def run_screen(floor: Floor, stop: Callable[[], None], scanner: tuple[str, str] = ("", "enter")) -> int:
    """Run the screen until it is left, and return the exit code; ``scanner`` is what a wedge begins and ends with.

    The quit key, SIGTERM, SIGHUP and SIGINT all call ``stop`` first, once, in
    a thread, and leave the terminal when it has returned: 0.  The handlers
    stay, so that a second signal does no harm on the way out.  A screen that
    ends by itself gives its own code, and the bench is stopped then, too.
    Raises what ``stop`` raised.  For the main thread.
    """
    app = StationApp(floor, stop, scanner)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: app.leaving.ask())
    try:
        app.run()
        code = 0 if app.leaving.wanted else app.return_code or 1
    finally:
        app.leaving.finish()
    return code
