"""Vendor names, tokens and the two neighbours: what each procedure takes, returns and refuses."""

from __future__ import annotations

import logging
import socket
import time
from pathlib import Path

import pytest
from fleet_content import serving
from fleet_wire import G1, MODELS, Fleet, body, status

from station.fleet.server import Options, init

REGISTER = "/provision/register"
TOKENS = "/provision/admin/auth/"
WRONG = "0" * 40


def cik(fleet: Fleet) -> dict[str, str]:
    return {"X-Exosite-CIK": fleet.grant.vendor_cik}


def portal(fleet: Fleet) -> dict[str, str]:
    """A client that has no name: the one that owns devices."""
    return {"X-Exosite-CIK": str(fleet.sql("SELECT cik FROM clients WHERE rid = ?", fleet.grant.owner_rid)[0][0])}


# ---------------------------------------------------------------- vendor names


def test_m56_is_the_name_and_nothing_else(fleet: Fleet) -> None:
    reply = fleet.wire.ask("GET", REGISTER, "", cik(fleet))
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Length: 4\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" in reply
    assert body(reply) == b"acme"
    assert body(fleet.wire.ask("GET", REGISTER, "", {"X-Exosite-Token": fleet.grant.vendor_cik})) == b"acme"
    assert fleet.wire.code("GET", REGISTER, "", portal(fleet)) == 404


def test_a_name_is_registered_used_and_given_back(fleet: Fleet) -> None:
    headers = portal(fleet)
    assert fleet.wire.code("GET", MODELS, "", headers) == 403
    assert fleet.wire.code("POST", REGISTER, "vendor=My_portal-2", headers) == 205
    assert fleet.wire.code("POST", REGISTER, "vendor=My_portal-2", headers) == 205
    assert body(fleet.wire.ask("GET", REGISTER, "", headers)) == b"My_portal-2"
    assert fleet.wire.code("POST", MODELS, f"model=m&rid={fleet.grant.owner_rid}", headers) == 205
    assert fleet.wire.code("POST", REGISTER, "delete=true&vendor=My_portal-2", headers) == 409
    assert fleet.wire.code("DELETE", MODELS + "m", "", headers) == 205
    assert fleet.wire.code("POST", REGISTER, "delete=true&vendor=My_portal-2", headers) == 205
    assert fleet.wire.code("GET", REGISTER, "", headers) == 404
    assert fleet.wire.code("GET", MODELS, "", headers) == 403
    assert fleet.wire.code("POST", REGISTER, "delete=true&vendor=My_portal-2", headers) == 404
    assert fleet.sql("SELECT name FROM vendors") == [("acme",)]


def test_a_device_may_have_a_name_too(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.enable("A1")
    device = {"X-Exosite-CIK": body(fleet.wire.activate("A1")).decode()}
    assert fleet.wire.code("POST", REGISTER, "vendor=device", device) == 205
    assert body(fleet.wire.ask("GET", REGISTER, "", {"X-Exosite-Token": device["X-Exosite-CIK"]})) == b"device"
    assert fleet.wire.code("GET", G1, "", device) == 404  # a vendor without models, whoever it is below


def test_what_m57_and_m58_refuse(fleet: Fleet) -> None:
    init(fleet.database, "other")
    for form, headers, code in [
        ("vendor=other", cik(fleet), 409),
        ("vendor=another", cik(fleet), 409),
        ("vendor=acme", portal(fleet), 409),
        ("", cik(fleet), 400),
        ("vendor=", cik(fleet), 400),
        ("vendor=a&vendor=b", portal(fleet), 400),
        ("vendor=a+b", portal(fleet), 400),
        ("vendor=a%2Fb", portal(fleet), 400),
        ("vendor=%C3%A4", portal(fleet), 400),
        ("vendor=a%0A", portal(fleet), 400),
        (f"vendor={'v' * 65}", portal(fleet), 413),
        ("delete=true", cik(fleet), 400),
        ("delete=true&vendor=acme", cik(fleet), 409),
        ("delete=true&vendor=other", cik(fleet), 404),
        ("delete=true&vendor=acme", portal(fleet), 404),
        ("vendor=a", {"X-Exosite-Token": fleet.grant.token}, 401),
    ]:
        assert fleet.wire.code("POST", REGISTER, form, headers) == code, form
    taken, another = (fleet.wire.ask("POST", REGISTER, f"vendor={name}", cik(fleet)) for name in ("other", "another"))
    assert b"X-Error-Reason: another client has that vendor name\r\n" in taken
    assert b"X-Error-Reason: the client has another vendor name\r\n" in another
    assert fleet.wire.code("DELETE", REGISTER, "vendor=acme", cik(fleet)) == 405
    assert fleet.sql("SELECT name FROM vendors") == [("acme",), ("other",)]
    assert fleet.wire.code("POST", REGISTER, f"vendor={'v' * 64}", portal(fleet)) == 205


def test_with_the_name_go_tokens_and_shares_but_no_device(fleet: Fleet) -> None:
    guest = init(fleet.database, "guest")
    assert fleet.wire.code("POST", "/provision/manage/share/g1/", "vendor=guest") == 205
    fleet.add("A1")
    headers = {"X-Exosite-Token": guest.token, "X-Exosite-Vendor": "acme"}
    assert fleet.wire.code("POST", f"{G1}/A1", f"enable=true&owner={guest.owner_rid}", headers) == 200
    unregister = ("POST", REGISTER, "delete=true&vendor=guest", {"X-Exosite-CIK": guest.vendor_cik})
    assert fleet.wire.code(*unregister) == 205
    assert fleet.wire.code("GET", f"{G1}/A1", "", headers) == 401
    assert fleet.wire.code("GET", "/provision/manage/share/g1/guest") == 404
    assert fleet.see("A1") == "notactivated"
    assert status(fleet.wire.activate("A1")) == 200


# ---------------------------------------------------------------- tokens


def test_a_token_from_its_making_to_its_end(fleet: Fleet) -> None:
    for list_, verb in ((TOKENS, "delete"), (TOKENS.removesuffix("/"), "remove")):
        made = fleet.wire.ask("POST", list_, "id=line+4", cik(fleet))
        assert b"\r\nContent-Length: 40\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" in made
        token = body(made)
        assert len(token) == 40 and not set(token) - set(b"0123456789abcdef")
        assert fleet.wire.code("POST", list_, "id=line+4", cik(fleet)) == 409
        listed = fleet.wire.ask("GET", list_, "", cik(fleet))
        assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n\r\nstation\r\nline 4\r\n" in listed
        assert body(fleet.wire.ask("GET", TOKENS + "line%204", "", cik(fleet))) == token
        with fleet.connect() as wire:
            headers = {"X-Exosite-Token": token.decode()}
            assert wire.code("GET", G1, "", headers) == 200
            assert fleet.wire.code("POST", list_, f"{verb}=true&id=line+4", cik(fleet)) == 205
            assert wire.code("GET", G1, "", headers) == 401  # at once, on a connection that it opened
        assert fleet.wire.code("GET", TOKENS + "line%204", "", cik(fleet)) == 404
    assert fleet.wire.code("GET", G1) == 200


def test_m63_deletes_one_token_of_one_vendor(fleet: Fleet) -> None:
    other = init(fleet.database, "other")
    assert fleet.wire.code("DELETE", TOKENS + "station", "", cik(fleet)) == 205
    assert fleet.wire.code("DELETE", TOKENS + "station", "", cik(fleet)) == 404
    assert fleet.wire.code("GET", G1) == 401
    assert fleet.wire.code("GET", MODELS, "", {"X-Exosite-Token": other.token}) == 200
    empty = fleet.wire.ask("GET", TOKENS, "", cik(fleet))
    assert status(empty) == 200 and b"\r\nContent-Length: 0\r\n" in empty


def test_what_the_tokens_refuse(fleet: Fleet) -> None:
    long = "t" * 129
    for method, path, form, code in [
        ("POST", TOKENS, "", 400),
        ("POST", TOKENS, "id=", 400),
        ("POST", TOKENS, "id=a&id=b", 400),
        ("POST", TOKENS, "id=a%2Cb", 400),
        ("POST", TOKENS, "id=a%0D%0Ab", 400),
        ("POST", TOKENS, "id=..", 400),
        ("POST", TOKENS, f"id={long}", 413),
        ("POST", TOKENS, "delete=true", 400),
        ("POST", TOKENS, "delete=true&id=nope", 404),
        ("POST", TOKENS, f"delete=true&id={long}", 404),
        ("GET", TOKENS + "nope", "", 404),
        ("DELETE", TOKENS + "nope", "", 404),
        ("GET", TOKENS + "station/", "", 404),
        ("DELETE", TOKENS, "", 405),
        ("PUT", TOKENS + "station", "", 405),
    ]:
        assert fleet.wire.code(method, path, form, cik(fleet)) == code, (method, path, form)
    assert fleet.sql("SELECT name FROM tokens") == [("station",)]
    assert fleet.wire.code("POST", TOKENS, f"id={long[1:]}", cik(fleet)) == 200


def test_no_token_is_logged(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = body(fleet.wire.ask("POST", TOKENS, "id=a", cik(fleet))).decode()
    assert fleet.wire.code("DELETE", TOKENS + "a", "", cik(fleet)) == 205
    assert token not in caplog.text and fleet.grant.vendor_cik not in caplog.text


# ---------------------------------------------------------------- neighbours


def test_u1_is_the_address_in_octets(fleet: Fleet) -> None:
    reply = fleet.wire.ask("GET", "/ip", headers={})
    high, low = divmod(fleet.wire.socket.getsockname()[1], 256)
    assert body(reply) == f"127,0,0,1,{high},{low}".encode()
    assert b"\r\nContent-Type: text/plain; charset=utf-8\r\n" in reply
    assert fleet.wire.code("POST", "/ip", "", {}) == 405


def test_u1_behind_a_proxy(tmp_path: Path) -> None:
    with serving(tmp_path / "fleet.db", Options(behind_proxy=True)) as fleet:
        for given, octets in [
            ("198.51.100.1, 192.0.2.7", b"192,0,2,7,"),
            ("::ffff:192.0.2.7", b"192,0,2,7,"),
            ("2001:db8::7", b"32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,7,"),
            ("nobody", b"127,0,0,1,"),
        ]:
            assert body(fleet.wire.ask("GET", "/ip", headers={"X-Forwarded-For": given})).startswith(octets), given


def test_u2_is_the_time(fleet: Fleet) -> None:
    before = int(time.time())
    reply = fleet.wire.ask("GET", "/timestamp", headers={})
    assert before <= int(body(reply)) <= time.time()
    assert body(reply).isdigit() and b"\r\nContent-Type: text/plain; charset=utf-8\r\n" in reply


def test_the_neighbours_answer_who_has_no_headers_at_all(fleet: Fleet) -> None:
    address = ("127.0.0.1", int(fleet.server.url.rsplit(":", 1)[1]))
    with socket.create_connection(address, timeout=20) as bare:
        bare.sendall(b"GET /timestamp HTTP/1.0\r\n\r\n")
        assert bare.recv(999).startswith(b"HTTP/1.1 200 OK\r\n")
        assert bare.recv(1) == b""
