"""Models, serial numbers and devices: what each procedure takes, returns and refuses."""

from __future__ import annotations

import http.client
import time

import pytest
from fleet_wire import G1, MODELS, Fleet, body, status

from station.fleet.server import init

WRONG = "0" * 40


# ---------------------------------------------------------------- models


@pytest.mark.parametrize(
    "options", ["options[]=nohistorical&options[]=noaliases", "options%5B%5D=noaliases&options=nohistorical"]
)
def test_m28_then_m30_gives_back_what_was_created(fleet: Fleet, options: str) -> None:
    rid = fleet.grant.template_rid
    assert fleet.wire.code("POST", MODELS, f"model=testing%2B14&rid={rid.upper()}&{options}") == 205
    assert body(fleet.wire.ask("GET", MODELS + "testing+14")) == (
        f"rid={rid}&options[]=noaliases&options[]=nohistorical".encode()
    )
    reply = fleet.wire.ask("GET", G1)
    assert body(reply) == f"rid={rid}".encode()
    assert b"\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" in reply


def test_a_model_from_a_share_code(fleet: Fleet) -> None:
    code = "c" * 40
    assert fleet.wire.code("POST", MODELS, f"model=m&code={code}") == 404
    fleet.sql("INSERT INTO codes SELECT ?, id FROM clients WHERE rid = ?", code, fleet.grant.template_rid)
    assert fleet.wire.code("POST", MODELS, f"model=m&code={code}") == 205
    assert body(fleet.wire.ask("GET", MODELS + "m")) == f"code={code}".encode()


def test_what_m28_refuses(fleet: Fleet) -> None:
    rid = fleet.grant.template_rid
    foreign = init(fleet.database, "other").template_rid
    for form, code in [
        (f"model=g1&rid={rid}", 409),
        (f"rid={rid}", 400),
        ("model=m", 400),
        (f"model=m&rid={rid}&code={rid}", 400),
        ("model=m&rid=abc", 400),
        ("model=m&code=abc", 400),
        (f"model=m&rid={rid}&options[]=nothing", 400),
        (f"model=m&model=n&rid={rid}", 400),
        (f"model=a/b&rid={rid}", 400),
        (f"model=..&rid={rid}", 400),
        (f"model=a%0Ab&rid={rid}", 400),
        (f"model=%FF&rid={rid}", 400),
        (f"model={'m' * 65}&rid={rid}", 413),
        (f"model=m&rid={WRONG}", 404),
        (f"model=m&rid={foreign}", 404),
        (f"model=g1&delete=true&rid={rid}", 501),
    ]:
        assert fleet.wire.code("POST", MODELS, form) == code, form
    assert fleet.sql("SELECT name FROM models") == [("g1",)]
    assert fleet.wire.code("GET", MODELS + "m") == 404


# ---------------------------------------------------------------- serial numbers


def test_m35_keeps_extra_and_m43_quotes_it(fleet: Fleet) -> None:
    fleet.add("A1", 'st%3D7;hw%3Dab, "x"%0D%0Ay')
    rid = fleet.enable("A1")
    reply = fleet.wire.ask("GET", f"{G1}/A1")
    assert body(reply) == f'notactivated,{rid},"st=7;hw=ab, ""x""\r\ny"'.encode()
    assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n" in reply


@pytest.mark.parametrize("header", [{}, {"Content-Type": "text/csv"}, {"content-type": "multipart/form-data"}])
def test_a_form_is_a_form_whatever_its_type(fleet: Fleet, header: dict[str, str]) -> None:
    headers = {"X-Exosite-Token": fleet.grant.token, **header}
    assert fleet.wire.code("POST", G1 + "/", "add=true&sn=A1&extra=This is text", headers) == 205
    assert fleet.sql("SELECT sn, extra FROM serials") == [("A1", "This is text")]


def test_what_m35_refuses(fleet: Fleet) -> None:
    long = "x" * 1025
    for form, code in [
        ("", 400),
        ("sn=", 400),
        ("sn=a&sn=b", 400),
        ("sn=a b", 400),
        ("sn=a+b", 400),
        ("sn=a,b", 400),
        ("sn=a%2Fb", 400),
        ("sn=a%23b", 400),
        ("sn=a%3Fb", 400),
        ("sn=%22", 400),
        ("sn=a%00", 400),
        ("sn=a%0D%0Ab", 400),
        ("sn=..", 400),
        ("sn=%ff", 400),
        (b"sn=\xff", 400),
        (f"sn={'s' * 129}", 413),
        (f"sn=a&extra={long}", 413),
        ("sn=a&delete=true", 501),
        ("sn=a&remove=true", 501),
        ("sn[]=a&sn=b", 501),
    ]:
        assert fleet.wire.code("POST", G1 + "/", form) == code, form
    assert fleet.wire.code("POST", MODELS + "nope/", "sn=a") == 404
    assert fleet.sql("SELECT count(*) FROM serials") == [(0,)]
    assert fleet.wire.code("POST", G1 + "/", f"sn={'s' * 128}&extra={long[1:]}") == 205


@pytest.mark.parametrize(
    ("kind", "lists"),
    [
        ("text/csv", "A1,extra\r\nA2,\r\n"),
        ("text/csv; charset=utf-8", "A1"),
        ("application/javascript", '{"ranges": []}'),
        ("application/json; charset=utf-8", '{"ranges": [{"format": "base10", "first": 1, "last": 2}]}'),
        (None, ' {"ranges": []}'),
        (None, "A1\nA2\n"),
    ],
)
def test_lists_of_many_are_not_served_yet(fleet: Fleet, kind: str | None, lists: str) -> None:
    headers = {"X-Exosite-Token": fleet.grant.token} | ({"Content-Type": kind} if kind else {})
    assert fleet.wire.code("POST", G1 + "/", lists, headers) == 501
    assert fleet.sql("SELECT count(*) FROM serials") == [(0,)]


def test_a_form_without_a_serial_number_is_a_bad_form(fleet: Fleet) -> None:
    headers = {"X-Exosite-Token": fleet.grant.token, "Content-Type": "application/x-www-form-urlencoded"}
    assert fleet.wire.code("POST", G1 + "/", "A1", headers) == 400
    assert fleet.wire.code("POST", G1 + "/", "extra=A1") == 400


def test_a_serial_number_is_unique_in_its_model_only_and_case_counts(fleet: Fleet) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    fleet.add("A1")
    fleet.add("a1")
    assert fleet.wire.code("POST", MODELS + "g2/", "sn=A1") == 205
    assert fleet.wire.code("POST", MODELS + "g2/", "sn=A1") == 409


def test_m33_pages_in_the_order_of_listing(fleet: Fleet) -> None:
    for n in (9, 3, 7, 1, 8, 2, 6):
        fleet.add(f"N{n}", f"e{n}")
    path = G1 + "/"

    def page(query: str) -> list[str]:
        lines = body(fleet.wire.ask("GET", path + query)).decode().split("\r\n")
        assert lines.pop() == ""  # the last line is ended too
        return lines

    everything = ["N9,,e9", "N3,,e3", "N7,,e7", "N1,,e1", "N8,,e8", "N2,,e2", "N6,,e6"]
    assert page("") == page("?") == page("?limit=1") == page("?limit=0") == everything[:5]
    assert page("?offset=0&limit=1000") == page("?offset=0&limit=99999999999") == everything
    assert page("?limit=6") + page("?offset=6&limit=6") == everything
    for query in ("?limit=x", "?offset=-1", "?offset=", "?limit=%D9%A1", "?offset=" + "9" * 30, "?limit=5&limit=6"):
        assert fleet.wire.code("GET", path + query) == 400, query
    assert fleet.wire.code("GET", path + "?show=ranges") == 501
    assert fleet.wire.code("GET", path + "?shared=other") == 501
    assert fleet.wire.code("GET", MODELS + "nope/") == 404


def test_m33_with_status(fleet: Fleet) -> None:
    rids = {}
    for sn in ("unused", "waiting", "live", "lapsed", "off", "orphan"):
        fleet.add(sn)
        rids[sn] = "" if sn == "unused" else fleet.enable(sn)
    fleet.wire.activate("live")
    fleet.lapse(rids["lapsed"])
    fleet.wire.ask("POST", f"{G1}/off", "disable=true")
    fleet.drop(rids["orphan"])
    words = {"waiting": "notactivated", "live": "activated", "lapsed": "expired", "off": "expired"}
    lines = [f"{sn},{words.get(sn, '')},{rid},\r\n" for sn, rid in rids.items()]
    assert body(fleet.wire.ask("GET", G1 + "/?status=true&limit=10")).decode() == "".join(lines)


def test_an_empty_list_is_a_200_of_length_0(fleet: Fleet) -> None:
    assert b"HTTP/1.1 200 OK" in (reply := fleet.wire.ask("GET", G1 + "/?offset=0&limit=1000"))
    assert b"\r\nContent-Length: 0\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n" in reply


def test_what_the_calls_on_one_serial_number_refuse(fleet: Fleet) -> None:
    owner = fleet.grant.owner_rid
    foreign = init(fleet.database, "other").owner_rid
    fleet.add("A1")
    for form, code in [
        ("", 400),
        ("enable=yes", 400),
        ("enable=true&disable=true", 400),
        ("enable=true&owner=", 400),
        ("enable=true&owner=abc", 400),
        (f"enable=true&owner={owner}&owner={owner}", 400),
        (f"enable=true&owner={owner}&oldsn=B1", 400),
        ("enable=true&oldsn=B1", 501),
        (f"enable=true&owner={WRONG}", 403),
        (f"enable=true&owner={foreign}", 403),
    ]:
        assert fleet.wire.code("POST", f"{G1}/A1", form) == code, form
    assert fleet.see("A1") == "204"
    assert fleet.wire.code("GET", f"{G1}/A1?show=log") == 501
    assert fleet.wire.code("POST", f"{MODELS}nope/A1", "disable=true") == 404


def test_an_empty_owner_regenerates_nothing(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.enable("A1")
    fleet.wire.activate("A1")
    before = fleet.sql("SELECT cik, phase FROM clients")
    assert fleet.wire.code("POST", f"{G1}/A1", "enable=true&owner=") == 400
    assert fleet.sql("SELECT cik, phase FROM clients") == before


def test_enable_makes_one_client_right_below_the_owner(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    assert fleet.sql(
        "SELECT owner.rid, c.phase FROM clients c JOIN clients owner ON owner.id = c.parent WHERE c.rid = ?", rid
    ) == [(fleet.grant.owner_rid, "notactivated")]
    creator = fleet.sql("SELECT rid FROM clients WHERE parent IS NULL")[0][0]
    for sn, owner in (("A2", rid), ("A3", creator), ("A4", fleet.grant.owner_rid.upper())):
        fleet.add(sn)
        assert fleet.wire.code("POST", f"{G1}/{sn}", f"enable=true&owner={owner}") == 200


def test_a_new_key_each_time_and_the_same_rid(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    keys = [body(fleet.wire.activate("A1"))]
    assert fleet.wire.code("POST", f"{G1}/A1", "enable=true") == 205
    keys.append(body(fleet.wire.activate("A1")))
    assert fleet.wire.code("POST", f"{G1}/A1", "disable=true") == 205
    assert fleet.wire.code("POST", f"{G1}/A1", "enable=true") == 205
    keys.append(body(fleet.wire.activate("A1")))
    assert len({*keys}) == 3 and all(len(key) == 40 for key in keys)
    assert body(fleet.wire.ask("GET", f"{G1}/A1")) == f"activated,{rid},".encode()


def test_the_key_of_d1_is_the_one_made_by_m46(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    made = fleet.sql("SELECT cik FROM clients WHERE rid = ?", rid)[0][0]
    assert body(fleet.wire.activate("A1")).decode() == made


def test_delete_detaches_the_client_and_kills_its_key(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    key = body(fleet.wire.activate("A1")).decode()
    assert fleet.wire.code("DELETE", f"{G1}/A1") == 205
    assert fleet.sql("SELECT phase FROM clients WHERE rid = ?", rid) == [("expired",)]
    assert fleet.wire.code("GET", G1, "", {"X-Exosite-CIK": key}) == 401
    fleet.add("A1")
    assert fleet.see("A1") == "204"
    assert fleet.enable("A1") != rid


@pytest.mark.parametrize(("setting", "window_s"), [(None, 86400), (60, 60)])
def test_the_window_is_a_day_unless_the_model_says_otherwise(fleet: Fleet, setting: int | None, window_s: int) -> None:
    fleet.sql("UPDATE models SET window_s = ?", setting)
    fleet.add("A1")
    for act in (lambda: fleet.enable("A1"), lambda: fleet.wire.ask("POST", f"{G1}/A1", "enable=true")):
        before = time.time_ns() // 1000
        act()
        after = time.time_ns() // 1000
        ((end,),) = fleet.sql("SELECT open_until FROM clients WHERE open_until IS NOT NULL")
        assert isinstance(end, int)
        assert before <= end - window_s * 1_000_000 <= after


# ---------------------------------------------------------------- devices


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
