"""The vendor's tokens: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

import pytest
from client_under_test import Start
from client_wire import CIK, EMPTY, KEY, NOTHING, TEXT, Case, assert_plays, assert_refuses, numbers, ok
from scripted_fleet import answer, hear

from station.fleet.client import Conflict, Garbled, NameUnsafe, TokenUnusable, Unanswered

ALL = "/provision/admin/auth/"

CASES = [
    Case("M59", lambda c: c.tokens.list(), f"GET {ALL}", ok("line 1\r\nrepair\r\n"), ["line 1", "repair"], cik=CIK),
    Case("M60", lambda c: c.tokens.create("line 1"), f"POST {ALL}", ok(KEY, TEXT), KEY, body="id=line+1", cik=CIK),
    Case("M61", lambda c: c.tokens.remove("line 1"), f"POST {ALL}", body="delete=true&id=line+1", cik=CIK),
    Case("M62", lambda c: c.tokens.get("line 1"), f"GET {ALL}line%201", ok(KEY, TEXT), KEY, cik=CIK),
    Case("M63", lambda c: c.tokens.delete("line 1"), f"DELETE {ALL}line%201", cik=CIK),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_token_makes_no_tokens(start: Start, case: Case) -> None:
    client, _ = start()
    with pytest.raises(TokenUnusable):
        case.call(client)


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_no_tokens(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)], cik=lambda: CIK)
    assert client.tokens.list() == []


@pytest.mark.parametrize("said", ["", KEY[1:], KEY + "0", KEY[1:] + ",", "The token is " + KEY])
def test_a_token_that_is_none_is_not_shown(start: Start, said: str) -> None:
    client, _ = start([answer(ok(said, TEXT))] * 2, cik=lambda: CIK)
    for call in (client.tokens.create, client.tokens.get):
        with pytest.raises(Garbled) as caught:
            call("line 1")
        shown = f"{caught.value} {caught.value!r} {caught.value.details}".lower()
        assert KEY[1:] not in shown and CIK not in shown


def test_a_refusal_shows_neither_key_nor_token(start: Start) -> None:
    body = f"{CIK} {KEY}".encode()
    said = b"HTTP/1.1 409 Conflict\r\nX-Error-Reason: %s\r\nContent-Length: %d\r\n\r\n%s" % (body, len(body), body)
    client, _ = start([answer(said)], cik=lambda: CIK)
    with pytest.raises(Conflict) as caught:
        client.tokens.create("line 1")
    assert (caught.value.reason, caught.value.body) == ("(hidden) (hidden)", "(hidden) (hidden)")


def test_an_unanswered_token_is_asked_for_once(start: Start) -> None:
    client, fleet = start([hear, lambda talk: talk.sock.close()], cik=lambda: CIK)
    with pytest.raises(Unanswered):
        client.tokens.create("line 1")
    assert len(fleet.heard) == 1


@pytest.mark.parametrize("name", ["../x", "a&delete=true", "a%2Fb", "a\nb", ""])
def test_an_unsafe_name_is_not_sent(start: Start, name: str) -> None:
    client, _ = start(cik=lambda: CIK)
    for call in (client.tokens.create, client.tokens.remove, client.tokens.get, client.tokens.delete):
        with pytest.raises(NameUnsafe):
            call(name)
