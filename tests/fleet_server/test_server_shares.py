"""Sharing a model: who is told what, and who may revoke it (M27, M51 to M55)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fleet_wire import MODELS, Fleet, Wire, body, status

from station.fleet.server import init

SHARES = "/provision/manage/share/g1/"


@pytest.fixture
def others(fleet: Fleet) -> Iterator[dict[str, Wire]]:
    """Two further vendors, each with a connection that carries its token."""
    with ExitStack() as stack:
        tokens = {name: init(fleet.database, name).token for name in ("bco", "cco")}
        yield {name: stack.enter_context(Wire(fleet.server.url, token)) for name, token in tokens.items()}


def test_a_share_is_listed_tested_and_revoked_by_either_way(fleet: Fleet, others: dict[str, Wire]) -> None:
    ask, code = fleet.wire.ask, fleet.wire.code
    assert status(ask("GET", SHARES)) == 204
    for name in ("cco", "bco"):
        assert code("GET", SHARES + name) == 404
        assert code("POST", SHARES, f"vendor={name}") == 205
        assert code("GET", SHARES + name) == 204
    listed = ask("GET", SHARES)
    assert body(listed) == b"cco\r\nbco\r\n"
    assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n" in listed
    assert body(ask("GET", SHARES + "bco")) == b""
    assert code("POST", SHARES, "vendor=cco&delete=true") == 205
    assert body(ask("GET", SHARES)) == b"bco\r\n"
    assert code("DELETE", SHARES + "bco") == 205
    assert status(ask("GET", SHARES)) == 204


def test_sharing_twice_is_sharing_once(fleet: Fleet, others: dict[str, Wire]) -> None:
    for _ in range(2):
        assert fleet.wire.code("POST", SHARES, "vendor=bco") == 205
    assert body(fleet.wire.ask("GET", SHARES)) == b"bco\r\n"
    assert body(others["bco"].ask("GET", MODELS + "?show=shared")) == b"acme,g1\r\n"


def test_what_is_refused(fleet: Fleet, others: dict[str, Wire]) -> None:
    for method, path, form, code in [
        ("POST", SHARES, "", 400),
        ("POST", SHARES, "vendor=", 400),
        ("POST", SHARES, "vendor=bco&vendor=cco", 400),
        ("POST", SHARES, "vendor=nobody", 404),
        ("POST", SHARES, "vendor=BCO", 404),
        ("POST", SHARES, "vendor=acme", 409),
        ("POST", SHARES, "vendor=bco&delete=true", 404),
        ("POST", SHARES, "delete=true", 400),
        ("DELETE", SHARES + "bco", "", 404),
        ("DELETE", SHARES + "nobody", "", 404),
        ("GET", SHARES + "acme", "", 404),
        ("PUT", SHARES, "vendor=bco", 405),
        ("GET", "/provision/manage/share/nope/", "", 404),
        ("GET", "/provision/manage/share/nope/bco", "", 404),
        ("POST", "/provision/manage/share/nope/", "vendor=bco", 404),
        ("DELETE", "/provision/manage/share/nope/bco", "", 404),
        ("GET", "/provision/manage/share/g1", "", 404),
    ]:
        assert fleet.wire.code(method, path, form) == code, (method, path, form)
    assert fleet.sql("SELECT count(*) FROM shares") == [(0,)]


def test_m27_tells_a_vendor_what_is_shared_with_it_and_nobody_else(fleet: Fleet, others: dict[str, Wire]) -> None:
    for wire in (fleet.wire, *others.values()):
        reply = wire.ask("GET", MODELS + "?show=shared")
        assert (status(reply), body(reply)) == (200, b"")
    rid = fleet.grant.template_rid
    for model in ("z", "a%20b"):
        assert fleet.wire.code("POST", MODELS, f"model={model}&rid={rid}") == 205
        assert fleet.wire.code("POST", f"/provision/manage/share/{model}/", "vendor=bco") == 205
    assert body(others["bco"].ask("GET", MODELS + "?show=shared")) == b"acme,z\r\nacme,a b\r\n"
    for wire in (fleet.wire, others["cco"]):
        assert body(wire.ask("GET", MODELS + "?show=shared")) == b""
    assert body(others["bco"].ask("GET", MODELS)) == b""
    assert fleet.wire.code("GET", SHARES + "bco") == 404
    assert fleet.wire.code("DELETE", SHARES + "bco") == 404
    assert fleet.wire.code("GET", MODELS + "?show=everything") == 400


def test_a_guest_neither_sees_nor_passes_on_nor_ends_a_share(fleet: Fleet, others: dict[str, Wire]) -> None:
    assert fleet.wire.code("POST", SHARES, "vendor=bco") == 205
    wire = others["bco"]
    for headers, expected in [({"X-Exosite-Vendor": "acme"}, 403), ({}, 404)]:
        headers["X-Exosite-Token"] = wire.token
        for method, path, form in [
            ("GET", SHARES, ""),
            ("GET", SHARES + "bco", ""),
            ("POST", SHARES, "vendor=cco"),
            ("POST", SHARES, "vendor=bco&delete=true"),
            ("DELETE", SHARES + "bco", ""),
        ]:
            assert wire.code(method, path, form, headers) == expected, (method, path)
    assert body(fleet.wire.ask("GET", SHARES)) == b"bco\r\n"


def test_a_share_goes_with_its_model_and_does_not_come_back_with_its_name(
    fleet: Fleet, others: dict[str, Wire]
) -> None:
    assert fleet.wire.code("POST", SHARES, "vendor=bco") == 205
    assert fleet.wire.code("DELETE", MODELS + "g1") == 205
    assert fleet.wire.code("POST", MODELS, f"model=g1&rid={fleet.grant.template_rid}") == 205
    assert status(fleet.wire.ask("GET", SHARES)) == 204
    assert body(others["bco"].ask("GET", MODELS + "?show=shared")) == b""


def test_a_share_goes_with_the_vendor_that_gives_up_its_name(fleet: Fleet) -> None:
    cik = {"X-Exosite-CIK": init(fleet.database, "bco").vendor_cik}
    assert fleet.wire.code("POST", SHARES, "vendor=bco") == 205
    assert fleet.wire.code("POST", "/provision/register", "vendor=bco&delete=true", cik) == 205
    assert fleet.wire.code("GET", SHARES + "bco") == 404
    assert fleet.wire.code("POST", "/provision/register", "vendor=bco", cik) == 205
    assert fleet.wire.code("GET", SHARES + "bco") == 404
