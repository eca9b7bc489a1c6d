"""Models: M26 and M28 to M32."""

from __future__ import annotations

import pytest
from fleet_wire import G1, MODELS, Fleet, body

from station.fleet.server import init

WRONG = "0" * 40


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
    fleet.sql("INSERT INTO codes(code, client) SELECT ?, id FROM clients WHERE rid = ?", code, fleet.grant.template_rid)
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
        (f"model=g1&delete=true&rid={rid}", 400),
    ]:
        assert fleet.wire.code("POST", MODELS, form) == code, form
    assert fleet.sql("SELECT name FROM models") == [("g1",)]
    assert fleet.wire.code("GET", MODELS + "m") == 404


def test_m26_lists_what_the_vendor_has_in_the_order_of_creation(fleet: Fleet) -> None:
    init(fleet.database, "other", ["theirs"])
    for name in ("m2", "m1", "a b"):
        assert fleet.wire.code("POST", MODELS, f"model={name}&rid={fleet.grant.template_rid}") == 205
    reply = fleet.wire.ask("GET", MODELS)
    assert body(reply) == b"g1\r\nm2\r\nm1\r\na b\r\n"
    assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n" in reply
    assert fleet.wire.code("GET", MODELS + "?show=everything") == 400
    for name in ("g1", "m2", "m1", "a%20b"):
        assert fleet.wire.code("DELETE", MODELS + name) == 205
    assert b"\r\nContent-Length: 0\r\n" in (reply := fleet.wire.ask("GET", MODELS))
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")


def test_m31_replaces_the_template_and_the_whole_option_set(fleet: Fleet) -> None:
    rid, code = fleet.grant.template_rid, "c" * 40
    fleet.sql("INSERT INTO codes(code, client) SELECT ?, id FROM clients WHERE rid = ?", code, rid)
    for form, shown in [
        (f"rid={rid}&options[]=noaliases", f"rid={rid}&options[]=noaliases"),
        (f"rid={fleet.grant.owner_rid}&options=nohistorical", f"rid={fleet.grant.owner_rid}&options[]=nohistorical"),
        (
            f"code={code}&options[]=nocomments&options[]=noaliases",
            f"code={code}&options[]=noaliases&options[]=nocomments",
        ),
        (f"code={code}&options[]=", f"code={code}"),
        (f"rid={rid}", f"rid={rid}"),
    ]:
        assert fleet.wire.code("PUT", G1, form) == 205, form
        assert body(fleet.wire.ask("GET", G1)) == shown.encode()


def test_what_m31_refuses(fleet: Fleet) -> None:
    rid = fleet.grant.template_rid
    assert fleet.wire.code("PUT", G1, f"rid={rid}&options[]=noaliases") == 205
    before = body(fleet.wire.ask("GET", G1))
    foreign = init(fleet.database, "other").template_rid
    for path, form, code in [
        (G1, "", 400),
        (G1, "options[]=noaliases", 400),
        (G1, f"rid={rid}&code={rid}", 400),
        (G1, "rid=abc", 400),
        (G1, f"rid={rid}&options[]=nothing", 400),
        (G1, f"rid={WRONG}", 404),
        (G1, f"rid={foreign}", 404),
        (G1, f"code={WRONG}", 404),
        (MODELS + "nope", f"rid={rid}", 404),
    ]:
        assert fleet.wire.code("PUT", path, form) == code, form
    assert body(fleet.wire.ask("GET", G1)) == before


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("POST", MODELS, "delete=true&model=g1"),
        ("POST", MODELS, "remove=true&model=g1"),
        ("DELETE", G1, ""),
        ("DELETE", G1, "delete=true&model=g1&confirm=true"),
    ],
)
def test_a_model_goes_with_all_that_is_its_own(fleet: Fleet, method: str, path: str, form: str) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    assert fleet.wire.code("POST", MODELS + "g2/", "sn=kept") == 205
    for sn in ("unused", "waiting", "live"):
        fleet.add(sn)
    rids = [fleet.enable("waiting"), fleet.enable("live")]
    key = body(fleet.wire.activate("live")).decode()
    ranges = '{"ranges":[{"format":"base10","first":1,"last":2}]}'
    assert fleet.wire.code("POST", G1 + "/", ranges) == 205
    for statement in (
        "INSERT INTO contents(model, name, meta, protected, updated) VALUES (1, 'c', '', 0, 0)",
        "INSERT INTO groups(model, name, meta) VALUES (1, 'g', '')",
        "INSERT INTO members(\"group\", type, member, expire, meta) VALUES (1, 'sn', 'live', 0, '')",
        "INSERT INTO shares(model, vendor) VALUES (1, 1)",
    ):
        fleet.sql(statement)
    assert fleet.wire.code(method, path, form) == 205
    for table in ("activations", "ranges", "contents", "groups", "members", "shares"):
        assert fleet.sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert fleet.sql("SELECT sn FROM serials") == [("kept",)]
    assert fleet.sql("SELECT model, count FROM blocks") == [(2, 1)]
    assert fleet.sql("SELECT name FROM models") == [("g2",)]
    for rid in rids:
        assert fleet.sql("SELECT phase, open_until FROM clients WHERE rid = ?", rid) == [("expired", None)]
    assert fleet.wire.code("GET", MODELS, "", {"X-Exosite-CIK": key}) == 401
    assert fleet.wire.code("GET", G1) == fleet.wire.code("GET", G1 + "/") == 404
    assert fleet.wire.activate("live").startswith(b"HTTP/1.1 404 ")
    assert fleet.wire.code(method, path, form) == 404
    assert fleet.wire.code("POST", MODELS, f"model=g1&rid={fleet.grant.template_rid}") == 205
    assert fleet.see("live") == "404"


def test_what_m29_refuses(fleet: Fleet) -> None:
    for form, code in [
        ("delete=true", 400),
        ("delete=true&model=", 400),
        ("delete=true&model=g1&model=g2", 400),
        (f"delete=true&model=g1&rid={fleet.grant.template_rid}", 400),
        ("delete=true&model=nope", 404),
        ("delete=yes&model=g1", 400),
    ]:
        assert fleet.wire.code("POST", MODELS, form) == code, form
    assert fleet.wire.code("GET", G1) == 200
