"""The vendor's name: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

import pytest
from client_under_test import Start
from client_wire import CIK, NOTHING, TEXT, Case, assert_plays, assert_refuses, numbers, ok
from scripted_fleet import answer

from station.fleet.client import Garbled, NameUnsafe, NotFound, TokenUnusable

PATH = "/provision/register"

CASES = [
    Case("M56", lambda c: c.vendor.name(), f"GET {PATH}", ok("weaver", TEXT), "weaver", cik=CIK),
    Case("M57", lambda c: c.vendor.register("weaver"), f"POST {PATH}", body="vendor=weaver", cik=CIK),
    Case("M58", lambda c: c.vendor.unregister("weaver"), f"POST {PATH}", body="delete=true&vendor=weaver", cik=CIK),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_token_is_not_enough(start: Start, case: Case) -> None:
    client, _ = start()
    with pytest.raises(TokenUnusable):
        case.call(client)


def test_a_name_with_a_line_end(start: Start) -> None:
    client, _ = start([answer(ok("weaver\r\n", TEXT))], cik=lambda: CIK)
    assert client.vendor.name() == "weaver"


def test_no_name_may_be_a_204(start: Start) -> None:
    client, _ = start([answer(NOTHING)], cik=lambda: CIK)
    with pytest.raises(NotFound) as caught:
        client.vendor.name()
    assert caught.value.status == 204


@pytest.mark.parametrize("said", ["", "\r\n", "a\r\nb", "\x1b[31m", CIK])
def test_a_name_that_is_none(start: Start, said: str) -> None:
    client, _ = start([answer(ok(said, TEXT))], cik=lambda: CIK)
    with pytest.raises(Garbled) as caught:
        client.vendor.name()
    assert CIK not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("name", ["../x", "a&delete=true", "a%2Fb", "a\nb", "a b", "ä", ""])
def test_an_unsafe_name_is_not_sent(start: Start, name: str) -> None:
    client, _ = start(cik=lambda: CIK)
    with pytest.raises(NameUnsafe):
        client.vendor.register(name)
    with pytest.raises(NameUnsafe):
        client.vendor.unregister(name)
