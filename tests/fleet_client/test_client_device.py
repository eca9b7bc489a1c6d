"""What a device asks: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

import traceback

import pytest
from client_under_test import Start
from client_wire import EMPTY, KEY, NOTHING, Case, assert_plays, assert_refuses, numbers, ok, refusal
from scripted_fleet import answer

from station.fleet.client import Client, ContentInfo, NameUnsafe, NotAllowed, TokenUnusable

SPACE = "/provision/download?vendor=weaver&model=G+1"

CASES = [
    Case("D2", lambda c: c.device.contents("G 1", KEY), f"GET {SPACE}", ok("a\r\nb\r\n"), ["a", "b"], cik=KEY),
    Case(
        "D4",
        lambda c: c.device.info("G 1", "fw 1.bin", KEY),
        f"GET {SPACE}&id=fw+1.bin&info=true",
        ok("application/octet-stream,1024,1416147370,"),
        ContentInfo("application/octet-stream", 1024, 1416147370, "", None),
        cik=KEY,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_a_device_that_may_read_nothing(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)])
    assert client.device.contents("G1", KEY) == []


def test_nobody_asks_for_the_vendors_token_on_a_devices_behalf(start: Start) -> None:
    def no_token() -> str:
        raise AssertionError("nobody may ask for the token")

    client, _ = start([answer(ok("a"))], token=no_token)
    assert client.device.contents("G1", KEY) == ["a"]


def test_the_devices_key_is_in_no_error(start: Start) -> None:
    said = refusal("403 Forbidden").replace(
        b"403 Forbidden\r\n", b"403 Forbidden\r\nX-Error-Reason: " + KEY.encode() + b"\r\n", 1
    )
    client, _ = start([answer(said)])
    with pytest.raises(NotAllowed) as caught:
        client.device.contents("G1", KEY)
    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.details)


@pytest.mark.parametrize("cik", ["", f"{KEY}\r\nX-Exosite-Token: x", "a b"])
def test_a_key_that_is_none_is_not_sent(start: Start, cik: str) -> None:
    client, _ = start()
    with pytest.raises(TokenUnusable) as caught:
        client.device.contents("G1", cik)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("vendor", ["", "ac me", "acme\r\nX: y", "acme&sn=1"])
def test_an_unsafe_vendor_is_not_sent(vendor: str) -> None:
    with Client("http://127.0.0.1:1", vendor) as client:
        for call in (lambda: client.device.activate("G1", "7"), lambda: client.device.contents("G1", KEY)):
            with pytest.raises(NameUnsafe, match="vendor"):
                call()


@pytest.mark.parametrize("name", ["../x", "a&info=true", "a%2Fb", "a\nb", ""])
def test_an_unsafe_name_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    for call in (
        lambda: client.device.contents(name, KEY),
        lambda: client.device.info("G1", name, KEY),
        lambda: client.device.download("G1", name, KEY, "into"),
        lambda: client.device.read("G1", name, KEY, 0, 1),
    ):
        with pytest.raises(NameUnsafe):
            call()
