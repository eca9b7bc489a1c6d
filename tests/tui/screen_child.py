"""A program for the terminal tests: the screen on a fake floor.

Usage: ``screen_child.py SCENARIO PIPE``; it tells the test over the pipe
what happens behind the screen.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import sys
import termios
import threading

from tui_floor import FakeFloor, mixed

from station.model import LineView, SlotView
from station.tui import line_screen
from station.tui.app import run_screen


class LivelyFloor(FakeFloor):
    """Every look at it finds every tile changed, and it is looked at often."""

    def __init__(self) -> None:
        line_screen.TICK = 0.005
        super().__init__(*mixed(8))
        self.looks = itertools.count()
        self.looked = threading.Condition()
        self.seen = 0

    def views(self) -> tuple[SlotView, ...]:
        with self.looked:
            self.seen += 1
            self.looked.notify_all()
        for index in range(8):
            self.change(index, note=f"{self.seen} looks " * 5)
        return super().views()

    def wait_for_looks(self, more: int) -> None:
        with self.looked:
            goal = self.seen + more
            assert self.looked.wait_for(lambda: self.seen >= goal, 60)

    def wait_until_nobody_looks(self) -> None:
        with self.looked:
            while self.looked.wait(1):
                pass


class BrokenFloor(FakeFloor):
    """Fails at the second look at the line."""

    def __init__(self) -> None:
        super().__init__(*mixed(1))
        self.left = 2

    def line(self) -> LineView:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the floor is broken")
        return super().line()


def main(scenario: str, pipe: int) -> int:
    """Run one scenario on the terminal that is our standard input."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def tell(word: str) -> None:
        os.write(pipe, word.encode() + b"\n")

    def stop() -> None:
        os.write(1, b"<bench stopped>")
        tell("stopped")

    match scenario:
        case "plain":
            return run_screen(FakeFloor(*mixed(8)), stop)
        case "slow":

            def slow_stop() -> None:
                tell("stopping")
                os.read(pipe, 1)
                stop()

            return run_screen(FakeFloor(*mixed(8)), slow_stop)
        case "raises":

            def bad_stop() -> None:
                stop()
                raise RuntimeError("the bench would not stop")

            return run_screen(FakeFloor(*mixed(8)), bad_stop)
        case "hangup":
            floor = LivelyFloor()

            def long_stop() -> None:
                floor.wait_for_looks(40)  # more than Textual's writer queues
                tell("stopped")

            return run_screen(floor, long_stop)
        case "stuck":
            floor = LivelyFloor()

            def watch() -> None:
                floor.wait_for_looks(1)
                floor.wait_until_nobody_looks()
                tell("stuck")

            threading.Thread(target=watch, daemon=True).start()
            return run_screen(floor, lambda: tell("stopped"))
        case "broken":
            return run_screen(BrokenFloor(), stop)
    raise ValueError(scenario)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
