"""What the fleet's refusals and a stranger's answers become, and what of them may be shown."""

from __future__ import annotations

import datetime
import pickle
from email.utils import format_datetime

import pytest
from client_under_test import TOKEN, Start
from scripted_fleet import answer

from drivers.errors import Blame
from station.fleet.client import (
    BadRequest,
    Busy,
    Conflict,
    FleetError,
    Garbled,
    NotAllowed,
    NotFound,
    Refused,
    TokenUnusable,
    Unanswered,
    Unreachable,
    UrlUnusable,
)
from station.fleet.client.client import Client

KEY = "f00d" * 10


def error(status: str, *headers: str, body: str | None = None) -> bytes:
    data = (f"HTTP/1.1 {status}\r\n" if body is None else body).encode()
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("400 Bad Request", BadRequest, "fleet-bad-request"),
        ("401 Unauthorized", NotAllowed, "fleet-not-allowed"),
        ("403 Forbidden", NotAllowed, "fleet-not-allowed"),
        ("404 Not Found", NotFound, "fleet-not-found"),
        ("409 Conflict", Conflict, "fleet-conflict"),
        ("412 Precondition Failed", Refused, "fleet-refused"),
        ("499 Odd", Refused, "fleet-refused"),
    ],
)
def test_a_refusal(start: Start, status: str, kind: type[Refused], code: str) -> None:
    client, _ = start([answer(error(status, "X-Error-Reason: because"))])
    with pytest.raises(Refused) as caught:
        client.serials.delete("G1", "7")
    refused = caught.value
    assert (type(refused), refused.code, refused.blame) == (kind, code, Blame.FLEET)
    assert refused.status == int(status[:3])
    assert refused.asked == "DELETE /provision/manage/model/G1/7"
    assert (refused.reason, refused.body) == ("because", f"HTTP/1.1 {status}")
    assert refused.details == {"asked": refused.asked, "status": refused.status, "reason": "because"}
    assert not isinstance(refused, Unanswered)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"])
def test_a_server_error_may_have_taken_effect(start: Start, status: str) -> None:
    client, fleet = start([answer(error(status, "Retry-After: 7", "Content-Type: text/html", body="<html>"))])
    with pytest.raises(Unanswered) as caught:
        client.serials.delete("G1", "7")
    assert (type(caught.value), caught.value.status, caught.value.retry_after) == (Unanswered, int(status[:3]), 7)
    assert len(fleet.heard) == 1


@pytest.mark.parametrize("status", ["408 Request Timeout", "429 Too Many Requests"])
def test_a_busy_fleet_has_certainly_done_nothing(start: Start, status: str) -> None:
    client, _ = start([answer(error(status, "Retry-After: 7", "Content-Type: text/html", body="<html>"))])
    with pytest.raises(Unreachable) as caught:
        client.serials.delete("G1", "7")
    assert (type(caught.value), caught.value.retry_after) == (Busy, 7)


def test_retry_after_as_a_date(start: Start) -> None:
    when = format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), usegmt=True)
    client, _ = start([answer(error("429 Too Many Requests", f"Retry-After: {when}"))])
    with pytest.raises(Busy) as caught:
        client.serials.delete("G1", "7")
    assert caught.value.retry_after is not None
    assert 3000 < caught.value.retry_after <= 3600


@pytest.mark.parametrize("value", ["99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "1 Jan 9000 00:00 -2359"])
def test_retry_after_is_a_day_at_most(start: Start, value: str) -> None:
    client, _ = start([answer(error("429 Too Many Requests", f"Retry-After: {value}"))])
    with pytest.raises(Busy) as caught:
        client.serials.delete("G1", "7")
    assert caught.value.retry_after == 86400


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-1",
        "1.5",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 99999999999999999999 Jan 2027 00:00:00 GMT",
        "Mon, 01 Jan 2027 00:00:00 +999999999999999999999",
        "Mon, 01 Jan 2027 00:00:00 +9900",
    ],
)
def test_retry_after_that_means_nothing(start: Start, value: str) -> None:
    client, _ = start([answer(error("429 Too Many Requests", f"Retry-After: {value}"))])
    with pytest.raises(Busy) as caught:
        client.serials.delete("G1", "7")
    assert caught.value.retry_after is None


def test_a_refusal_crosses_processes(start: Start) -> None:
    client, _ = start([answer(error("409 Conflict", "X-Error-Reason: it exists"))])
    with pytest.raises(Conflict) as caught:
        client.serials.add("G1", "7")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.__dict__) == (Conflict, str(caught.value), caught.value.__dict__)
    assert copy.reason == "it exists"


@pytest.mark.parametrize(
    "said",
    [
        error("200 OK", "Content-Type: text/html", body="Log in to this network"),
        error("200 OK", body="\n <!DOCTYPE html>"),
        error("200 OK", body=KEY),
        error("204 No Content", body=""),
        error("404 Not Found", "Content-Type: text/html; charset=utf-8", body="<h1>Not Found</h1>"),
        error("302 Found", "Location: /elsewhere", body=""),
        error("307 Temporary Redirect", "Location: /elsewhere", body=""),
        error("101 Switching Protocols", body=""),
        error("205 Reset Content", "Content-Type: text/html", body="<html>"),
    ],
)
def test_what_is_not_this_api_is_no_answer(start: Start, said: bytes) -> None:
    client, fleet = start([answer(said)])
    with pytest.raises(Garbled) as caught:
        client.serials.delete("G1", "7")
    assert caught.value.code == "fleet-garbled"
    assert KEY not in str(caught.value)
    assert len(fleet.heard) == 1


def test_what_is_repeated_in_a_refusal_is_hidden_cut_and_printable(start: Start) -> None:
    body = f"{TOKEN} {KEY.upper()} \x1b[31m" + "x" * 1000
    client, _ = start([answer(error("409 Conflict", f"X-Error-Reason: {TOKEN} and {KEY}", body=body))])
    with pytest.raises(Conflict) as caught:
        client.serials.delete("G1", "7")
    shown = "".join([str(caught.value), repr(caught.value), caught.value.body, str(caught.value.details)])
    assert TOKEN not in shown and KEY not in shown.lower() and "\x1b" not in shown
    assert caught.value.reason == "(hidden) and (hidden)"
    assert len(caught.value.body) == 200


def test_a_token_of_another_form_is_hidden_too(start: Start) -> None:
    client, fleet = start(
        [answer(error("401 Unauthorized", body="no such token: open-sesame"))], token=lambda: "open-sesame"
    )
    with pytest.raises(NotAllowed) as caught:
        client.serials.delete("G1", "7")
    assert caught.value.body == "no such token: (hidden)"
    assert b"\r\nX-Exosite-Token: open-sesame\r\n" in fleet.heard[0]


def test_a_replaced_token_heals_the_line(start: Start) -> None:
    tokens = iter(["old", "new"])
    gone = b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"
    client, fleet = start([answer(error("401 Unauthorized")), answer(gone)], token=lambda: next(tokens))
    with pytest.raises(NotAllowed):
        client.serials.delete("G1", "7")
    client.serials.delete("G1", "7")
    assert [b"X-Exosite-Token: old" in fleet.heard[0], b"X-Exosite-Token: new" in fleet.heard[1]] == [True, True]


@pytest.mark.parametrize("token", ["", "a b", "secret\nX-Exosite-CIK:x", "sécret"])
def test_a_token_that_is_none_is_not_sent(start: Start, token: str) -> None:
    client, _ = start(token=lambda: token)
    with pytest.raises(TokenUnusable) as caught:
        client.serials.delete("G1", "7")
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, FleetError) and not isinstance(caught.value, Unanswered)


@pytest.mark.parametrize(
    "url",
    [
        "http://fleet.example.com",
        "http://10.0.0.1:8080",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "https://user:secret@example.com",
        "https://example.com/path",
        "https://example.com?x",
        "https://example.com:port",
        "https://",
        "ftp://example.com",
        "example.com",
        "",
        "http://[::1",
    ],
)
def test_an_address_that_is_not_used(url: str) -> None:
    with pytest.raises(UrlUnusable) as caught:
        Client(url, "weaver", lambda: TOKEN)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://fleet.example.com", False),
        ("https://fleet.example.com:8443/", False),
        ("http://localhost:1", False),
        ("http://[::1]:1", False),
        ("http://127.3.2.1", False),
        ("http://fleet.example.com", True),
    ],
)
def test_an_address_that_is_used(url: str, plain: bool) -> None:
    Client(url, "weaver", lambda: TOKEN, allow_plain_http=plain).close()
