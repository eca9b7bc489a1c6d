"""Remote procedure calls (U3): the message, and what clients may do to each other."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

import pytest
from fleet_wire import G1, MODELS, Fleet, body, status

from station.fleet.server import init

PATH = "/onep:v1/rpc/process"
SELF = {"alias": ""}
WRONG = "0" * 40
HEX = re.compile(r"[0-9a-f]{40}")
UNAUTHORIZED = {"error": {"code": 401, "message": "Authorization failed", "context": "auth"}}


def send(fleet: Fleet, message: object, path: str = PATH) -> Any:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    reply = fleet.wire.ask("POST", path, data, {})
    assert status(reply) == 200, reply
    while len(body(reply)) < int(reply.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]):
        reply += fleet.wire.socket.recv(1 << 20)
    return json.loads(body(reply))


def do(fleet: Fleet, procedure: str, *arguments: object, auth: Mapping[str, object] | None = None) -> Any:
    """Call as the vendor's client, unless ``auth`` is given; the result, or the word for its absence."""
    calls = [{"id": 7, "procedure": procedure, "arguments": arguments}]
    (answer,) = send(fleet, {"auth": auth or {"cik": fleet.grant.vendor_cik}, "calls": calls})
    assert answer.pop("id") == 7
    if answer["status"] == "fail":
        context = answer["error"]["context"]
        assert answer == {"status": "fail", "error": {"code": 501, "message": "Not supported", "context": context}}
        return context
    if answer["status"] != "ok":
        return answer.pop("status") if len(answer) == 1 else answer
    return answer.get("result", "ok")


def top(fleet: Fleet) -> str:
    return str(fleet.sql("SELECT rid FROM clients WHERE parent IS NULL ORDER BY id LIMIT 1")[0][0])


def key(fleet: Fleet, rid: str) -> str:
    return str(fleet.sql("SELECT cik FROM clients WHERE rid = ?", rid)[0][0])


def device(fleet: Fleet, sn: str) -> tuple[str, str]:
    """RID and key of an activated device."""
    fleet.add(sn)
    rid = fleet.enable(sn)
    return rid, body(fleet.wire.activate(sn)).decode()


# ---------------------------------------------------------------- the message


@pytest.mark.parametrize("path", [PATH, "/api:v1/rpc/process"])
def test_the_answer_to_the_byte(fleet: Fleet, path: str) -> None:
    message = '{"auth": {"cik": "%s"}, "calls": [{"id": 0, "procedure": "lookup", "arguments": ["alias", ""]}]}'
    reply = fleet.wire.ask("POST", path, message % fleet.grant.vendor_cik, {})
    assert body(reply) == f'[{{"id":0,"status":"ok","result":"{top(fleet)}"}}]'.encode()
    assert b"\r\nContent-Type: application/json; charset=utf-8\r\n" in reply


def test_calls_are_done_in_order_and_one_that_fails_undoes_no_other(fleet: Fleet) -> None:
    calls: list[dict[str, object]] = [
        {"id": "a", "procedure": "create", "arguments": ["client", {"name": "first"}]},
        {"id": 1.5, "procedure": "update", "arguments": [SELF, {"name": "self"}]},
        {"procedure": "create", "arguments": ["client", {"name": "second"}]},
        {"id": 9, "procedure": "create", "arguments": ["client", {"name": "third", "locked": "perhaps"}]},
        {"id": 10, "procedure": "listing", "arguments": [["client"], {}]},
    ]
    answers = send(fleet, {"auth": {"cik": fleet.grant.vendor_cik}, "calls": calls})
    assert [(answer["id"], answer["status"]) for answer in answers] == [
        ("a", "ok"),
        (1.5, "restricted"),
        (9, "invalid"),
        (10, "ok"),
    ]
    assert fleet.sql("SELECT name FROM clients ORDER BY id") == [
        ("acme",),
        ("template",),
        ("portal",),
        ("first",),
        ("second",),
    ]
    assert answers[-1]["result"]["client"][-2] == answers[0]["result"]


@pytest.mark.parametrize(
    ("message", "code", "context"),
    [
        (b"", -1, ""),
        (b"{", -1, ""),
        (b"\xff\xfe", -1, ""),
        (b"[" * 100_000, -1, ""),
        (b'{"calls": ' + b"9" * 5000 + b"}", -1, ""),
        (b"null", 400, "calls"),
        (b"[]", 400, "calls"),
        ({"calls": {}}, 400, "calls"),
        ({"calls": [1]}, 400, "calls"),
        ({"calls": [{"id": True}]}, 400, "calls"),
        ({"calls": [{"id": None}]}, 400, "calls"),
        ({"calls": [{"id": "x" * 41}]}, 400, "calls"),
        (b'{"calls": [{"id": 1e999}]}', 400, "calls"),
        ({"calls": [{}] * 101}, 400, "calls"),
        ({"calls": []}, 400, "auth"),
        ({"calls": [], "auth": []}, 400, "auth"),
        ({"calls": [], "auth": {"token": WRONG}}, 400, "auth"),
        ({"calls": [], "auth": {"cik": 1}}, 400, "auth"),
    ],
)
def test_what_can_not_be_read_is_one_error(fleet: Fleet, message: object, code: int, context: str) -> None:
    error = send(fleet, message)["error"]
    assert (error["code"], error["context"]) == (code, context)
    assert fleet.wire.code("GET", G1) == 200


def test_a_body_over_256_kib_is_413(fleet: Fleet) -> None:
    message = json.dumps({"auth": {"cik": fleet.grant.vendor_cik}, "calls": []}).encode()
    assert fleet.wire.code("POST", PATH, message.ljust(256 * 1024), {}) == 200
    assert fleet.wire.code("POST", PATH, message.ljust(256 * 1024 + 1), {}) == 413
    assert fleet.wire.code("GET", PATH, "", {}) == 405


def test_who_is_not_let_in(fleet: Fleet) -> None:
    foreign = init(fleet.database, "other")
    fleet.add("A1")
    waiting = key(fleet, fleet.enable("A1"))
    cik, portal = fleet.grant.vendor_cik, key(fleet, fleet.grant.owner_rid)
    for auth in [
        {"cik": ""},
        {"cik": WRONG},
        {"cik": fleet.grant.token},
        {"cik": waiting},
        {"cik": cik, "client_id": WRONG},
        {"cik": cik, "client_id": foreign.owner_rid},
        {"cik": cik, "client_id": 5},
        {"cik": portal, "client_id": top(fleet)},
        {"cik": portal, "resource_id": fleet.grant.owner_rid},
    ]:
        assert send(fleet, {"auth": auth, "calls": [{"id": 1}]}) == UNAUTHORIZED, auth


def test_a_client_acts_as_one_below_it(fleet: Fleet) -> None:
    cik, owner = fleet.grant.vendor_cik, fleet.grant.owner_rid
    rid, _ = device(fleet, "A1")
    for auth, seen in [
        ({"cik": cik.upper(), "client_id": owner}, owner),
        ({"cik": cik, "resource_id": rid}, owner),
        ({"cik": cik, "client_id": top(fleet)}, top(fleet)),
    ]:
        assert do(fleet, "lookup", "alias", "", auth=auth) == seen
    # What it does then reaches no further than that client does.
    assert do(fleet, "info", fleet.grant.template_rid, auth={"cik": cik, "client_id": owner}) == "restricted"


def test_what_is_no_procedure_or_has_no_such_arguments(fleet: Fleet) -> None:
    unfit: list[list[object]] = [
        [],
        [None],
        [[]] * 5,
        [{}, {}, {}],
        [1, "client", 2],
        ["dataport", {}],
        [SELF, "x", ""],
    ]
    broken: list[dict[str, object]] = [{"procedure": 1, "arguments": []}, {"arguments": []}, {"procedure": "info"}]
    for procedure in ("read", "", "__init__"):
        assert do(fleet, procedure) == "procedure"
    for procedure in ("lookup", "info", "listing", "create", "update", "drop", "share", "revoke", "activate"):
        for arguments in unfit:
            assert do(fleet, procedure, *arguments) in ("arguments", "invalid"), (procedure, arguments)
    auth = {"cik": fleet.grant.vendor_cik}
    for call in broken:
        (answer,) = send(fleet, {"auth": auth, "calls": [{"id": 1, **call}]})
        assert answer["status"] == "fail" and answer["error"]["context"] in ("procedure", "arguments")
    assert fleet.sql("SELECT count(*) FROM clients") == [(3,)]


# ---------------------------------------------------------------- looking


def test_lookup(fleet: Fleet) -> None:
    owner, template = fleet.grant.owner_rid, fleet.grant.template_rid
    rid, cik = device(fleet, "A1")
    code = do(fleet, "share", template)
    asked: list[tuple[list[object], str]] = [
        (["alias", ""], top(fleet)),
        ([SELF, "alias", ""], top(fleet)),
        ([owner, "alias", ""], owner),
        (["alias", "temperature"], "invalid"),
        (["owner", rid], owner),
        ([SELF, "owner", rid.upper()], owner),
        (["owner", SELF], "restricted"),
        (["owner", WRONG], "restricted"),
        (["owner", "abc"], "invalid"),
        (["shared", code], template),
        (["shared", WRONG], "invalid"),
    ]
    for arguments, result in asked:
        assert do(fleet, "lookup", *arguments) == result, arguments
    assert do(fleet, "lookup", "alias", "", auth={"cik": cik}) == rid


def test_info(fleet: Fleet) -> None:
    rid, cik = device(fleet, "A1")
    code = do(fleet, "share", rid, {"meta": '["acme", "g1"]'})
    assert do(fleet, "info", rid, {}) == {
        "aliases": {},
        "basic": {"status": "activated", "subscribers": 0, "type": "client"},
        "counts": {"client": 0},
        "description": {"limits": {"client": "inherit"}, "locked": False, "meta": "", "name": "A1", "public": False},
        "key": cik,
        "shares": [{"activator": None, "code": code, "meta": '["acme", "g1"]'}],
        "subscribers": [],
        "tagged": [],
        "tags": [],
        "usage": {"client": 0},
    }
    assert do(fleet, "info", fleet.grant.owner_rid, {"counts": True, "key": False}) == {"counts": {"client": 1}}
    assert do(fleet, "info", SELF, auth={"cik": cik}) == do(fleet, "info", rid)
    fleet.add("A2")
    waiting = fleet.enable("A2")
    assert do(fleet, "info", waiting, {"basic": True})["basic"]["status"] == "notactivated"
    fleet.lapse(waiting)
    assert do(fleet, "info", waiting, {"basic": True})["basic"]["status"] == "expired"


def test_listing_in_all_its_orders(fleet: Fleet) -> None:
    owner = fleet.grant.owner_rid
    rids = [device(fleet, sn)[0] for sn in ("A1", "A2")]
    asked = ["client", "dataport"]
    lists = {"client": rids, "dataport": []}
    assert do(fleet, "listing", owner, asked, {}) == do(fleet, "listing", asked, {"owned": True}, owner) == lists
    assert do(fleet, "listing", owner, asked) == [rids, []]
    assert do(fleet, "listing", ["client"]) == [[fleet.grant.template_rid, owner]]
    assert do(fleet, "listing", ["client"], {"aliased": True}) == {"client": []}
    assert do(fleet, "listing", ["clients"], {}) == do(fleet, "listing", [["client"]], {}) == "error"


# ---------------------------------------------------------------- changing


def test_create_update_and_drop(fleet: Fleet) -> None:
    rid = do(fleet, "create", "client", {"name": "line 4", "limits": {"client": "inherit", "io": 3}, "visibility": "x"})
    assert HEX.fullmatch(rid)
    auth = {"cik": do(fleet, "info", rid, {"key": True})["key"]}
    assert do(fleet, "lookup", "alias", "", auth=auth) == rid  # its key works at once
    below = do(fleet, "create", rid, "client", {})
    assert do(fleet, "update", rid, {"meta": '{"é": "\N{CLOUD}"}', "limits": {"client": 1}}) == "ok"
    assert do(fleet, "info", rid, {"description": True})["description"] == {
        "limits": {"client": 1},
        "locked": False,
        "meta": '{"é": "\N{CLOUD}"}',
        "name": "line 4",
        "public": False,
    }
    assert do(fleet, "drop", rid) == "ok"
    assert do(fleet, "info", rid) == do(fleet, "info", below) == do(fleet, "drop", rid) == "restricted"
    assert send(fleet, {"auth": auth, "calls": []}) == UNAUTHORIZED
    assert fleet.sql("SELECT name FROM clients ORDER BY id") == [("acme",), ("template",), ("portal",)]


def test_what_a_description_may_not_say(fleet: Fleet) -> None:
    before = do(fleet, "info", fleet.grant.owner_rid)
    for given in [
        {"name": 5},
        {"name": "n" * (16 * 1024 + 1)},
        {"meta": None},
        {"meta": "\ud800"},
        {"meta": "a\0b"},
        {"locked": 1},
        {"limits": []},
        {"limits": {"client": -1}},
        {"limits": {"client": True}},
        {"limits": {"client": 1 << 70}},
        {"limits": {"client": "many"}},
        {"name": "new", "limits": {"client": 0.5}},
    ]:
        assert do(fleet, "update", fleet.grant.owner_rid, given) == "invalid", given
    assert do(fleet, "info", fleet.grant.owner_rid) == before


def test_a_clone_has_the_name_and_the_meta(fleet: Fleet) -> None:
    template = fleet.grant.template_rid
    assert do(fleet, "update", template, {"meta": "m"}) == "ok"
    code = do(fleet, "share", template)
    portal = {"cik": key(fleet, fleet.grant.owner_rid)}
    for given, auth in [({"rid": template, "noaliases": True}, None), ({"code": code}, portal)]:
        rid = do(fleet, "create", "clone", given, auth=auth)
        known = do(fleet, "info", rid)
        assert (known["description"]["name"], known["description"]["meta"]) == ("template", "m")
    assert do(fleet, "create", "clone", {"rid": template}, auth=portal) == "restricted"
    assert do(fleet, "create", "clone", {"rid": template, "code": code}) == "arguments"
    assert do(fleet, "create", "clone", {"code": WRONG}) == "invalid"


def test_nobody_reaches_itself_its_parent_or_its_sister(fleet: Fleet) -> None:
    rid, cik = device(fleet, "A1")
    sister, its_key = device(fleet, "A2")
    auth = {"cik": cik}
    code = do(fleet, "share", sister)
    before = fleet.sql("SELECT * FROM clients")
    for other in (sister, fleet.grant.owner_rid, top(fleet), WRONG):
        assert do(fleet, "info", other, auth=auth) == "restricted"
        assert do(fleet, "listing", other, ["client"], {}, auth=auth) == "restricted"
        assert do(fleet, "share", other, auth=auth) == "restricted"
        assert do(fleet, "create", other, "client", {}, auth=auth) == "restricted"
    unchangeable: list[object] = [sister, fleet.grant.owner_rid, top(fleet), WRONG, rid, SELF]
    for it in unchangeable:
        assert do(fleet, "update", it, {"name": "x"}, auth=auth) == "restricted"
        assert do(fleet, "drop", it, auth=auth) == "restricted"
    for secret in (its_key, cik, fleet.grant.vendor_cik):
        assert do(fleet, "revoke", "client", secret, auth=auth) == "noauth"
        assert do(fleet, "activate", "client", secret, auth=auth) == "noauth"
    assert do(fleet, "revoke", "share", code, auth=auth) == "noauth"
    assert do(fleet, "revoke", "client", WRONG, auth=auth) == "invalid"
    assert fleet.sql("SELECT * FROM clients") == before


def test_dropping_a_device_orphans_its_serial_number(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rid, cik = device(fleet, "A1")
    assert do(fleet, "drop", rid) == "ok"
    assert f"client {rid} was dropped" in caplog.text and cik not in caplog.text
    assert fleet.see("A1") == "409"
    assert status(fleet.wire.activate("A1")) == 409
    assert fleet.wire.code("DELETE", f"{G1}/A1") == 205
    fleet.add("A1")
    assert fleet.enable("A1") != rid


def test_who_holds_a_vendor_name_stays(fleet: Fleet) -> None:
    owner = fleet.grant.owner_rid
    below = do(fleet, "create", owner, "client", {})
    headers = {"X-Exosite-CIK": key(fleet, below)}
    assert fleet.wire.code("POST", "/provision/register", "vendor=inner", headers) == 205
    assert do(fleet, "drop", owner) == do(fleet, "drop", below) == "restricted"
    assert fleet.wire.code("POST", "/provision/register", "vendor=inner&delete=true", headers) == 205
    assert do(fleet, "drop", owner) == "ok"


def test_a_share_code_makes_a_model(fleet: Fleet) -> None:
    template = fleet.grant.template_rid
    code = do(fleet, "share", template, {"meta": '["acme", "m"]'})
    assert HEX.fullmatch(code)
    assert fleet.wire.code("POST", MODELS, f"model=m&code={code}") == 205
    assert body(fleet.wire.ask("GET", MODELS + "m")) == f"code={code}".encode()
    assert do(fleet, "share", template, {"code": code, "meta": "other"}) == code
    assert do(fleet, "info", template, {"shares": True})["shares"][0]["meta"] == "other"
    assert do(fleet, "share", fleet.grant.owner_rid, {"code": code}) == "invalid"
    assert do(fleet, "share", template, {"meta": 5}) == "invalid"
    assert do(fleet, "revoke", "share", code) == "ok"
    assert do(fleet, "revoke", "share", code) == do(fleet, "lookup", "shared", code) == "invalid"
    assert fleet.wire.code("POST", MODELS, f"model=n&code={code}") == 404


def test_a_revoked_key_is_replaced(fleet: Fleet) -> None:
    rid, cik = device(fleet, "A1")
    assert do(fleet, "revoke", "client", cik.upper()) == "ok"
    assert send(fleet, {"auth": {"cik": cik}, "calls": []}) == UNAUTHORIZED
    assert fleet.see("A1") == "notactivated"
    fresh = body(fleet.wire.activate("A1")).decode()
    assert fresh != cik
    # Without a serial number there is no D1.
    plain = do(fleet, "create", "client", {})
    assert do(fleet, "revoke", "client", key(fleet, plain)) == "ok"
    auth = {"cik": key(fleet, plain)}
    assert send(fleet, {"auth": auth, "calls": []}) == UNAUTHORIZED
    assert do(fleet, "activate", "client", auth["cik"]) == "ok"
    assert do(fleet, "activate", SELF, "client", auth["cik"]) == "invalid"
    assert do(fleet, "lookup", "alias", "", auth=auth) == plain
    fleet.wire.ask("POST", f"{G1}/A1", "enable=true")
    fleet.lapse(rid)
    assert do(fleet, "activate", "client", key(fleet, rid)) == "invalid"


def test_a_locked_client_is_let_in_nowhere(fleet: Fleet) -> None:
    rid, cik = device(fleet, "A1")
    auth = {"cik": cik}
    download = ("GET", "/provision/download?vendor=acme&model=g1", "", {"X-Exosite-CIK": cik})
    assert fleet.wire.code(*download) == 200
    assert do(fleet, "update", rid, {"locked": True}) == "ok"
    assert do(fleet, "info", rid, {"basic": True})["basic"]["status"] == "locked"
    assert do(fleet, "lookup", "alias", "", auth=auth) == "locked"
    assert fleet.wire.code(*download) == 403
    assert do(fleet, "update", rid, {"locked": False}) == "ok"
    assert do(fleet, "lookup", "alias", "", auth=auth) == rid
    assert fleet.wire.code(*download) == 200


def test_an_owner_without_room_enables_no_device(fleet: Fleet) -> None:
    owner = fleet.grant.owner_rid
    assert do(fleet, "update", owner, {"limits": {"client": 1}}) == "ok"
    for sn in ("A1", "A2"):
        fleet.add(sn)
    fleet.enable("A1")
    assert fleet.wire.code("POST", f"{G1}/A2", f"enable=true&owner={owner}") == 409
    assert fleet.see("A2") == "204"
    assert do(fleet, "create", owner, "client", {}) == "limit"
    assert do(fleet, "update", owner, {"limits": {"client": "inherit"}}) == "ok"
    fleet.enable("A2")


def test_who_is_too_deep_is_out_of_reach(fleet: Fleet) -> None:
    auth = {"cik": fleet.grant.vendor_cik}
    rids = [top(fleet)]
    while HEX.fullmatch(rid := do(fleet, "create", rids[-1], "client", {}, auth=auth)):
        rids.append(rid)
    assert rid == "restricted" and len(rids) == 34
    assert do(fleet, "info", rids[-2], {"counts": True}) == {"counts": {"client": 1}}
    assert do(fleet, "info", rids[-1]) == "restricted"
    assert do(fleet, "drop", rids[1]) == "ok"
    assert fleet.sql("SELECT count(*) FROM clients") == [(3,)]


# ---------------------------------------------------------------- long answers


def crowd(fleet: Fleet, count: int) -> None:
    """Make clients below the vendor's, whose RIDs are numbers."""
    fleet.sql(
        """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           INSERT INTO clients(rid, cik, cik_digest, parent, name, phase)
           SELECT printf('%040d', i), printf('%040d', i), CAST(i AS BLOB),
             (SELECT id FROM clients WHERE cik = ?), '', 'expired' FROM n""",
        count,
        fleet.grant.vendor_cik,
    )


def test_no_call_is_done_behind_four_mebibytes_of_answers(fleet: Fleet) -> None:
    crowd(fleet, 20_000)
    listing: dict[str, object] = {"procedure": "listing", "arguments": [["client"], {}]}
    calls = [{"id": n, **listing} for n in range(3)] + [listing] * 2  # those that nobody sees are work too
    calls += [{"id": n, **listing} for n in range(3, 90)]
    calls.append({"id": 90, "procedure": "create", "arguments": ["client", {"name": "late"}]})
    answers = send(fleet, {"auth": {"cik": fleet.grant.vendor_cik}, "calls": calls})
    assert [len(answer["result"]["client"]) > 20_000 for answer in answers[:3]] == [True] * 3
    assert answers[3:] == [{"id": n, "status": "limit"} for n in range(3, 91)]
    assert fleet.sql("SELECT id FROM clients WHERE name = 'late'") == []


def test_a_listing_has_a_hundred_thousand_clients_at_most(fleet: Fleet) -> None:
    there = len(do(fleet, "listing", ["client"])[0])
    crowd(fleet, 100_000 - there)
    assert len(do(fleet, "listing", ["client"])[0]) == 100_000
    do(fleet, "create", "client", {})
    assert do(fleet, "listing", ["client"]) == "limit"


def test_a_client_has_a_thousand_share_codes_at_most(fleet: Fleet) -> None:
    fleet.sql(
        """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
           INSERT INTO codes(code, client) SELECT printf('%040d', i), (SELECT id FROM clients WHERE cik = ?) FROM n""",
        fleet.grant.vendor_cik,
    )
    code = do(fleet, "share", SELF)
    assert HEX.fullmatch(code) and do(fleet, "share", SELF) == "limit"
    assert do(fleet, "share", SELF, {"code": code, "meta": "another"}) == code
    assert do(fleet, "revoke", "share", code) == "ok" and HEX.fullmatch(do(fleet, "share", SELF))
