"""Each kind of presence: boards come and go, are pulled, lose their adapter, and get it back under another number."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_floor import Forgetful
from engine_presence import LINE, QUICK, Bed

from drivers.board import Identity
from drivers.errors import PortMissing
from drivers.shell import Shell
from drivers.sim.memory import Memory
from station.ledger import CycleRow
from station.ledger.write import Ledger
from station.model import FleetState, Outcome, Phase

KINDS = ["port", "probe", LINE, "start"]
FIXTURES = ["probe", LINE, "start"]
"""Those whose port is the fixture's: what is lost with it is the adapter."""
PATIENT = (("reply_s = 10.0", "reply_s = 600.0"), ("boot_s = 20.0", "boot_s = 600.0"))
"""Times that are not over while a test waits: what ends a wait is something else."""

Make = Callable[..., Bed]


@pytest.fixture
def bed_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda kind, *changes: stack.enter_context(closing(Bed(tmp_path, kind, monkeypatch, *changes)))


def passes(bed: Bed, number: int, count: int) -> None:
    """Put a good board in, and see it pass as cycle ``count``."""
    bed.arrive(number)
    finished = bed.watcher.wait_finished(count)
    assert (finished.serial, finished.outcome) == (f"SIM-{number:08d}", Outcome.PASS)


# --------------------------------------------------------------------------- boards come and go


@pytest.mark.parametrize("kind", KINDS)
def test_boards_pass_one_after_the_other(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind)
    bed.ready()
    for number in (1, 2):
        passes(bed, number, number)
        bed.pull()
        if kind != "start":  # nothing shows there that a board has left
            bed.watcher.wait_view("1", phase=Phase.EMPTY, last=f"SIM-{number:08d} PASS")
    bed.stop()
    assert bed.events("remove") == [(1,)] if kind == "start" else [(1,), (2,)]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_starts_before_the_board_has_left(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind)
    bed.ready()
    passes(bed, 1, 1)
    bed.stop()  # for the new run, too, it is the same board
    bed.start()
    if kind == "start":
        bed.watcher.wait_view("1", phase=Phase.EMPTY, last="SIM-00000001 PASS")
        assert {view.phase for view in bed.watcher.views} == {Phase.EMPTY}, "another board may be here by now"
    else:
        assert bed.watcher.wait_phase("1", Phase.REMOVE).outcome is Outcome.PASS
    assert len(bed.cycles()) == 1 and bed.events("remove") == []
    bed.pull()
    if kind != "start":
        bed.watcher.wait_left("1")
    bed.arrive(2)
    assert bed.watcher.wait_finished().serial == "SIM-00000002"
    assert bed.events("remove") == [(1,)]


# --------------------------------------------------------------------------- a board is pulled

PULLED = {
    "port": (Outcome.ABORTED, "board-pulled"),
    LINE: (Outcome.ABORTED, "board-pulled"),
    # Whoever is pulled there falls silent, and so does one that dies: silence is the board's.
    "probe": (Outcome.FAIL, "board-silent"),
    "start": (Outcome.FAIL, "board-silent"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_board_that_is_pulled_in_the_middle(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind, *QUICK)
    bed.ready()
    bed.in_the_middle(bed.pull)
    bed.arrive(1)
    finished = bed.watcher.wait_finished()
    assert (finished.outcome, finished.error) == PULLED[kind]
    assert bed.entry("SIM-00000001") is not None and bed.entry("SIM-00000001")[0] == "expired"  # type: ignore[index]
    passes(bed, 2, 2)
    assert len(bed.cycles()) == 2


def test_a_board_on_a_line_is_missed_while_its_cycle_waits_for_an_answer(bed_of: Make) -> None:
    bed = bed_of(LINE, *PATIENT)
    bed.ready()
    bed.in_the_middle(bed.pull)
    bed.arrive(1)
    assert bed.watcher.wait_finished().error == "board-pulled"


# --------------------------------------------------------------------------- an adapter is lost


@pytest.mark.parametrize("kind", FIXTURES)
def test_an_idle_adapter_that_comes_back_under_another_number(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind)
    bed.ready()
    bed.watcher.wait_phase("1", Phase.EMPTY)
    bed.lose()
    bed.watcher.wait_note("is not there")
    bed.watcher.forget()
    bed.back()
    bed.watcher.wait_for(lambda: "is not there" not in bed.shown().note)
    passes(bed, 1, 1)


@pytest.mark.parametrize("kind", FIXTURES)
@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL])
def test_an_adapter_that_is_lost_beside_a_verdict_is_told_and_the_verdict_stays(
    kind: str, outcome: Outcome, bed_of: Make
) -> None:
    bed = bed_of(kind, *([("(?P<serial>", "(?P<serial>X")] if outcome is Outcome.FAIL else []))
    bed.ready()
    bed.arrive(1)
    assert bed.watcher.wait_finished().outcome is outcome
    bed.watcher.wait_view("1", outcome=outcome)
    verdict = bed.shown()
    bed.lose()
    bed.watcher.wait_note("adapter is not there. Plug it in.")
    assert replace(bed.shown(), note=verdict.note) == verdict and verdict.said in bed.shown().said
    bed.watcher.forget()
    bed.back()
    bed.watcher.wait_for(lambda: bed.shown() == verdict)


@pytest.mark.parametrize("kind", FIXTURES)
def test_an_adapter_lost_in_the_middle_is_an_error_and_its_board_is_tried_again(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind)
    bed.ready()
    bed.in_the_middle(bed.lose)
    bed.arrive(1)
    finished = bed.watcher.wait_finished()
    assert (finished.outcome, finished.error) == (Outcome.ERROR, "port-lost")
    bed.back()
    finished = bed.watcher.wait_finished(2)
    assert (finished.serial, finished.outcome, finished.attempt) == ("SIM-00000001", Outcome.PASS, 2)


@pytest.mark.parametrize("kind", FIXTURES)
def test_another_board_may_be_there_when_an_adapter_is_back(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind)
    bed.ready()
    bed.in_the_middle(bed.lose)
    bed.arrive(1)
    assert bed.watcher.wait_finished().error == "port-lost"
    bed.pull()
    bed.back()
    bed.insert(number=2)
    bed.asserted = True
    finished = bed.watcher.wait_finished(2)
    assert (finished.serial, finished.outcome) == ("SIM-00000002", Outcome.PASS)


def test_a_board_that_was_started_before_the_station_is_not_tried_again_unless_it_is_started_again(
    bed_of: Make,
) -> None:
    bed = bed_of("start")
    bed.ready()
    bed.in_the_middle(bed.lose)
    bed.arrive(1)
    assert bed.watcher.wait_finished().error == "port-lost"
    bed.stop()
    bed.back()
    bed.start()
    bed.wait_idle()
    assert bed.shown().code == "port-lost" and len(bed.cycles()) == 1, "who knows what is in the slot by now"
    assert bed.press_start() is None
    assert bed.watcher.wait_finished().attempt == 2


def test_a_start_that_is_pressed_twice_starts_one_cycle(bed_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bed = bed_of("start")
    bed.ready()
    bed.watcher.wait_for(lambda: bed.bench and bed.bench.line().fleet is FleetState.OK)  # else the slot may be held
    opened, again = Ledger.open_cycle, []

    def pressed_meanwhile(*args: Any) -> CycleRow:
        again.append(bed.press_start())
        return opened(*args)

    monkeypatch.setattr(Ledger, "open_cycle", pressed_meanwhile)
    pending = []
    bed.in_the_middle(lambda: pending.append(bed.bench and bed.bench._slots["1"]._gate.started))
    bed.arrive(1)
    assert bed.watcher.wait_finished().outcome is Outcome.PASS and again == [None]
    assert pending == [False], "it would begin this board again as soon as it has passed"


def test_a_started_board_whose_adapter_goes_with_each_try_waits_for_the_next_start(bed_of: Make) -> None:
    bed = bed_of("start")
    bed.ready()
    for count in (1, 2, 3):
        bed.in_the_middle(bed.lose)
        if count == 1:
            bed.arrive(1)
        else:
            bed.back()
        assert bed.watcher.wait_finished(count).error == "port-lost"
    bed.back()
    bed.wait_idle()
    assert len(bed.cycles()) == 3 and bed.press_start() is None
    finished = bed.watcher.wait_finished(4)
    assert (finished.outcome, finished.attempt) == (Outcome.PASS, 4)


def test_an_adapter_that_goes_with_each_try_is_not_tried_for_ever(bed_of: Make) -> None:
    bed = bed_of("probe")
    bed.ready()
    for count in (1, 2, 3):
        bed.in_the_middle(bed.lose)
        if count == 1:
            bed.arrive(1)
        else:
            bed.back()
        assert bed.watcher.wait_finished(count).error == "port-lost"
    asked = bed.asked
    bed.back()
    bed.watcher.wait_for(lambda: bed.asked > asked)
    bed.pull()
    bed.watcher.wait_left("1")
    assert len(bed.cycles()) == 3, "the board had to leave first"
    passes(bed, 2, 4)


@pytest.mark.parametrize("kind", FIXTURES)
def test_nor_is_one_that_goes_whenever_a_board_is_asked_who_it_is(
    kind: str, bed_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_of(kind)
    bed.ready()
    asked, identify = itertools.count(1), Shell.identify

    def lost(board: Shell) -> Identity:
        if next(asked) < 8:
            bed.lose()
            bed.back()
        return identify(board)

    monkeypatch.setattr(Shell, "identify", lost)
    bed.arrive(1)
    assert bed.watcher.wait_finished(3).error == "port-lost"
    if kind == "start":
        bed.wait_idle()
    else:
        bed.watcher.wait_for(lambda: bed.asked >= 8)
    assert [error for _, _, error in bed.cycles()] == ["port-lost"] * 3, "the board had to leave first"


def test_a_line_that_a_port_does_not_have_is_told_once(bed_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(device: object, line: str) -> bool:
        raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    bed = bed_of(LINE)
    monkeypatch.setattr("drivers.wire.sense", none)
    monkeypatch.setattr("station.presence._SETTLE_S", 0.1)
    bed.ready()
    view = bed.watcher.wait_phase("1", Phase.OUT)
    assert "has no DSR lines" in view.note
    bed.stop()
    sql = "SELECT json_extract(body, '$.facts.state') FROM events WHERE kind = 'port'"
    assert bed.ledger(sql) == [("port-unusable",)]


# --------------------------------------------------------------------------- an operator's start


@pytest.mark.parametrize("kind", FIXTURES)
def test_silence_after_a_start_is_a_failure_and_stays_one(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind, *QUICK)
    bed.ready()
    bed.watcher.wait_phase("1", Phase.EMPTY)
    assert bed.press_start() is None
    finished = bed.watcher.wait_finished()
    assert (finished.outcome, finished.error, finished.serial) == (Outcome.FAIL, "board-silent", None)
    bed.stop()
    bed.start()
    view = bed.watcher.wait_phase("1", Phase.REMOVE)
    assert (view.outcome, view.code) == (Outcome.FAIL, "board-silent"), "after a restart of the station as well"
    assert bed.events("remove") == []
    bed.arrive(1)
    finished = bed.watcher.wait_finished()
    assert (finished.serial, finished.outcome) == ("SIM-00000001", Outcome.PASS)
    assert len(bed.cycles()) == 2 and bed.events("remove") == [(1,)]


def test_a_board_that_has_not_brought_its_port_fails_when_it_is_started(bed_of: Make) -> None:
    bed = bed_of("port")
    bed.ready()
    bed.watcher.wait_note("is not there")
    assert bed.press_start() is None
    finished = bed.watcher.wait_finished()
    assert (finished.outcome, finished.error, finished.serial) == (Outcome.FAIL, "board-unseen", None)
    bed.stop()
    bed.start()
    assert bed.watcher.wait_phase("1", Phase.REMOVE).code == "board-unseen"
    bed.arrive(1)
    finished = bed.watcher.wait_finished()
    assert (finished.serial, finished.outcome) == ("SIM-00000001", Outcome.PASS)
    assert bed.events("remove") == [(1,)]


def test_a_board_that_brings_its_port_after_that_is_begun_though_it_does_not_say_who_it_is(bed_of: Make) -> None:
    bed = bed_of("port", *QUICK)
    bed.ready()
    bed.watcher.wait_note("is not there")
    assert bed.press_start() is None
    assert bed.watcher.wait_finished().error == "board-unseen"
    bed.plug()
    assert bed.watcher.wait_finished(2).error == "board-silent"
    bed.unplug()
    bed.watcher.wait_left("1")
    passes(bed, 1, 3)


@pytest.mark.parametrize("kind", FIXTURES)
def test_a_start_without_the_fixtures_adapter_is_refused_and_forgotten(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind)
    bed.start()
    bed.watcher.wait_note("is not there")
    assert isinstance(bed.press_start(), PortMissing)
    bed.plug()
    bed.watcher.wait_for(lambda: "is not there" not in bed.shown().note)
    assert bed.cycles() == []
    passes(bed, 1, 1)


def test_a_start_in_the_middle_of_a_cycle_is_refused(bed_of: Make) -> None:
    bed = bed_of("start")
    bed.ready()
    bed.watcher.wait_phase("1", Phase.EMPTY)
    said: list[str] = []
    bed.in_the_middle(lambda: said.append(bed.press_start().code))  # type: ignore[union-attr]
    passes(bed, 1, 1)
    assert said == ["slot-running"] and len(bed.cycles()) == 1


# --------------------------------------------------------------------------- boards that fall silent by themselves


def test_a_board_that_babbles_now_and_then_fails_once(bed_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watchdog's loop: something is said, then nothing, again and again; it never comes to a prompt."""
    monkeypatch.setattr("drivers.console._PRESENT_S", 0.05)
    monkeypatch.setattr("station.slot._ASK_AGAIN_S", 1.0)
    bed = bed_of("probe", ("boot_s = 20.0", "boot_s = 1.0"))
    bed.ready()

    def babble() -> bool:
        """Be heard until the station has asked who it is, then be quiet until it has given up and waits again."""
        if bed.opened > bed.opened_when_asked:
            bed.say(b"U-Boot SPL\r\n")
        return False

    bed.watcher.wait_for(lambda: babble() or bed.watcher.finished)
    assert bed.watcher.finished[0].error == "board-silent"
    bed.watcher.wait_for(lambda: babble() or bed.asked >= 4)
    assert len(bed.cycles()) == 1 and bed.shown().outcome is Outcome.FAIL
    passes(bed, 2, 2)


def test_a_failed_board_that_comes_to_life_again_is_not_begun_again(bed_of: Make) -> None:
    bed = bed_of("probe", *QUICK)
    bed.ready()
    bed.in_the_middle(bed.pull)  # seen from the station it freezes
    bed.arrive(1)
    assert bed.watcher.wait_finished().error == "board-silent"
    asked = bed.asked
    bed.watcher.wait_for(lambda: bed.asked > asked or bed.say(b"U-Boot SPL\r\n"))
    assert bed.events("remove") == [], "it says something, and not who it is"
    asked = bed.asked
    bed.arrive(1)
    bed.watcher.wait_for(lambda: bed.asked > asked)
    opened = bed.opened
    bed.pull()
    bed.watcher.wait_for(lambda: bed.opened > opened)
    assert bed.cycles() == [("SIM-00000001", "FAIL", "board-silent")] and bed.shown().outcome is Outcome.FAIL
    passes(bed, 2, 2)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL])
def test_a_board_that_is_changed_while_one_probe_is_missed_is_begun(
    number: int, outcome: Outcome, bed_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_of("probe")
    bed.ready()
    bed.insert(number=1, kind=Memory if outcome is Outcome.PASS else Forgetful)
    assert bed.watcher.wait_finished().outcome is outcome
    present, missed = Shell.present, []

    def misses_one(board: Shell) -> bool:
        answers = present(board)
        if not answers and not missed:
            missed.append(True)
            bed.insert(number=number)
        return answers

    monkeypatch.setattr(Shell, "present", misses_one)
    asked = bed.asked
    bed.pull()
    bed.watcher.wait_for(lambda: bed.asked > asked)
    if number == 2:
        assert bed.watcher.wait_finished(2).serial == "SIM-00000002"
    bed.pull()
    bed.watcher.wait_left("1")
    assert len(bed.cycles()) == number and len(bed.events("remove")) == number


@pytest.mark.parametrize("kind", ["port", "probe"])
def test_a_board_that_holds_the_line_for_ever_fails_and_the_next_one_passes(kind: str, bed_of: Make) -> None:
    bed = bed_of(kind, *QUICK, ("baud = 115200", 'baud = 115200\nflow = "xon/xoff"'))
    bed.ready()
    bed.in_the_middle(lambda: bed.say(b"\x13"))
    bed.arrive(1)
    finished = bed.watcher.wait_finished()
    assert (finished.outcome, finished.error) == (Outcome.FAIL, "board-holds-line")
    bed.pull()
    bed.watcher.wait_left("1")
    passes(bed, 2, 2)
