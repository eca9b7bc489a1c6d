"""Labels for boards that have passed: a command of the recipe gets each record.

It runs in a thread of its own, after the verdict is on the disk and on the
screen: whatever becomes of it, a PASS stays one.  What it did is an event of
its board's cycle, so that the records say which label was printed when, and
how often.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from drivers.errors import Blame
from station import clock
from station.errors import StationError
from station.ledger import CycleRow, Ledger, Reader
from station.model import Facts
from station.print_rules import PrintRules

log = logging.getLogger(__name__)

_SAID = 500
"""Characters of what a failed command said that are kept."""
_PIECE, _PIECES = 4096, 4
_LOOK_S = 0.2
"""Seconds between two looks at whether a command has ended, or the station ends."""


class PrintFailed(StationError):
    """The command that prints could not be run, failed, or took too long; the text says which."""

    code = "print-failed"
    blame = Blame.STATION


class PrintUnwanted(StationError):
    """The recipe has nothing printed, or the board's PASS does not stand."""

    code = "print-unwanted"
    blame = Blame.PEOPLE


class Printer:
    """Prints, one label after the other.  Close it."""

    def __init__(
        self,
        rules: PrintRules,
        folder: Path,
        ledger: Ledger,
        reader: Reader,
        failed: Callable[[StationError | None], None],
    ) -> None:
        """``folder`` is where the command runs; ``failed`` is told what went wrong last, and None once all is well."""
        self._rules, self._folder, self._ledger, self._reader = rules, folder, ledger, reader
        self._failed = failed
        self._closing = threading.Event()
        self._one = threading.Lock()
        self._waiting: queue.Queue[tuple[int, str] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End what is being printed; that the rest was not is in the records."""
        self._closing.set()
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def look(self, model: str) -> None:
        """Tell of what the last run of the station has not come to print; before any board is begun.

        It may have been printed all the same, so it is not printed again by itself: two boards could get one label.
        """
        if not self._rules.command:
            return
        for cycle in unprinted(self._reader, model):
            row = self._reader.cycle(cycle)
            trouble = "the station was cut before this was done, or known to be"
            self._ledger.print(row, "station", {"command": self._rules.command[0], "trouble": trouble})
            log.error("cycle %d: %s: printing: %s", cycle, row.serial, trouble)
            self._failed(PrintFailed(f"{row.serial}: {trouble}"))

    def passed(self, cycle: CycleRow) -> None:
        """Have the label of a board printed that has just passed."""
        if self._rules.command and not cycle.golden:
            self._waiting.put((cycle.id, "station"))

    def idle(self) -> None:
        """Return once nothing waits to be printed any more."""
        self._waiting.join()

    def again(self, model: str, serial: str, actor: str) -> Facts:
        """Print the label of a board whose PASS stands once more, and return when that is done.

        Raises ``PrintUnwanted``, ``PrintFailed``.
        """
        board = self._reader.board(model, serial)
        if not self._rules.command:
            raise PrintUnwanted("the recipe has nothing printed")
        if board is None or board.passed_cycle is None:
            raise PrintUnwanted(f"no PASS of {serial[:128]!r} stands")
        self._print(board.passed_cycle, actor)
        return {"serial": serial, "cycle": board.passed_cycle}

    def _run(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            try:
                self._print(*waiting)
            except StationError as fault:
                log.error("cycle %d: %s", waiting[0], fault.text)
            except Exception:
                log.exception("cycle %d: printing: unforeseen", waiting[0])
            finally:
                self._waiting.task_done()

    def _print(self, cycle: int, actor: str) -> None:
        """Run the command, and record what came of it; raises ``PrintFailed``."""
        with self._one:
            trouble = self._trouble(json.dumps(record(self._reader, cycle)) + "\n")
            fault = PrintFailed(f"{self._rules.command[0]}: {trouble}") if trouble else None
            row = self._reader.cycle(cycle)
            self._ledger.print(row, actor, {"command": self._rules.command[0], "trouble": trouble})
            self._failed(fault)
        if fault is not None:
            raise fault

    def _trouble(self, text: str) -> str:
        """Run the command with this on its standard input; return what went wrong, empty if nothing did."""
        try:
            process = subprocess.Popen(
                self._rules.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                start_new_session=True,  # so that whatever it has started can be ended with it
            )
        except (OSError, ValueError) as error:
            return f"can't be run: {getattr(error, 'strerror', None) or type(error).__name__}"
        said: deque[bytes] = deque(maxlen=_PIECES)
        talk = threading.Thread(target=_talk, args=(process, text.encode(), said), daemon=True)
        talk.start()
        over = clock.monotonic() + self._rules.limit_s
        while (left := over - clock.monotonic()) > 0 and not self._closing.is_set():
            with suppress(subprocess.TimeoutExpired):
                process.wait(min(left, _LOOK_S))
                break
        code = process.poll()
        if code is None:  # what a command leaves behind that has ended by itself is its own, such as a spooler
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        talk.join(_LOOK_S)
        if code is None:
            return "the station has stopped" if self._closing.is_set() else f"took more than {self._rules.limit_s:g} s"
        if code == 0:
            return ""
        words = b"".join(said).decode("utf-8", "replace").strip()
        told = "".join(c if c.isprintable() else " " for c in words)[-_SAID:]
        return f"ended with {code}: {told}" if told else f"ended with {code}"


def _talk(process: subprocess.Popen[bytes], text: bytes, said: deque[bytes]) -> None:
    """Give a command what it is to print, and keep the end of what it says; however much that is."""
    assert process.stdin is not None and process.stdout is not None
    with suppress(OSError, ValueError), process.stdin:
        process.stdin.write(text)
    with suppress(OSError, ValueError), process.stdout:
        while piece := os.read(process.stdout.fileno(), _PIECE):
            said.append(piece)


def unprinted(reader: Reader, model: str) -> list[int]:
    """Return the cycles of a model that passed since the start before this one, and of which no print is recorded."""
    sql = """SELECT id FROM cycles WHERE model = ? AND outcome = 'PASS' AND golden IS NULL
        AND id IN (SELECT cycle FROM events WHERE kind = 'close' AND id >
          (SELECT MIN(id) FROM (SELECT id FROM events WHERE kind = 'start' ORDER BY id DESC LIMIT 2)))
        AND NOT EXISTS (SELECT 1 FROM events WHERE cycle = cycles.id AND kind = 'print') ORDER BY id"""
    with reader.rows(sql, [model]) as rows:
        return [number for (number,) in rows]


def record(reader: Reader, cycle: int) -> Facts:
    """Return what a label may show of a board that has passed; no secret is in it."""
    row = reader.cycle(cycle)
    known = reader.closing_facts(cycle)
    identity = known.get("identity") or {}
    return {
        "serial": row.serial,
        "hardware_id": row.hardware_id,
        "model": row.model,
        "firmware": identity.get("firmware", ""),
        "hardware_revision": identity.get("hardware_revision", ""),
        "rid": row.rid,
        "status": known.get("status"),
        "enabled_at": clock.iso(known["enabled_at"]) if known.get("enabled_at") else None,
        "expires_at": clock.iso(known["expires_at"]) if known.get("expires_at") else None,
        "recipe": reader.recipe_name(row.recipe),
        "work_order": row.work_order,
        "operator": row.operator,
        "slot": row.slot,
        "shift": row.shift,
        "cycle": row.id,
        "passed_at": clock.iso(row.closed_at) if row.closed_at else None,
    }
