"""U1 to U3: what else real clients call on the same host (API document, section 9); raw only."""

from __future__ import annotations

import json
import re
import time

import pytest
from conformance_far_end import WRONG, Scene
from conformance_words import (
    TEXT,
    Answer,
    Ask,
    activation,
    active,
    enabled,
    get,
    lines,
    listed,
    post,
    record,
    refused,
)


def test_u1_tells_the_caller_its_address_in_six_octets(scene: Scene) -> None:
    port = scene.far_end.wire.socket.getsockname()[1]
    scene.expect(get("/ip", who="nobody"), Answer(200, f"127,0,0,1,{port >> 8},{port & 255}", TEXT))


def test_u2_tells_the_time(scene: Scene) -> None:
    before = int(time.time())
    reply = scene.ask(get("/timestamp", who="nobody"))
    scene.check(reply, Answer(200, "$NOW", TEXT), "/timestamp")
    assert before <= int(body(reply)) <= time.time()


def call(scene: Scene, asked: str, path: str = "/onep:v1/rpc/process") -> bytes:
    return scene.ask(Ask("POST", path, asked, "application/json; charset=utf-8", "nobody"))


def body(reply: bytes) -> bytes:
    return reply.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("path", ["/onep:v1/rpc/process", "/api:v1/rpc/process"])
def test_u3_finds_ones_own_rid(scene: Scene, path: str) -> None:
    asked = '{"auth":{"cik":"$vendor_cik"},"calls":[{"id":7,"procedure":"lookup","arguments":["alias",""]}]}'
    reply = call(scene, asked, path)
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    answers = json.loads(body(reply))
    assert [(one["id"], one["status"]) for one in answers] == [(7, "ok")]
    assert re.fullmatch("[0-9a-f]{40}", answers[0]["result"])
    # It is an owner that M46 takes: the creator itself.
    scene.words["self"] = answers[0]["result"]
    scene.do(*listed("A1"))
    scene.expect(post("model/g1/A1", "enable=true&owner=$self"), Answer(200, "$HEX", "text/csv; charset=utf-8"))


def test_u3_says_401_for_a_key_that_does_not_work(scene: Scene) -> None:
    asked = '{"auth":{"cik":"$cik"},"calls":[{"id":1,"procedure":"lookup","arguments":["alias",""]}]}'
    scene.do(*active())
    assert json.loads(body(call(scene, asked))) == [{"id": 1, "status": "ok", "result": scene.words["rid"]}]
    scene.do(post("model/g1/A1", "disable=true"))
    for key in (scene.words["cik"], WRONG):
        scene.words["cik"] = key
        error = json.loads(body(call(scene, asked)))["error"]
        assert (error["code"], error["message"]) == (401, "Authorization failed")


def test_u3_answers_each_call_by_its_id(scene: Scene) -> None:
    calls = [{"id": id, "procedure": "lookup", "arguments": ["alias", ""]} for id in (3, 1, 2)]
    asked = json.dumps(
        {"auth": {"cik": scene.words["vendor_cik"]}, "calls": [*calls, {"id": 9, "procedure": "nothing"}]}
    )
    answers = json.loads(body(call(scene, asked)))
    assert [one["id"] for one in answers] == [3, 1, 2, 9]
    assert [one["status"] == "ok" for one in answers] == [True, True, True, False]


def test_u3_shares_a_template_for_a_model(scene: Scene) -> None:
    code = scene.rpc("cik", "share", "$template", {"meta": '["$vendor", "g2"]'})
    assert code["status"] == "ok" and re.fullmatch("[0-9a-f]{40}", code["result"])
    scene.words["code"] = code["result"]
    scene.do(post("model/", "model=g2&code=$code"), post("model/g2/", "sn=A1"))
    scene.expect(post("model/g2/A1", "enable=true&owner=$owner"), Answer(200, "$HEX", "text/csv; charset=utf-8"))


def test_u3_drops_a_device_whose_number_is_then_an_orphan(scene: Scene) -> None:
    scene.do(*active())
    assert scene.rpc("cik", "drop", "$rid")["status"] == "ok"
    scene.expect(get("model/g1/A1"), refused(409))
    scene.expect(get("/provision/download?vendor=$vendor&model=g1", who="device"), refused(401))


@pytest.mark.parametrize("stage", [enabled(), active()], ids=["waiting", "alive"])
def test_u3_locks_a_device_which_is_then_refused(scene: Scene, stage: tuple[Ask, ...]) -> None:
    scene.do(*stage)
    word = scene.rpc("cik", "info", "$rid", {"basic": True})["result"]["basic"]["status"]
    assert scene.rpc("cik", "update", "$rid", {"locked": True})["status"] == "ok"
    scene.expect(get("model/g1/A1"), record("locked,$rid,"))
    scene.expect(get("model/g1/?status=true"), lines("A1,locked,$rid,"))
    scene.expect(activation(), refused(409))
    if "cik" in scene.words:
        scene.expect(get("/provision/download?vendor=$vendor&model=g1", who="device"), refused(403))
    assert scene.rpc("cik", "update", "$rid", {"locked": False})["status"] == "ok"
    scene.expect(get("model/g1/A1"), record(f"{word},$rid,"))


def test_u3_makes_lists_and_updates_clients(scene: Scene) -> None:
    made = scene.rpc("cik", "create", "client", {"name": "portal 2"})
    assert made["status"] == "ok"
    scene.words["portal"] = made["result"]
    assert made["result"] in json.dumps(scene.rpc("cik", "listing", ["client"]))
    scene.do(*listed("A1"), post("model/g1/A1", "enable=true&owner=$portal", keep="rid"))
    scene.expect(get("model/g1/A1"), record("notactivated,$rid,"))
    meta = {"meta": '{"device":{"type":"vendor","model":"g1","vendor":"$vendor","sn":"A1"}}'}
    assert scene.rpc("cik", "update", "$rid", meta)["status"] == "ok"
    info = scene.rpc("cik", "info", "$rid", {"basic": True})
    assert info["status"] == "ok" and info["result"]["basic"]["status"] == "notactivated"


def test_u3_shows_a_device_by_the_name_of_its_number(scene: Scene) -> None:
    scene.do(*active(), *listed("A2"))
    shown = []
    for step in (*listed("B1"), post("model/g1/A2", "enable=true&oldsn=A1")):
        scene.do(step)
        shown.append(scene.rpc("cik", "info", "$rid", {"description": True})["result"]["description"]["name"])
    assert shown == ["A1", "A2"]


def test_u3_reaches_nothing_of_another_vendor(scene: Scene) -> None:
    for procedure, *arguments in [
        ("info", "$other_owner", {"basic": True}),
        ("drop", "$other_owner"),
        ("update", "$other_owner", {"name": "mine"}),
        ("share", "$other_template", {"meta": "x"}),
    ]:
        assert scene.rpc("cik", procedure, *arguments)["status"] != "ok", procedure
    assert scene.rpc("other cik", "info", "$other_owner", {"basic": True})["status"] == "ok"


@pytest.mark.parametrize("asked", ["", "{", "[]", '{"auth":{}}', '{"auth":{"cik":"x"},"calls":5}', "[" * 3000])
def test_u3_survives_what_is_no_call(scene: Scene, asked: str) -> None:
    reply = call(scene, asked)
    assert reply.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 200 "))
    scene.expect(get("/timestamp", who="nobody"), Answer(200, "$NOW", TEXT))
