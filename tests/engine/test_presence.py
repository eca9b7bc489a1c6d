"""The gate of a slot, alone: what the slot's own tests can't catch in the act."""

from __future__ import annotations

import time

import pytest
from engine_floor import LIMIT_S, Floor

from drivers.board import Board, NoBoard
from drivers.errors import Cancelled, PortError, PortMissing
from drivers.link import Link
from drivers.uart import LinkOptions
from station.presence import Gate, Nobody
from station.recipe import Presence


def nobody(link: Link) -> Board:
    return NoBoard()


def gate(floor: Floor, told: list[PortError | None], presence: Presence = Presence.PORT) -> Gate:
    def opened(port: str) -> Link:
        return Link.open(port, LinkOptions())

    return Gate(str(floor.wires["1"].path), presence, opened, nobody, told.append)


def test_a_link_opened_after_the_stop_is_cancelled_too(floor: Floor) -> None:
    floor.plug()
    one = gate(floor, [])
    one.cancel()
    link, _ = one.await_board(None)
    with link, pytest.raises(Cancelled):
        link.read(time.monotonic() + LIMIT_S)


def test_waiting_for_a_port_ends_with_the_stop(floor: Floor) -> None:
    told: list[PortError | None] = []
    one = gate(floor, told)
    one.cancel()
    with pytest.raises(Cancelled):
        one.await_board(None)
    assert [type(fault) for fault in told] == [PortMissing]


def test_a_port_that_brings_its_board_and_is_not_there_means_nobody(floor: Floor) -> None:
    told: list[PortError | None] = []
    with pytest.raises(Nobody):
        gate(floor, told).await_board(0.05)
    assert {type(fault) for fault in told} == {PortMissing}


def test_a_fixture_on_which_nobody_answers_means_nobody(floor: Floor) -> None:
    floor.plug()
    told: list[PortError | None] = []
    with pytest.raises(Nobody):
        gate(floor, told, Presence.PROBE).await_board(0.05)
    assert told == [None]


def test_the_operators_start_counts_where_nobody_answers(floor: Floor) -> None:
    floor.plug()
    one = gate(floor, [], Presence.PROBE)
    one.start()
    link, _ = one.await_board(0.05)
    link.close()
