"""What a recipe says of the wire reaches the port: flow control, the form of a character, the lines, the pauses.

A pty has no parity and no lines, so those are watched where pyserial hands them to the kernel.
"""

from __future__ import annotations

import fcntl
import struct
import termios
import time
from collections.abc import Iterator
from typing import Any

import pytest
from board_script import Board
from pytest_mock import MockerFixture

from drivers.errors import Blame, BoardHolds, Cancelled, PortLost, PortUnusable
from drivers.link import Link
from drivers.uart import LinkOptions, Pulse

PATIENCE_S = 20.0
XON, XOFF = b"\x11", b"\x13"
CMSPAR = 0o10000000000


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.close()


def soon(seconds: float = PATIENCE_S) -> float:
    return time.monotonic() + seconds


def flags(board: Board) -> tuple[int, int]:
    """Return the input and the control flags of the board's port."""
    modes = termios.tcgetattr(board._slave)
    return modes[0], modes[2]


class Kernel:
    """What is asked of the kernel's modem lines; CTS is asserted."""

    def __init__(self, mocker: MockerFixture) -> None:
        self.asked: list[tuple[str, str]] = []
        self.at: list[float] = []
        self.there = True
        self._real = fcntl.ioctl
        mocker.patch("serial.serialposix.fcntl.ioctl", side_effect=self._ioctl)

    def _ioctl(self, descriptor: Any, request: int, argument: Any = 0, *rest: Any) -> Any:
        if request == termios.TIOCMGET and self.there:
            return struct.pack("I", termios.TIOCM_CTS)
        change = {termios.TIOCMBIS: "on", termios.TIOCMBIC: "off"}.get(request)
        if change is None or not self.there:
            return self._real(descriptor, request, argument, *rest)
        (line,) = struct.unpack("I", argument)
        self.asked.append(({termios.TIOCM_DTR: "dtr", termios.TIOCM_RTS: "rts"}[line], change))
        self.at.append(time.monotonic())
        return argument


@pytest.fixture
def kernel(mocker: MockerFixture) -> Kernel:
    return Kernel(mocker)


# ------------------------------------------------------------------ flow control


def test_a_board_that_sends_ctrl_s_is_waited_for_until_it_sends_ctrl_q(board: Board) -> None:
    with Link.open(board.port, LinkOptions(flow="xon/xoff")) as link:
        board.say(XOFF)
        with pytest.raises(BoardHolds, match="flow control, xon/xoff") as held:
            link.write(b"too early", soon(0.2))
        assert held.value.blame is Blame.BOARD
        board.say(XON)
        link.write(b"now", soon())
        assert board.hear(3) == b"now"
        board.say(b"thanks")
        assert link.read(soon()) == b"thanks"  # and not what only the flow control is told


def test_what_a_board_before_has_held_is_free_for_the_next_one(board: Board) -> None:
    options = LinkOptions(flow="xon/xoff")
    with Link.open(board.port, options) as link:
        board.say(XOFF)
        with pytest.raises(BoardHolds):
            link.write(b"too early", soon(0.2))
    with Link.open(board.port, options) as link:
        link.write(b"now", soon())
        assert board.hear(3) == b"now"
        board.say(XOFF)
        with pytest.raises(BoardHolds):
            link.write(b"too early", soon(0.2))


def test_without_flow_control_ctrl_s_is_a_byte_like_others(board: Board) -> None:
    with Link.open(board.port, LinkOptions()) as link:
        board.say(XOFF)
        assert link.read(soon()) == XOFF
        link.write(b"now", soon())
        assert board.hear(3) == b"now"


@pytest.mark.parametrize(
    ("flow", "software", "hardware"),
    [("none", False, False), ("xon/xoff", True, False), ("rts/cts", False, True)],
)
def test_the_port_is_told_of_the_flow_control(board: Board, flow: Any, software: bool, hardware: bool) -> None:
    with Link.open(board.port, LinkOptions(flow=flow)):
        inward, control = flags(board)
    assert bool(inward & termios.IXON) is software and bool(control & termios.CRTSCTS) is hardware


def test_with_rts_for_the_flow_no_recipe_may_drive_it() -> None:
    for wrong in ({"rts": True}, {"reset": [{"rts": True}]}):
        with pytest.raises(ValueError, match="rts is the flow control's"):
            LinkOptions.model_validate({"flow": "rts/cts", **wrong})


# ------------------------------------------------------------------ the form of a character


def test_baud_and_stop_bits_reach_the_port(board: Board) -> None:
    with Link.open(board.port, LinkOptions(baud=9600, stop_bits=2)):
        assert termios.tcgetattr(board._slave)[4:6] == [termios.B9600, termios.B9600]
        assert flags(board)[1] & termios.CSTOPB


@pytest.mark.parametrize(
    ("options", "on", "off"),
    [
        ({}, termios.CS8, termios.PARENB),
        ({"parity": "even"}, termios.CS8 | termios.PARENB, termios.PARODD | CMSPAR),
        ({"parity": "odd"}, termios.CS8 | termios.PARENB | termios.PARODD, CMSPAR),
        ({"parity": "mark"}, termios.CS8 | termios.PARENB | termios.PARODD | CMSPAR, 0),
        ({"parity": "space"}, termios.CS8 | termios.PARENB | CMSPAR, termios.PARODD),
        ({"data_bits": 7, "parity": "even"}, termios.CS7 | termios.PARENB, termios.PARODD),
    ],
)
def test_parity_and_data_bits_reach_the_kernel(
    board: Board, mocker: MockerFixture, options: dict[str, Any], on: int, off: int
) -> None:
    asked = mocker.patch("serial.serialposix.termios.tcsetattr")
    Link.open(board.port, LinkOptions.model_validate(options)).close()
    control = asked.call_args_list[-1].args[2][2]
    assert control & on == on and not control & off
    assert control & termios.CSIZE == on & termios.CSIZE


def test_a_port_without_parity_says_so(board: Board, mocker: MockerFixture) -> None:
    # Some kernels' ptys take it and do nothing.
    mocker.patch("serial.serialposix.termios.tcsetattr", side_effect=termios.error(22, "Invalid argument"))
    with pytest.raises(PortUnusable, match="these link settings"):
        Link.open(board.port, LinkOptions(parity="even"))


@pytest.mark.parametrize(
    ("options", "bits"), [({}, 10), ({"parity": "odd", "stop_bits": 2}, 12), ({"data_bits": 7}, 9)]
)
def test_time_on_the_wire_counts_every_bit(options: dict[str, Any], bits: int) -> None:
    assert LinkOptions.model_validate(options).character_bits == bits


# ------------------------------------------------------------------ lines


def test_levels_are_set_as_the_port_is_opened_and_stay(board: Board, kernel: Kernel) -> None:
    with Link.open(board.port, LinkOptions(dtr=False, rts=True)) as link:
        link.write(b"x", soon())
        assert kernel.asked == [("dtr", "off"), ("rts", "on")] * 2  # once by pyserial, once to hear of an error


def test_a_reset_moves_the_lines_in_order_with_its_pauses_and_keeps_what_comes(board: Board, kernel: Kernel) -> None:
    reset = (Pulse(dtr=False, rts=True, hold_s=0.03), Pulse(rts=False, hold_s=0.02), Pulse(dtr=True))
    with Link.open(board.port, LinkOptions(reset=reset)) as link:
        kernel.asked.clear()
        kernel.at.clear()
        board.say(b"booting")
        link.reset()
        assert kernel.asked == [("dtr", "off"), ("rts", "on"), ("rts", "off"), ("dtr", "on")]
        assert kernel.at[2] - kernel.at[1] >= 0.03 and kernel.at[3] - kernel.at[2] >= 0.02
        assert link.read(soon()) == b"booting"


def test_a_board_is_reset_first_once_a_link_if_the_recipe_wants_it(board: Board, kernel: Kernel) -> None:
    pulses = (Pulse(rts=True), Pulse(rts=False))
    for first, times in ((True, 1), (False, 0)):
        with Link.open(board.port, LinkOptions(reset=pulses, reset_first=first)) as link:
            kernel.asked.clear()
            link.greet()
            link.greet()
            assert kernel.asked == [("rts", "on"), ("rts", "off")] * times


def test_a_modem_line_is_looked_at(board: Board, kernel: Kernel) -> None:
    with Link.open(board.port, LinkOptions()) as link:
        assert link.modem("cts") and not link.modem("dsr") and not link.modem("dcd")


def test_a_port_without_lines_says_so(board: Board) -> None:
    with Link.open(board.port, LinkOptions(reset=(Pulse(dtr=True),))) as link:
        with pytest.raises(PortUnusable, match="has no CTS lines"):
            link.modem("cts")
        with pytest.raises(PortUnusable, match="has no DTR and RTS lines"):
            link.reset()
    for options in (LinkOptions(dtr=True), LinkOptions(rts=False)):
        with pytest.raises(PortUnusable, match="has no DTR and RTS lines: leave dtr and rts out"):
            Link.open(board.port, options)


def test_a_port_that_is_gone_is_lost_and_not_without_lines(board: Board) -> None:
    with Link.open(board.port, LinkOptions(reset=(Pulse(dtr=True),))) as link:
        board.hang_up()
        with pytest.raises(PortLost):
            link.modem("cts")
        with pytest.raises(PortLost):
            link.reset()


def test_a_reset_that_the_recipe_does_not_tell_is_refused(board: Board) -> None:
    with Link.open(board.port, LinkOptions()) as link, pytest.raises(PortUnusable, match="has no reset"):
        link.reset()


def test_cancelling_ends_a_reset(board: Board, kernel: Kernel) -> None:
    with Link.open(board.port, LinkOptions(reset=(Pulse(dtr=True, hold_s=10), Pulse(dtr=False)))) as link:
        link.cancel()
        with pytest.raises(Cancelled):
            link.reset()


# ------------------------------------------------------------------ pauses


def test_a_message_waits_until_the_line_was_quiet_for_long_enough(board: Board) -> None:
    with Link.open(board.port, LinkOptions(line_gap_s=0.05)) as link:
        link.write(b"a", soon())
        first = time.monotonic()
        link.write(b"b", soon())
        assert time.monotonic() - first >= 0.045
        board.say(b"answer")
        assert link.read(soon()) == b"answer"
        heard = time.monotonic()
        link.write(b"c", soon())
        assert time.monotonic() - heard >= 0.045
        assert board.hear(3) == b"abc"
