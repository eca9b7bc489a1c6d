"""The bench is stopped once, by the first who asks, in a thread of its own."""

from __future__ import annotations

import threading

import pytest

from station.tui.leaving import Leaving


def test_nothing_happens_unasked():
    leaving = Leaving(lambda: pytest.fail("nobody asked"))
    assert not leaving.wanted
    assert not leaving.stopped


def test_asking_twice_stops_once():
    threads = []
    leaving = Leaving(lambda: threads.append(threading.current_thread()))
    leaving.ask()
    leaving.ask()
    leaving.finish()
    assert leaving.wanted
    assert leaving.stopped
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_asking_does_not_wait():
    release = threading.Event()
    leaving = Leaving(release.wait)
    leaving.ask()
    assert leaving.wanted
    assert not leaving.stopped
    release.set()
    leaving.finish()
    assert leaving.stopped


def test_a_stop_that_fails_is_told_at_the_end():
    def stop() -> None:
        raise OSError("no")

    leaving = Leaving(stop)
    with pytest.raises(OSError, match="no"):
        leaving.finish()
    assert leaving.stopped
