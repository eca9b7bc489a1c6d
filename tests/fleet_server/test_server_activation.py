"""What a board asks for: D1; and what an ordinary HTTP client sees."""

from __future__ import annotations

import http.client

from fleet_wire import G1, Fleet, status


def test_d1_says_only_404_or_409(fleet: Fleet) -> None:
    fleet.add("A1")
    for reply, line in [
        (fleet.wire.activate("A1"), b"409 Conflict"),
        (fleet.wire.activate("A2"), b"404 Not Found"),
        (fleet.wire.activate("A1", model="g2"), b"404 Not Found"),
        (fleet.wire.activate("A1", vendor="nobody"), b"404 Not Found"),
    ]:
        assert reply.startswith(b"HTTP/1.1 " + line) and b"X-Error" not in reply
    for form in ("", "vendor=acme&model=g1", "vendor=acme&model=g1&sn=", "vendor=acme&model=g1&sn=A1&sn=A2"):
        assert fleet.wire.code("POST", "/provision/activate", form, {}) == 400
    big = "vendor=acme&model=g1&sn=A1&x=" + "x" * 4096
    assert fleet.wire.code("POST", "/provision/activate", big, {}) == 413
    assert fleet.wire.code("GET", "/provision/activate", "", {}) == 405


def test_successful_activations_are_logged_as_they_were_asked(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.wire.activate("A1")
    fleet.enable("A1")
    entry = "osv=1&sn=A%31&model=g1&vendor=acme"
    assert fleet.wire.code("POST", "/provision/activate", entry, {}) == 200
    assert fleet.wire.code("POST", "/provision/activate", entry, {}) == 409
    assert fleet.sql("SELECT sn, peer, entry FROM activations") == [("A1", "127.0.0.1", entry)]


def test_an_ordinary_http_client_does_not_wait_behind_a_205(fleet: Fleet) -> None:
    connection = http.client.HTTPConnection(fleet.server.url.removeprefix("http://"), timeout=20)
    try:
        for sn, code in (("A1", 205), ("A1", 409), ("A2", 205)):
            connection.request("POST", G1 + "/", f"sn={sn}", {"X-Exosite-Token": fleet.grant.token})
            reply = connection.getresponse()
            assert (reply.status, len(reply.read())) == (code, 0 if code == 205 else 23)
        connection.request("GET", G1 + "/A2", headers={"X-Exosite-Token": fleet.grant.token})
        assert connection.getresponse().status == 204
    finally:
        connection.close()
    assert status(fleet.wire.ask("GET", G1)) == 200
