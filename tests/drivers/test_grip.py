"""A board that holds on to its fixture by a modem line: pulled, or a contact that bounces."""

from __future__ import annotations

import time

import pytest
from pytest_mock import MockerFixture

from drivers import grip
from drivers.errors import BoardPulled, PortLost
from drivers.grip import Grip
from drivers.link import Link
from drivers.uart import LinkOptions, ModemLine

LIMIT_S = 60


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, mocker: MockerFixture) -> None:
        self.now = 1000.0
        mocker.patch.object(grip, "time", mocker.Mock(monotonic=lambda: self.now))


def lost(clock: Clock, levels: list[bool], each_s: float = 0.1) -> list[bool]:
    """What a grip says at each look at a line with these levels."""
    one, said = Grip("dsr"), []
    for level in levels:
        clock.now += each_s
        said.append(one.lost(lambda line, level=level: line == "dsr" and level))  # type: ignore[misc]
    return said


def test_a_line_that_stays_away_means_that_the_board_has_left(mocker: MockerFixture) -> None:
    said = lost(Clock(mocker), [True] * 3 + [False] * 8)
    assert said[:7] == [False] * 7 and said[-1] is True


def test_a_contact_that_bounces_means_nothing(mocker: MockerFixture) -> None:
    assert not any(lost(Clock(mocker), [True, False, False, False] * 5))


def test_a_single_look_after_a_long_time_means_nothing(mocker: MockerFixture) -> None:
    assert lost(Clock(mocker), [True, False], each_s=30.0) == [False, False]


def test_the_line_is_not_asked_for_at_each_call(mocker: MockerFixture) -> None:
    clock, one, asked = Clock(mocker), Grip("cts"), 0

    def asserted(line: ModemLine) -> bool:
        nonlocal asked
        asked += 1
        return True

    for _ in range(100):
        clock.now += 0.01
        one.lost(asserted)
    assert asked <= 11


class Quiet:
    """A wire on which nothing is said; its far end asserts a line, or not."""

    def __init__(self) -> None:
        self.level = True
        self.closed = False

    def receive(self, timeout_s: float) -> bytes:
        time.sleep(max(0.0, timeout_s))
        return b""

    def send(self, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        time.sleep(max(0.0, timeout_s))
        return 0, b""

    def drive(self, dtr: bool | None, rts: bool | None) -> None: ...

    def sense(self, line: ModemLine) -> bool:
        return self.level

    def wake(self) -> None: ...

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("way", ["read", "write"])
def test_a_pulled_board_ends_the_wait_for_it(way: str) -> None:
    wire = Quiet()
    link = Link("port", wire, LinkOptions())
    link.hold_by("dcd")
    wire.level = False
    with pytest.raises(BoardPulled, match="DCD"):
        if way == "read":
            link.read(time.monotonic() + LIMIT_S)
        else:
            link.write(b"anything", time.monotonic() + LIMIT_S)


def test_a_lost_port_is_given_back_at_once() -> None:
    wire = Quiet()

    def hung_up(timeout_s: float) -> bytes:
        raise OSError(5, "Input/output error")

    wire.receive = hung_up  # type: ignore[method-assign]
    link = Link("port", wire, LinkOptions())
    with pytest.raises(PortLost):
        link.read(time.monotonic() + LIMIT_S)
    assert wire.closed, "while it is held, the adapter comes back under another number"
    with pytest.raises(PortLost):
        link.read(time.monotonic() + LIMIT_S)
