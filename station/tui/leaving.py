"""How the station is left: the bench stops first, whoever asked and however stuck the terminal is."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread


class Leaving:
    """Stops the bench once, in a thread of its own, when somebody asks.

    The screen looks at ``wanted`` and ``stopped`` in its tick.  ``ask`` may
    be called from a signal handler: ``SimpleQueue.put`` may be entered
    again, and the thread that waits for it has been running all along, so
    nothing depends on an event loop that a stuck terminal holds up.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.wanted = False
        self._stop = stop
        self._wishes: SimpleQueue[None] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="leaving", daemon=True)
        self._thread.start()

    @property
    def stopped(self) -> bool:
        """Whether the bench has stopped, or failed to."""
        return not self._thread.is_alive()

    def ask(self) -> None:
        """Ask for the stop; every time but the first does nothing."""
        self.wanted = True
        self._wishes.put(None)

    def finish(self) -> None:
        """Ask, wait until the bench has stopped, and raise what its stop raised."""
        self.ask()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        self._wishes.get()
        try:
            self._stop()
        except BaseException as error:  # noqa: BLE001 - `finish` raises it, once the terminal is clean
            self._error = error
