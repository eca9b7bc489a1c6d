"""The network that the storm's stations have: each thing that goes wrong is what it says, to both of its ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from proxy import Proxy
from weather import AWAY, BAD_GATEWAY, BROKEN, FAIR, HTML, TOO_MANY, Asked, Fate, Judge, Kind, Weather

from station.fleet.client import (
    Busy,
    Client,
    Conflict,
    FleetError,
    Garbled,
    ModelInfo,
    NotFound,
    Unanswered,
    Unreachable,
)
from station.fleet.server import FleetServer, init

MODEL, SERIAL = "widget-1", "SIM-00000001"


class Place(NamedTuple):
    """A fleet, its proxy, and a client on each of the two ways."""

    proxy: Proxy
    through: Client
    direct: Client
    fates: dict[str, Fate]
    """Method -> what becomes of its requests."""

    def listed(self) -> bool:
        try:
            self.direct.serials.info(MODEL, SERIAL)
        except NotFound:
            return False
        return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    grant = init(tmp_path / "fleet.db", "acme")
    fates: dict[str, Fate] = {}
    with ExitStack() as held:
        server = FleetServer(tmp_path / "fleet.db")
        held.callback(server.stop)
        server.start()
        proxy = held.enter_context(Proxy(server.url, lambda asked: fates.get(asked.method, FAIR)))
        direct = held.enter_context(Client(server.url, "acme", lambda: grant.token))
        through = held.enter_context(Client(proxy.url, "acme", lambda: grant.token, read_s=1.0, deadline_s=1.0))
        direct.models.create(MODEL, ModelInfo(rid=grant.template_rid))
        yield Place(proxy, through, direct, fates)


EXPECTED: dict[Fate, tuple[type[FleetError] | None, bool]] = {
    FAIR: (None, True),
    Fate(after_s=0.2): (None, True),
    Fate(Kind.LATE, 2.0): (Unanswered, True),
    Fate(Kind.TWICE): (None, True),
    Fate(Kind.ECHOED): (Conflict, True),
    Fate(Kind.SILENT): (Unanswered, False),
    Fate(Kind.CUT_BEFORE): (Unanswered, False),
    Fate(Kind.CUT_WITHIN): (Unanswered, False),
    Fate(Kind.CUT_AFTER): (Unanswered, True),
    Fate(Kind.CUT_HEAD): (Unanswered, True),
    Fate(Kind.CUT_BODY): (Unanswered, True),
    Fate(Kind.ANSWERED, answer=BROKEN): (Unanswered, False),
    Fate(Kind.ANSWERED, answer=AWAY): (Unanswered, False),
    Fate(Kind.ANSWERED, answer=TOO_MANY): (Busy, False),
    Fate(Kind.ANSWERED, answer=HTML): (Garbled, False),
    Fate(Kind.DONE_AND_ANSWERED, answer=BAD_GATEWAY): (Unanswered, True),
}
"""A fate of a change -> what its sender gets, and whether the fleet does it."""


def test_each_kind_of_fate_is_expected_to_end_somehow() -> None:
    assert {fate.kind for fate in EXPECTED} == set(Kind)


@pytest.mark.parametrize(("fate", "expected"), EXPECTED.items())
def test_a_fate_is_what_it_says(fate: Fate, expected: tuple[type[FleetError] | None, bool], place: Place) -> None:
    place.fates["POST"] = fate
    raised, done = expected
    if raised is None:
        place.through.serials.add(MODEL, SERIAL, "text")
    else:
        with pytest.raises(raised) as caught:
            place.through.serials.add(MODEL, SERIAL, "text")
        assert not issubclass(raised, Unanswered) or isinstance(caught.value, Unreachable) == issubclass(raised, Busy)
    assert place.listed() is done
    (only,) = [one for one in place.proxy.asked if one[0].method == "POST"]
    assert only[1] is fate and b"text" in only[0].body
    place.fates.clear()
    assert place.through.models.info(MODEL).rid, "the next request goes through"


def test_a_body_that_breaks_off_is_no_answer(place: Place) -> None:
    place.fates["GET"] = Fate(Kind.CUT_BODY)
    with pytest.raises(Unanswered):
        place.through.models.info(MODEL)
    assert len(place.proxy.asked) > 1, "what is harmless is asked again"


def test_who_is_told_to_wait_is_told_how_long(place: Place) -> None:
    place.fates["POST"] = Fate(Kind.ANSWERED, answer=TOO_MANY)
    with pytest.raises(Busy) as caught:
        place.through.serials.add(MODEL, SERIAL)
    assert caught.value.retry_after == 1


def test_a_late_answer_does_not_reach_the_next_request(place: Place) -> None:
    place.fates["POST"] = Fate(Kind.LATE, 1.5)
    with pytest.raises(Unanswered):
        place.through.serials.add(MODEL, SERIAL)
    assert place.through.serials.info(MODEL, SERIAL).status == "unused"


def test_a_network_that_is_down_refuses_and_comes_back_at_the_same_address(place: Place) -> None:
    place.fates["POST"] = Fate(Kind.ANSWERED, answer=AWAY)
    with pytest.raises(Unanswered):
        place.through.serials.add(MODEL, SERIAL)
    place.proxy.down()
    for _ in range(2):  # the kept connection is cut, and a new one is refused
        with pytest.raises(Unanswered) as caught:
            place.through.serials.add(MODEL, SERIAL)
    assert isinstance(caught.value, Unreachable)
    place.proxy.up()
    place.fates.clear()
    place.through.serials.add(MODEL, SERIAL)
    assert place.listed()


def test_to_go_down_ends_requests_that_are_going_on(place: Place) -> None:
    place.fates["POST"] = Fate(Kind.SILENT)
    with (
        ThreadPoolExecutor() as pool,
        Client(place.proxy.url, "acme", lambda: "0" * 40, read_s=99, deadline_s=99) as slow,
    ):
        waiting = pool.submit(slow.serials.add, MODEL, SERIAL)
        place.proxy.wait_for(bool)
        place.proxy.down()
        assert isinstance(waiting.exception(30), Unanswered), "it would have waited for longer"


def weather(seed: int) -> Judge:
    return Weather(seed, 0.5, 9.0)


def test_the_weather_is_the_seed_s_alone_and_goes_by_what_is_asked_how_often() -> None:
    every = [Asked("POST", f"/sn/{n}", b"owner=" + b"f" * 40, before) for n in range(40) for before in range(3)]
    fates = [weather(1)(one) for one in every]
    assert [weather(1)(one._replace(body=b"owner=" + b"0" * 40)) for one in reversed(every)] == fates[::-1]
    assert [weather(2)(one) for one in every] != fates
    assert 0.3 < fates.count(FAIR) / len(fates) < 0.7
    assert Kind.ECHOED not in {fate.kind for fate in fates}, "which is worse than any weather"
    assert {weather(seed)(one).kind for one in every for seed in range(5)} == set(Kind) - {Kind.ECHOED}
