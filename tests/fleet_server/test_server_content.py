"""The content of a model as its vendor manages it: entries (M1 to M5, M7, M9, M11)."""

from __future__ import annotations

import time

import pytest
from fleet_content import CONTENT, chunks, create, fetch, noise, put
from fleet_wire import MODELS, Fleet, body, undated

from station.fleet.server import init

CHUNK = 256 * 1024
ELSEWHERE = "/provision/manage/content/nope/"


# ---------------------------------------------------------------- entries


def test_m1_lists_what_m3_made_in_its_order(fleet: Fleet) -> None:
    assert b"\r\nContent-Length: 0\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n" in fleet.wire.ask("GET", CONTENT)
    for name in ("b.bin", "a.txt", "1%20x"):
        create(fleet, name)
    assert body(fleet.wire.ask("GET", CONTENT)) == b"b.bin\r\na.txt\r\n1 x\r\n"
    assert fleet.wire.code("POST", CONTENT, "id=a.txt") == 409


def test_m5_before_an_upload_has_the_time_of_creation(fleet: Fleet) -> None:
    before = int(time.time())
    create(fleet, "fw", "&meta=a%2Cb&protected=true")
    reply = fleet.wire.ask("GET", CONTENT + "fw")
    created = int(body(reply).split(b",")[2])
    assert before <= created <= time.time()
    assert undated(reply) == (
        b"HTTP/1.1 200 OK\r\nDate: D\r\nServer: station\r\nConnection: Keep-Alive\r\n"
        b'Content-Length: 24\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n,0,%d,"a,b",true' % created
    )
    assert fleet.wire.code("GET", CONTENT + "fw?download=true") == 404


@pytest.mark.parametrize(
    ("form", "end"),
    [
        ("", b",,false"),
        ("&meta=", b",,false"),
        ("&description=old", b",old,false"),
        ("&meta=new&description=old", b",new,false"),
        ("&protected=true", b",,true"),
        ("&protected=false", b",,false"),
        ("&protected=1", b",,false"),
        ("&meta=This is text", b",This is text,false"),
        ("&meta=%E2%82%AC%22", ',"€""",false'.encode()),
    ],
)
def test_m3_takes_meta_and_protected(fleet: Fleet, form: str, end: bytes) -> None:
    create(fleet, "fw", form)
    assert body(fleet.wire.ask("GET", CONTENT + "fw?")).endswith(end)


def test_what_m3_refuses(fleet: Fleet) -> None:
    for form, code in [
        ("", 400),
        ("id=", 400),
        ("id=a&id=b", 400),
        ("id=a%2Fb", 400),
        ("id=a,b", 400),
        ("id=..", 400),
        ("id=a%0D%0Ab", 400),
        ("id=%FF", 400),
        ("id=" + "%E2%82%AC" * 43, 413),  # 129 bytes
        ("id=a&meta=" + "x" * 1025, 413),
        ("id=a&meta=x%00", 400),
    ]:
        assert fleet.wire.code("POST", CONTENT, form) == code, form
    assert fleet.wire.code("POST", CONTENT, "id=" + "%E2%82%AC" * 42) == 205
    assert fleet.sql("SELECT count(*) FROM contents") == [(1,)]


def test_content_is_unique_in_its_model_only(fleet: Fleet) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    put(fleet, "fw", b"one")
    assert fleet.wire.code("POST", CONTENT.replace("g1", "g2"), "id=fw") == 205
    assert fleet.wire.code("GET", CONTENT.replace("g1", "g2") + "fw?download=true") == 404
    assert fetch(fleet, "fw") == b"one"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "", 400),
        ("GET", "?sn=A1", 400),
        ("POST", "", 404),
        ("GET", "fw", 404),
        ("GET", "fw?download=true", 403),
        ("GET", "fw?sn=A1", 400),
        ("GET", "fw?download=true&sn=A1", 403),
        ("GET", "fw?show=groups", 404),
        ("POST", "fw", 404),
        ("DELETE", "fw", 404),
    ],
)
def test_a_model_that_is_not_there_is_answered_as_each_procedure_prints_it(
    fleet: Fleet, method: str, path: str, code: int
) -> None:
    assert fleet.wire.code(method, ELSEWHERE + path, "id=fw") == code
    other = init(fleet.database, "other").token
    assert fleet.wire.code(method, CONTENT + path, "id=fw", {"X-Exosite-Token": other}) == code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "fw"),
        ("GET", "fw?download=true"),
        ("GET", "fw?sn=A1"),
        ("GET", "fw?download=true&sn=A1"),
        ("GET", "fw?show=groups"),
        ("POST", "fw"),
        ("DELETE", "fw"),
        ("POST", ""),
    ],
)
def test_content_that_is_not_there_is_404(fleet: Fleet, method: str, path: str) -> None:
    fleet.add("A1")
    assert fleet.wire.code(method, CONTENT + path, "delete=true&id=fw") == 404
    assert chunks(fleet) == [(0, 0)]


def test_a_guest_has_nothing_to_do_with_content(fleet: Fleet) -> None:
    put(fleet, "fw", b"secret")
    guest = init(fleet.database, "guest")
    assert fleet.wire.code("POST", "/provision/manage/share/g1/", "vendor=guest") == 205
    headers = {"X-Exosite-Token": guest.token, "X-Exosite-Vendor": "acme"}
    for method, path in (("GET", ""), ("GET", "fw"), ("GET", "fw?download=true"), ("POST", "fw"), ("DELETE", "fw")):
        assert fleet.wire.code(method, CONTENT + path, "", headers) == 403, (method, path)
    assert fetch(fleet, "fw") == b"secret"


# ---------------------------------------------------------------- deletion


@pytest.mark.parametrize("form", [True, False], ids=["M4", "M11"])
def test_deleted_content_is_gone_with_blob_and_memberships(fleet: Fleet, form: bool) -> None:
    put(fleet, "fw", noise(2 * CHUNK))
    put(fleet, "other", b"stays")
    assert fleet.wire.code("POST", "/provision/manage/group/g1/", "id=beta") == 205
    for name in ("fw", "other"):
        assert fleet.wire.code("POST", "/provision/manage/group/g1/beta/", f"type=content&id={name}") == 205
    assert body(fleet.wire.ask("GET", CONTENT + "fw?show=groups")) == b"beta\r\n"
    if form:
        assert fleet.wire.code("POST", CONTENT, "delete=true&id=fw") == 205
    else:
        assert fleet.wire.code("DELETE", CONTENT + "fw") == 205
    assert body(fleet.wire.ask("GET", CONTENT)) == b"other\r\n"
    assert fleet.wire.code("GET", CONTENT + "fw") == 404
    assert fleet.sql("SELECT member FROM members") == [("other",)]
    assert chunks(fleet) == [(1, 1)]
    assert fleet.wire.code("POST", CONTENT, "id=fw") == 205


@pytest.mark.parametrize("form", [True, False], ids=["M29", "M32"])
def test_the_blobs_of_a_deleted_model_are_swept_by_themselves(fleet: Fleet, form: bool) -> None:
    put(fleet, "fw", noise(40 * CHUNK))
    put(fleet, "other", b"goes too")
    ask = ("POST", MODELS, "delete=true&model=g1") if form else ("DELETE", MODELS + "g1")
    assert fleet.wire.code(*ask) == 205
    until = time.monotonic() + 20
    while chunks(fleet) != [(0, 0)]:
        assert time.monotonic() < until
        assert fleet.wire.code("GET", MODELS) == 200  # nobody waits for it


def test_m9_pages(fleet: Fleet) -> None:
    create(fleet, "fw")
    assert fleet.wire.code("GET", CONTENT + "fw?show=groups") == 204
    for n in range(7):
        assert fleet.wire.code("POST", "/provision/manage/group/g1/", f"id=n{n}") == 205
        assert fleet.wire.code("POST", f"/provision/manage/group/g1/n{n}/", "type=content&id=fw") == 205
    path = CONTENT + "fw?show=groups"
    assert body(fleet.wire.ask("GET", path)) == b"n0\r\nn1\r\nn2\r\nn3\r\nn4\r\n"
    assert body(fleet.wire.ask("GET", path + "&offset=5&limit=5")) == b"n5\r\nn6\r\n"
    assert fleet.wire.code("GET", path + "&offset=7") == 204
    assert fleet.wire.code("GET", path + "&limit=x") == 400
