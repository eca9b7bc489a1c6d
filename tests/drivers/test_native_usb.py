"""Boards that take their port along when they restart: each dialect, byte by byte, and the link by itself."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from at_script import AT, MODEM, SERIAL
from board_script import UBOOT, WOKEN, Board, Reply
from line_script import NOISE, met
from micropython_script import WHO, greeted, identified, order, ran
from micropython_script import WOKEN as RAW_WOKEN
from native_board import RESET, NativeBoard, native, restarts

from drivers.at import At
from drivers.errors import BoardGone, BoardPulled, BoardStays, Cancelled, PortBusy, PortDenied, PortLost
from drivers.grip import LET_GO_S, LOOK_S
from drivers.line import Line
from drivers.link import Link
from drivers.micropython import MicroPython
from drivers.opening import opened
from drivers.shell import Shell
from drivers.uart import LinkOptions, Pulse
from drivers.wire import Wire

Script = Sequence[tuple[bytes, Reply]]
CODE = "import machine\nmachine.reset()\n"


def soon() -> float:
    return time.monotonic() + 20


def shell(link: Link, **changes: Any) -> Shell:
    return Shell(link, Shell.Options.model_validate(UBOOT | changes), {})


def at(link: Link, **changes: Any) -> At:
    return At(link, At.Options.model_validate(MODEM | changes), {})


def micropython(link: Link, **changes: Any) -> MicroPython:
    table = {"identify": [WHO], "wake_s": 20.0, "reply_s": 20.0, "boot_s": 20.0} | changes
    return MicroPython(link, MicroPython.Options.model_validate(table), {})


def line(link: Link, **changes: Any) -> Line:
    table = {"patience_s": 20.0, "reply_s": 20.0, "boot_s": 20.0, "facts": []} | changes
    return Line(link, Line.Options.model_validate(table), {})


# ------------------------------------------------------------------ each dialect


PRINTED = (b"printenv a\r", b"printenv a\r\na=1\r\n=> ")


def test_a_prompt_is_reached_anew_though_nobody_has_heard_the_banner(tmp_path: Path) -> None:
    script = [WOKEN, (b"reset\r", b"reset\r\nresetting ...\r\n"), (b"", restarts), WOKEN, PRINTED]
    with native(tmp_path, script) as (_, link):
        board = shell(link)
        assert board.restart()
        assert board.read({"a": "1"}) == {"a": "1"}
        said = b"".join(passage.data for passage in link.transcript)
        assert said.index(b"resetting") < said.index(b"a=1")


def test_a_countdown_that_begins_once_the_port_is_back_is_stopped(tmp_path: Path) -> None:
    counting = (b"\x03", b"\r\nHit any key to stop autoboot:  2 ")
    stopped = (b" ", b"\b\b\b 0 \r\n=> ")
    with native(tmp_path, [WOKEN, (b"reset\r", restarts), counting, stopped, PRINTED]) as (_, link):
        board = shell(link)
        assert board.restart()
        assert board.read({"a": "1"}) == {"a": "1"}


def test_a_boot_loader_with_a_port_of_its_own_is_not_the_end_of_it(tmp_path: Path) -> None:
    script = [WOKEN, (b"reset\r", restarts), (b"\x03", restarts), WOKEN, PRINTED]
    with native(tmp_path, script) as (_, link):
        board = shell(link)
        assert board.restart()
        assert board.read({"a": "1"}) == {"a": "1"}


def test_a_shell_that_is_restarted_by_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulses, pulsed = [], threading.Event()

    def drive(_device: object, *levels: bool | None) -> None:
        pulses.append(levels)
        pulsed.set()

    def is_reset(board: Board) -> None:
        assert pulsed.wait(20)
        restarts(board)

    monkeypatch.setattr("drivers.wire.drive", drive)
    options = LinkOptions(returns_s=20, reset=(Pulse(rts=True, hold_s=10), Pulse(rts=False)))
    with native(tmp_path, [WOKEN, (b"", is_reset), WOKEN, PRINTED], options) as (_, link):
        board = shell(link, restart={"expect": "DRAM:", "timeout_s": 20})
        assert board.restart()
        assert board.read({"a": "1"}) == {"a": "1"}
        assert pulses == [(None, True)], "to go on with the pulses would restart it again"


def test_a_module_is_reached_anew_and_set_up(tmp_path: Path) -> None:
    script = [AT, (b"AT+CFUN=1,1\r", b"AT+CFUN=1,1\r\r\nOK\r\n"), (b"", restarts), AT, AT, SERIAL]
    with native(tmp_path, script) as (_, link):
        board = at(link, identify=[MODEM["identify"][0]])
        board._conversation.reach(known=False)
        assert board.restart()
        assert board.identify().serial == "490154203237518"


def test_a_module_may_announce_its_start_after_its_first_answer(tmp_path: Path) -> None:
    early = (b"ATE1\r", b"\r\nRDY\r\n")
    echo = (b"ATE1\r", b"ATE1\r\r\nOK\r\n")
    with native(tmp_path, [AT, echo, (b"AT+CFUN=1,1\r", restarts), AT, early, AT, echo]) as (_, link):
        board = at(link, setup=["ATE1"])
        board._conversation.reach(known=False)
        assert board.restart()


def test_python_proves_by_its_ram_that_it_has_restarted(tmp_path: Path) -> None:
    script = [*identified(), (b"\x05A\x01", b"R\x01\x00\x40\x01"), (order(CODE) + b"\x04", restarts)]
    with native(tmp_path, [*script, RAW_WOKEN, *greeted(), *ran(WHO["run"], b"serial=G1-7\r\n")]) as (_, link):
        board = micropython(link)
        board.identify()
        assert board.restart()
        assert board.identify().serial == "G1-7"


def test_python_whose_port_was_away_and_whose_ram_was_not_is_told_again(tmp_path: Path) -> None:
    told = [(b"\x05A\x01", b"R\x01\x00\x40\x01"), (order(CODE) + b"\x04", restarts)]
    script = [*identified(), *([*told, RAW_WOKEN, *greeted(b"known")] * 3)]
    with native(tmp_path, script) as (_, link):
        board = micropython(link)
        board.identify()
        with pytest.raises(BoardStays):
            board.restart()


def test_python_that_restarts_softly_keeps_its_port(tmp_path: Path) -> None:
    soft = (b"\x04", b"OK\r\nMPY: soft reboot\r\nraw REPL; CTRL-B to exit\r\n>")
    with native(tmp_path, [*identified(), soft, *greeted()]) as (_, link):
        board = micropython(link, restart="soft")
        board.identify()
        assert board.restart()


@pytest.mark.parametrize("before", [("OK", NOISE), ("OK",), ()])
def test_our_own_protocol_asks_the_boards_clock(tmp_path: Path, before: Sequence[str | bytes]) -> None:
    talk = met().asked("RESTART", *before, restarts).hello(0, lf=not before).asked("GET @serial 0", "OK 2 G1")
    with native(tmp_path, talk._script) as (_, link):
        board = line(link)
        assert board.restart()
        assert board._session.get("@serial") == b"G1"


def test_our_own_protocol_knows_that_a_board_has_only_lost_its_plug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.session._ANSWER_S", 1.2)
    talk = met().asked("RESTART", restarts).hello(5_000_000, lf=True).still_up()
    with native(tmp_path, talk._script) as (_, link), pytest.raises(BoardStays):
        line(link, boot_s=1.0).restart()


# ------------------------------------------------------------------ the link by itself


def away(link: Link, deed: Callable[[], object]) -> bytes:
    """Let ``deed`` happen to a board that was told to restart; return what it says next."""

    def restart() -> bytes:
        deed()
        return link.read(soon())

    return link.restarting(restart, lambda: link.read(soon()))


def later(deed: Callable[[], object], seconds: float = 0.1) -> threading.Thread:
    timer = threading.Timer(seconds, deed)
    timer.start()
    return timer


def say_once_open(board: NativeBoard, link: Link, data: bytes) -> None:
    """Whoever opens a port empties it, so nothing is said before."""
    until = soon()
    while link._closed and time.monotonic() < until:
        time.sleep(0.001)
    board.say(data)


def test_the_dead_descriptor_is_closed_at_once_and_the_same_path_opened_anew(tmp_path: Path) -> None:
    with native(tmp_path) as (board, link):
        number, ours = board.numbered, link.fileno()
        seen: list[object] = []

        def come_back() -> None:
            seen.append(descriptor_of(ours))
            board.come_back()
            say_once_open(board, link, b"new")

        def restart() -> None:
            assert descriptor_of(ours) == number
            board.leave()
            later(come_back)

        assert away(link, restart) == b"new"
        assert seen == [None] and board.numbered != number
        assert descriptor_of(link.fileno()) == board.numbered
        link.write(b"x", soon())
        assert board.hear(1) == b"x"
        with pytest.raises(PortBusy):
            Link.open(str(tmp_path / "by-path"), LinkOptions())


def descriptor_of(number: int | None) -> str | None:
    """Return what a descriptor of this process leads to."""
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:
        return None


def test_what_was_on_its_way_when_the_port_went_away_is_not_sent_after_it(tmp_path: Path) -> None:
    with native(tmp_path) as (board, link):

        def restart() -> None:
            board.restart()
            link.write(b"to the old one", soon())

        link.restarting(restart, lambda: link.write(b"new", soon()))
        assert board.hear(3) == b"new" and not board.hears()


def test_secrets_are_masked_before_and_after(tmp_path: Path) -> None:
    with native(tmp_path) as (board, link):

        def restart() -> None:
            link.drain()
            board.restart()
            later(lambda: say_once_open(board, link, b"s3cret-word."))

        link.hide("s3cret-word")
        board.say(b"s3cret-word,")
        link._receive(20)
        away(link, restart)
        assert b"".join(passage.data for passage in link.transcript) == b"***,***."


def test_outside_of_a_restart_a_port_that_goes_away_is_lost(tmp_path: Path) -> None:
    with native(tmp_path) as (board, link):
        assert link.restarting(lambda: 1, lambda: 2) == 1
        board.restart()
        with pytest.raises(PortLost):
            link.read(soon())


def test_a_recipe_that_does_not_say_so_gets_a_hint(tmp_path: Path) -> None:
    with native(tmp_path, options=LinkOptions()) as (board, link), pytest.raises(PortLost, match=r"link\.returns_s"):
        away(link, board.restart)


def test_a_port_that_does_not_come_back_is_the_boards_fault(tmp_path: Path) -> None:
    with native(tmp_path, options=LinkOptions(returns_s=0.2)) as (board, link):
        with pytest.raises(BoardGone, match=r"by-path along: not back for good within 0\.2 s"):
            away(link, board.leave)
        with pytest.raises(PortLost):
            link.read(soon())
        link.cancel()


def test_a_port_that_comes_and_goes_has_no_more_time_for_that(tmp_path: Path) -> None:
    with native(tmp_path, options=LinkOptions(returns_s=0.3)) as (board, link), pytest.raises(BoardGone):
        until = soon()

        def reach() -> bytes:
            assert time.monotonic() < until
            board.restart()
            return link.read(soon())

        link.restarting(reach, reach)


def test_a_port_that_may_not_be_opened_yet_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [PortDenied("udev is not done"), PortBusy("somebody looks what it is")]

    def refusing(port: str, options: LinkOptions) -> Wire:
        if refusals:
            raise refusals.pop(0)
        return opened(port, options)

    with native(tmp_path) as (board, link):

        def restart() -> None:
            board.restart()
            later(lambda: say_once_open(board, link, b"up"))

        monkeypatch.setattr("drivers.returning.opened", refusing)
        assert away(link, restart) == b"up"
        assert not refusals


def test_a_port_that_somebody_else_keeps_is_not_the_boards_fault(tmp_path: Path) -> None:
    with native(tmp_path, options=LinkOptions(returns_s=0.5)) as (board, link):

        def is_seized() -> None:
            board.leave()
            board.come_back(seized=True)

        with pytest.raises(PortBusy):
            away(link, is_seized)


def test_cancelling_ends_the_waiting_for_a_port(tmp_path: Path) -> None:
    with native(tmp_path, options=LinkOptions(returns_s=300)) as (board, link):
        with pytest.raises(Cancelled):
            away(link, lambda: (board.leave(), later(link.cancel)))
        with pytest.raises(Cancelled):
            link.read(soon())


def test_cancelling_works_on_the_port_that_came_back(tmp_path: Path) -> None:
    with native(tmp_path) as (board, link), pytest.raises(Cancelled):
        link.restarting(lambda: (board.restart(), link.read(soon())), lambda: (later(link.cancel), link.read(soon())))


def test_a_line_that_a_board_let_go_of_with_its_port_has_time_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asserted = True
    monkeypatch.setattr("drivers.wire.sense", lambda *_: asserted)
    with native(tmp_path) as (board, link):

        def come_back() -> None:
            nonlocal asserted
            board.come_back()
            say_once_open(board, link, b"")
            asserted = True
            board.say(b"up")

        def restart() -> None:
            nonlocal asserted
            asserted = False
            assert link.read(time.monotonic() + 2 * LOOK_S) == b""
            board.leave()
            later(come_back, LET_GO_S + LOOK_S)

        link.hold_by("dsr")
        assert away(link, restart) == b"up"
        asserted = False
        with pytest.raises(BoardPulled):
            link.read(soon())


@pytest.mark.parametrize("stays", [False, True])
def test_a_board_that_is_reset_before_it_is_asked_is_waited_for(
    stays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with native(tmp_path, options=LinkOptions(returns_s=20, reset=RESET, reset_first=True)) as (board, link):
        number = board.numbered

        def starts() -> None:
            if stays:
                board.say(b"ESP-ROM:")
            else:
                board.restart()

        def drive(_device: object, _dtr: bool | None, rts: bool | None) -> None:
            if rts:
                board.say(b"E (9) log,")
            else:
                later(starts)

        monkeypatch.setattr("drivers.wire.drive", drive)
        link.greet()
        assert (board.numbered == number) is stays
        assert link.read(0) == (b"E (9) log,ESP-ROM:" if stays else b"")
        link.write(b"x", soon())
        assert board.hear(1) == b"x"
