"""Shares: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

import pytest
from client_under_test import Start
from client_wire import EMPTY, NOTHING, Case, assert_plays, assert_refuses, numbers, ok, refusal
from scripted_fleet import answer

from station.fleet.client import Garbled, NameUnsafe

ALL = "/provision/manage/share/G%201/"
DOCUMENTED_204 = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"

CASES = [
    Case("M51", lambda c: c.shares.list("G 1"), f"GET {ALL}", ok("acme\r\nweaver_2\r\n"), ["acme", "weaver_2"]),
    Case("M52", lambda c: c.shares.add("G 1", "acme"), f"POST {ALL}", body="vendor=acme"),
    Case("M53", lambda c: c.shares.remove("G 1", "acme"), f"POST {ALL}", body="vendor=acme&delete=true"),
    Case(
        "M54",
        lambda c: c.shares.exists("G 1", "acme"),
        f"GET {ALL}acme",
        DOCUMENTED_204,
        True,
        no_refusal="404 Not Found",
    ),
    Case(
        "M54-not",
        lambda c: c.shares.exists("G 1", "acme"),
        f"GET {ALL}acme",
        refusal("404 Not Found"),
        False,
        no_refusal="404 Not Found",
    ),
    Case("M55", lambda c: c.shares.delete("G 1", "acme"), f"DELETE {ALL}acme"),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_shared_with_nobody(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)])
    assert client.shares.list("G1") == []


def test_what_is_neither_yes_nor_no(start: Start) -> None:
    client, _ = start([answer(EMPTY), answer(ok("acme,x"))])
    with pytest.raises(Garbled):
        client.shares.exists("G1", "acme")
    with pytest.raises(Garbled):
        client.shares.list("G1")


@pytest.mark.parametrize("name", ["../x", "a&delete=true", "a%2Fb", "a\nb", "a b", "ä", ""])
def test_an_unsafe_vendor_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    for call in (
        lambda: client.shares.add("G1", name),
        lambda: client.shares.remove("G1", name),
        lambda: client.shares.exists("G1", name),
        lambda: client.shares.delete("G1", name),
    ):
        with pytest.raises(NameUnsafe):
            call()


@pytest.mark.parametrize("name", ["../x", "a%2Fb", ""])
def test_an_unsafe_model_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    for call in (
        lambda: client.shares.list(name),
        lambda: client.shares.add(name, "acme"),
        lambda: client.shares.remove(name, "acme"),
        lambda: client.shares.exists(name, "acme"),
        lambda: client.shares.delete(name, "acme"),
    ):
        with pytest.raises(NameUnsafe):
            call()
