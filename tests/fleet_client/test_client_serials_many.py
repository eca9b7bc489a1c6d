"""Many serial numbers: lists in pages, and changes of many in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from client_under_test import Start
from client_wire import CHANGED, CSV, EMPTY, NOTHING, RID, ok, request
from scripted_fleet import answer

from station.fleet.client import Client, NameUnsafe, SerialRow, TooLong

ALL = "/provision/manage/model/G1/"
SN = "00:04"


@pytest.mark.parametrize(("asked", "sent"), [(-1, 5), (0, 5), (1, 5), (5, 5), (6, 6), (1000, 1000), (9999, 1000)])
def test_a_page_is_as_long_as_the_fleet_makes_it(start: Start, asked: int, sent: int) -> None:
    full = "".join(f"{n},,,\r\n" for n in range(sent))
    client, fleet = start([answer(ok(full)), answer(ok(full[: -len(f"{sent - 1},,,\r\n")]))])
    page = client.serials.page("G1", 0, asked)
    assert (len(page.rows), page.limit, page.is_last) == (sent, sent, False)
    assert client.serials.page("G1", 0, asked).is_last
    assert f"?offset=0&limit={sent}&".encode() in fleet.heard[0]


def test_a_list_is_walked_to_a_page_that_is_not_full(start: Start) -> None:
    serials = [f"{n:04}" for n in range(501)]
    pages = ["".join(f"{n},,,\r\n" for n in part) for part in (serials[:500], serials[500:])]
    client, fleet = start([answer(ok(page)) for page in pages])
    assert [row.serial for row in client.serials.list("G1", shared_with="acme")] == serials
    assert b"?offset=500&limit=500&shared=acme&" in fleet.heard[1]


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_a_list_may_end_with_a_page_of_nothing(start: Start, said: bytes) -> None:
    page = "".join(f"{n},,,\r\n" for n in range(500))
    client, _ = start([answer(ok(page)), answer(said)])
    assert len(list(client.serials.list("G1"))) == 500


@pytest.mark.parametrize(
    ("said", "row"),
    [(f"1,{RID},x\n", SerialRow("1", None, RID, "x")), ("1,,x", SerialRow("1", None, None, "x"))],
)
def test_a_list_of_an_older_fleet(start: Start, said: str, row: SerialRow) -> None:
    client, _ = start([answer(ok(said))])
    assert list(client.serials.list("G1")) == [row]


def test_a_hundred_thousand_are_one_request(start: Start) -> None:
    rows = [(f"SN-{n:06}", "lot 7") for n in range(100_000)]
    client, fleet = start([answer(CHANGED)])
    client.serials.add_rows("G1", rows)
    body = "".join(f"{serial},{extra}\r\n" for serial, extra in rows)
    assert fleet.heard == [request(fleet.port, f"POST {ALL}", body, CSV)]


def test_none_are_no_request(start: Start) -> None:
    client, _ = start()
    client.serials.add_many("G1", [])
    client.serials.add_rows("G1", [])
    client.serials.remove_many("G1", iter([]))
    client.serials.remove_listed("G1", [])


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.serials.add("G1", SN, "ä" * 513),
        lambda c: c.serials.add_rows("G1", [(SN, "x" * 1025)]),
        lambda c: c.serials.add_rows("G1", ((str(n), "x" * 1024) for n in range(11_000))),
        lambda c: c.serials.add_many("G1", (f"{n:0128}" for n in range(90_000))),
        lambda c: c.serials.remove_many("G1", (f"{n:0128}" for n in range(90_000))),
        lambda c: c.serials.remove_listed("G1", (f"{n:0128}" for n in range(90_000))),
    ],
)
def test_what_is_too_long_is_not_sent(start: Start, call: Callable[[Client], Any]) -> None:
    client, _ = start()
    with pytest.raises(TooLong, match="is the most"):
        call(client)


def test_a_text_of_1_kib_is_sent(start: Start) -> None:
    client, fleet = start([answer(CHANGED)])
    client.serials.add("G1", SN, "ä" * 512)
    assert fleet.heard[0].endswith(b"&extra=" + b"%C3%A4" * 512)


def test_one_bad_name_of_many_stops_all(start: Start) -> None:
    client, _ = start()
    for call in (client.serials.add_many, client.serials.remove_many, client.serials.remove_listed):
        with pytest.raises(NameUnsafe):
            call("G1", [SN, "a&delete=true"])
    with pytest.raises(NameUnsafe):
        client.serials.add_rows("G1", [(SN, "x"), ("a\r\nb", "")])


def test_a_mistake_of_the_programmer_is_told_at_once(start: Start) -> None:
    client, _ = start()
    for call in (client.serials.add_many, client.serials.remove_many, client.serials.remove_listed):
        with pytest.raises(TypeError, match="many"):
            call("G1", "78")
    with pytest.raises(ValueError, match="offset"):
        client.serials.page("G1", -1)
