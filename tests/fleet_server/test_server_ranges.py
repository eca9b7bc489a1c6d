"""Ranges of serial numbers over the wire: M34, M38, M42, and what each call does to a member."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_wire import G1, MODELS, Fleet, Wire, body, status

from station.fleet.server import FleetServer, Options, init

JS = "application/javascript; charset=utf-8"
TENS = {"format": "base10", "length": 8, "casing": None, "first": 10, "last": 19}
MACS = {"format": "mac:48", "length": None, "casing": "lower", "first": 1108152157440, "last": 1108152157695}


def send(fleet: Fleet, method: str, *ranges: object, kind: str | None = JS) -> int:
    return send_text(fleet, method, json.dumps({"ranges": ranges}), kind)


def send_text(fleet: Fleet, method: str, text: str, kind: str | None = JS) -> int:
    headers = {"X-Exosite-Token": fleet.grant.token} | ({"Content-Type": kind} if kind else {})
    return fleet.wire.code(method, G1 + "/", text, headers)


def shown(fleet: Fleet) -> bytes:
    reply = fleet.wire.ask("GET", G1 + "/?show=ranges")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: application/javascript; charset=utf-8\r\n" in reply
    return body(reply)


@pytest.mark.parametrize("kind", [JS, "application/json", "text/javascript", None, "text/plain"])
def test_m38_then_m34_then_m42(fleet: Fleet, kind: str | None) -> None:
    assert shown(fleet) == b""
    assert send(fleet, "POST", TENS, {"format": "base16", "first": 0, "last": 255}, kind=kind) == 205
    assert send(fleet, "POST", MACS, kind=kind) == 205
    tens = b'{"format":"base10","length":8,"casing":null,"first":10,"last":19}'
    hexes = b'{"format":"base16","length":null,"casing":null,"first":0,"last":255}'
    macs = b'{"format":"mac:48","length":null,"casing":"lower","first":1108152157440,"last":1108152157695}'
    assert shown(fleet) == b"[" + b",".join([tens, hexes, macs]) + b"]"
    assert send(fleet, "DELETE", {"format": "base10", "length": 8, "first": 10, "last": 19}, kind=kind) == 205
    assert shown(fleet) == b"[" + b",".join([hexes, macs]) + b"]"
    assert send(fleet, "DELETE", *json.loads(shown(fleet)), kind=kind) == 205
    assert shown(fleet) == b""


@pytest.fixture
def wrapping(tmp_path: Path) -> Iterator[Wire]:
    grant = init(tmp_path / "fleet.db", "acme", ["g1"])
    server = FleetServer(tmp_path / "fleet.db", options=Options(wrapped_ranges=True))
    server.start()
    with Wire(server.url, grant.token) as wire:
        yield wire
    server.stop()


def test_m34_wraps_if_it_is_set_to(wrapping: Wire) -> None:
    assert body(wrapping.ask("GET", G1 + "/?show=ranges")) == b""
    whole = '{"ranges":[{"format":"base10","length":null,"casing":null,"first":1,"last":2}]}'
    assert wrapping.code("POST", G1 + "/", whole) == 205
    assert body(wrapping.ask("GET", G1 + "/?show=ranges")).decode() == whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"ranges": []}',
        '{"ranges": {}}',
        '{"ranges": [1]}',
        '{"ranges": [{"format": "base10", "first": 1, "last": 2}], "more": 1}',
        "[" * 100_000,
        '{"ranges": [' + "9" * 5000 + "]}",
    ],
)
def test_what_is_no_list_of_ranges(fleet: Fleet, text: str) -> None:
    assert send_text(fleet, "POST", text) == send_text(fleet, "DELETE", text) == 400
    assert shown(fleet) == b""


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "base8"},
        {"format": None},
        {"format": ["base10"]},
        {"first": "10"},
        {"first": 10.0},
        {"first": True},
        {"first": -1},
        {"first": None},
        {"first": 20},
        {"last": "19"},
        {"last": 10**30},
        {"last": 100_000_000},
        {"length": "8"},
        {"length": False},
        {"length": 0},
        {"length": 129},
        {"casing": "upper"},
        {"casing": 1},
        {"format": "base16", "casing": "Upper"},
        {"format": "mac.48"},
        {"format": "mac.48", "length": None, "last": 1 << 48},
        {"lenght": 8},
    ],
)
def test_what_is_no_range(fleet: Fleet, changed: dict[str, object]) -> None:
    assert send(fleet, "POST", {**TENS, "length": 9}, TENS | changed) == 400
    assert shown(fleet) == b""
    assert send(fleet, "POST", TENS) == 205


def test_adding_is_all_or_nothing_and_identical_ranges_conflict(fleet: Fleet) -> None:
    assert send(fleet, "POST", TENS, TENS) == 205
    assert len(json.loads(shown(fleet))) == 1
    assert send(fleet, "POST", MACS, TENS) == 409
    assert send(fleet, "POST", MACS, {"format": "base10", "length": 8, "first": 10, "last": 19}) == 409
    assert len(json.loads(shown(fleet))) == 1
    assert send(fleet, "POST", {**TENS, "last": 18}, {**TENS, "length": 9}, {**TENS, "length": None}) == 205
    assert fleet.wire.code("POST", MODELS + "nope/", json.dumps({"ranges": [TENS]})) == 404


def test_removing_needs_equal_ranges_and_is_all_or_nothing(fleet: Fleet) -> None:
    assert send(fleet, "POST", TENS, MACS) == 205
    for other in ({**TENS, "first": 11}, {**TENS, "last": 18}, {**TENS, "length": 9}, {**MACS, "casing": None}):
        assert send(fleet, "DELETE", MACS, other) == 404
    assert len(json.loads(shown(fleet))) == 2
    assert send(fleet, "DELETE", MACS, TENS, TENS) == 205
    assert send(fleet, "DELETE", TENS) == 404


def test_a_model_has_at_most_10000_ranges(fleet: Fleet) -> None:
    many = [{"format": "base10", "first": n, "last": n} for n in range(10_001)]
    assert send(fleet, "POST", *many) == 413
    assert send(fleet, "POST", *many[1:]) == 205
    assert send(fleet, "POST", many[0]) == 413
    assert (fleet.see("10000"), fleet.see("10001")) == ("204", "404")


# ---------------------------------------------------------------- members


def test_only_what_a_range_writes_is_a_member(fleet: Fleet) -> None:
    assert (
        send(fleet, "POST", TENS, MACS, {"format": "base16", "length": 4, "casing": "upper", "first": 0, "last": 0xAB})
        == 205
    )
    for sn, seen in [
        ("00000010", "204"),
        ("00000019", "204"),
        ("00000020", "404"),
        ("10", "404"),
        ("000000010", "404"),
        ("01:02:03:04:05:ff", "204"),
        ("01:02:03:04:05:FF", "404"),
        ("01:02:03:04:06:00", "404"),
        ("00AB", "204"),
        ("00ab", "404"),
        ("0010", "204"),
    ]:
        assert fleet.see(sn) == seen, sn
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    assert fleet.wire.code("GET", MODELS + "g2/00AB") == 404


def test_a_member_is_listed_from_when_it_is_enabled(fleet: Fleet) -> None:
    assert send(fleet, "POST", TENS) == 205
    assert body(fleet.wire.ask("GET", G1 + "/")) == b""
    rid = fleet.enable("00000012")
    assert body(fleet.wire.ask("GET", G1 + "/")) == f"00000012,{rid},\r\n".encode()
    assert status(fleet.wire.activate("00000012")) == 200
    assert fleet.wire.code("GET", f"{G1}/00000012?show=log") == 200
    assert fleet.wire.code("DELETE", f"{G1}/00000012") == 205
    assert fleet.see("00000012") == "204"  # unused again, by virtue of the range
    assert body(fleet.wire.ask("GET", G1 + "/")) == b""
    assert fleet.wire.code("DELETE", f"{G1}/00000012") == 404
    assert fleet.enable("00000012") != rid
    assert send(fleet, "DELETE", TENS) == 205
    assert (fleet.see("00000012"), fleet.see("00000013")) == ("notactivated", "404")


def test_a_member_takes_the_client_of_another_and_gives_it_back(fleet: Fleet) -> None:
    assert send(fleet, "POST", TENS) == 205
    rid = fleet.enable("00000012")
    assert fleet.wire.code("POST", f"{G1}/00000013", "enable=true&oldsn=00000012") == 205
    assert fleet.wire.code("POST", f"{G1}/00000014", "enable=true&oldsn=00000012") == 409
    assert fleet.wire.code("POST", f"{G1}/00000014", "enable=true&oldsn=00000015") == 409
    assert body(fleet.wire.ask("GET", G1 + "/")).decode() == f"00000012,,\r\n00000013,{rid},\r\n"


def test_a_member_may_be_listed_as_well_and_so_gets_its_extra(fleet: Fleet) -> None:
    assert send(fleet, "POST", TENS) == 205
    fleet.add("00000010", "one")
    assert fleet.wire.code("POST", G1 + "/", "sn[]=00000011&sn[]=00000012") == 205
    assert fleet.wire.code("POST", G1 + "/", "00000013,more\n00000014") == 205
    assert fleet.wire.code("POST", G1 + "/", "sn=00000010") == 409
    assert fleet.sql("SELECT sn, extra FROM serials WHERE extra <> ''") == [("00000010", "one"), ("00000013", "more")]


@pytest.mark.parametrize(
    ("method", "text", "code"),
    [
        ("POST", "delete=true&sn=00000010", 404),
        ("POST", "delete=true&sn[]=00000010&sn[]=00000011", 404),
        ("DELETE", "00000010\n00000011\n", 404),
        ("POST", "delete=true&sn[]=00000010&sn[]=unknown", 205),
        ("POST", "delete=true&sn[]=00000010&sn[]=listed", 205),
        ("DELETE", "00000019\n", 205),
    ],
)
def test_a_range_loses_no_single_member(fleet: Fleet, method: str, text: str, code: int) -> None:
    assert send(fleet, "POST", TENS) == 205
    fleet.add("listed")
    fleet.add("00000019")
    assert fleet.wire.code(method, G1 + "/", text) == code
    assert (fleet.see("00000010"), fleet.see("00000019")) == ("204", "204")


def test_who_is_in_no_range_any_more_leaves_its_groups(fleet: Fleet) -> None:
    assert send(fleet, "POST", TENS, {**TENS, "first": 15}) == 205
    fleet.add("00000011")
    fleet.sql("INSERT INTO groups(model, name, meta) VALUES (1, 'g', '')")
    for member in ("00000010", "00000011", "00000015"):
        fleet.sql("INSERT INTO members VALUES (NULL, 1, 'sn', ?, 0, '')", member)
    assert fleet.wire.code("GET", f"{G1}/00000010?show=groups") == 200
    assert send(fleet, "DELETE", TENS) == 205
    assert fleet.sql("SELECT member FROM members ORDER BY id") == [("00000011",), ("00000015",)]
