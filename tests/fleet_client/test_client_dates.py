"""What the fleet says of the time: read strictly, bounded by a round trip, and taken from any answer."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from client_under_test import Start
from client_wire import EMPTY, refusal
from moved_clock import MovedClock
from scripted_fleet import Talk, answer

from station import clock
from station.fleet.client import Busy, Client, FleetError
from station.fleet.client.dates import http_date

SECOND = 1_000_000
EPOCH_1994 = 784111777 * SECOND


def dated(said: bytes, *headers: str) -> bytes:
    head, end, body = said.partition(b"\r\n\r\n")
    return b"\r\n".join([head, *(header.encode("latin-1") for header in headers)]) + end + body


def ask(client: Client) -> None:
    client.serials.page("m", limit=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", EPOCH_1994),
        ("Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 * SECOND),
        ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ("Sun Nov  6 08:49:37 1994", None),
        ("Mon, 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 +0100", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 nov 1994 08:49:37 GMT", None),
        ("Sun, 6 Nov 1994 08:49:37 GMT", None),
        ("Thu, 30 Feb 2024 00:00:00 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("Sun, 0\u0666 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT\n", None),
        ("784111777", None),
        ("", None),
    ],
)
def test_a_date_is_read_strictly(text: str, expected: int | None) -> None:
    assert http_date(text) == expected


def test_the_clock_of_the_fleet_lies_between_what_question_and_answer_leave(start: Start, wall: MovedClock) -> None:
    date = clock.now_us() // SECOND + 3600

    def late(talk: Talk) -> None:
        wall.slept_s += 2

    client, _ = start([late, answer(dated(EMPTY, f"Date: {formatdate(date, usegmt=True)}"))])
    before = clock.uptime_us()
    ask(client)
    after = clock.uptime_us()
    assert client.time is not None
    assert date * SECOND - after <= client.time.least < client.time.most <= (date + 1) * SECOND - before
    assert client.time.most - client.time.least >= 3 * SECOND


@pytest.mark.parametrize(
    "headers",
    [(), ("Date: yesterday",), ("Date: Sun, 06 Nov 1994 08:49:37 GMT", "Age: 60"), ("Date: \xe4",)],
    ids=["absent", "garbage", "from a cache", "no text"],
)
def test_an_answer_that_does_not_tell_is_taken_all_the_same(headers: tuple[str, ...], start: Start) -> None:
    client, _ = start([answer(dated(EMPTY, *headers))])
    assert client.time is None
    ask(client)
    assert client.time is None


@pytest.mark.parametrize(
    "status",
    ["403 Forbidden", "502 Bad Gateway"],
)
def test_an_answer_that_refuses_or_fails_tells_the_time_too(status: str, start: Start) -> None:
    client, _ = start([answer(dated(refusal(status), "Date: Sun, 06 Nov 1994 08:49:37 GMT"))], deadline_s=0.2)
    with pytest.raises(FleetError):
        ask(client)
    assert client.time is not None and client.time.most > EPOCH_1994 - clock.uptime_us()


def test_a_retry_after_is_counted_from_the_fleets_own_clock(start: Start, wall: MovedClock) -> None:
    wall.move(-86400)
    said = dated(
        refusal("429 Too Many Requests"),
        "Date: Sun, 06 Nov 1994 08:49:37 GMT",
        "Retry-After: Sun, 06 Nov 1994 09:49:37 GMT",
    )
    client, _ = start([answer(said)])
    with pytest.raises(Busy) as caught:
        ask(client)
    assert caught.value.retry_after == 3600
