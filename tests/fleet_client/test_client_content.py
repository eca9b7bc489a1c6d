"""Content: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from client_under_test import Start
from client_wire import EMPTY, NOTHING, Case, assert_plays, assert_refuses, numbers, ok
from scripted_fleet import answer

from station.fleet.client import Client, ContentInfo, Garbled, NameUnsafe, TooLong

ALL = "/provision/manage/content/G1/"
ONE = "/provision/manage/content/G1/fw%201.bin"

CASES = [
    Case("M1", lambda c: c.content.list("G1"), f"GET {ALL}", ok("fw 1.bin\r\na.txt\r\n"), ["fw 1.bin", "a.txt"]),
    Case("M2", lambda c: c.content.list_for("G1", "00:04"), f"GET {ALL}?sn=00%3A04", ok("a.txt"), ["a.txt"]),
    Case("M3", lambda c: c.content.create("G1", "fw 1.bin"), f"POST {ALL}", body="id=fw+1.bin&meta="),
    Case(
        "M3-protected",
        lambda c: c.content.create("G1", "fw 1.bin", "a&b=ä", protected=True),
        f"POST {ALL}",
        body="id=fw+1.bin&meta=a%26b%3D%C3%A4&protected=true",
    ),
    Case("M4", lambda c: c.content.remove("G1", "fw 1.bin"), f"POST {ALL}", body="delete=true&id=fw+1.bin"),
    Case(
        "M5",
        lambda c: c.content.info("G1", "fw 1.bin"),
        f"GET {ONE}",
        ok("application/octet-stream,1024,1416147370,,false"),
        ContentInfo("application/octet-stream", 1024, 1416147370, "", False),
    ),
    Case(
        "M5-quoted",
        lambda c: c.content.info("G1", "fw 1.bin"),
        f"GET {ONE}",
        ok('"multipart/mixed; boundary=""a,b""",0,1,"x, ""y""\r\nz",true\r\n'),
        ContentInfo('multipart/mixed; boundary="a,b"', 0, 1, 'x, "y"\r\nz', True),
    ),
    Case(
        "M5-before-any-upload",
        lambda c: c.content.info("G1", "fw 1.bin"),
        f"GET {ONE}",
        ok(",0,1416147370,note,true\n"),
        ContentInfo("", 0, 1416147370, "note", True),
    ),
    Case(
        "M7",
        lambda c: c.content.info_for("G1", "fw 1.bin", "00:04"),
        f"GET {ONE}?sn=00%3A04",
        ok("text/plain; charset=utf-8,7,8,note"),
        ContentInfo("text/plain; charset=utf-8", 7, 8, "note", None),
    ),
    Case(
        "M9",
        lambda c: list(c.content.groups("G1", "fw 1.bin")),
        f"GET {ONE}?offset=0&limit=500&show=groups",
        ok("line 1\r\nb\r\n"),
        ["line 1", "b"],
    ),
    Case(
        "M10",
        lambda c: c.content.upload("G1", "fw 1.bin", b"a=b&c", "application/x-www-form-urlencoded"),
        f"POST {ONE}",
        body="a=b&c",
        kind="application/x-www-form-urlencoded",
    ),
    Case(
        "M10-empty",
        lambda c: c.content.upload("G1", "fw 1.bin", b"", "text/plain; charset=utf-8"),
        f"POST {ONE}",
        body="",
        kind="text/plain; charset=utf-8",
    ),
    Case("M11", lambda c: c.content.delete("G1", "fw 1.bin"), f"DELETE {ONE}"),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_nothing_is_a_list_too(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)] * 3)
    assert client.content.list("G1") == []
    assert client.content.list_for("G1", "7") == []
    assert list(client.content.groups("G1", "a")) == []


@pytest.mark.parametrize(
    "said",
    [
        "",
        "text/plain,1,2",
        "text/plain,1,2,a,b",
        "text/plain,1,2,a,true,c",
        "text/plain,1,2,a,TRUE",
        "text/plain,-1,2,a,true",
        "text/plain,1,soon,a,true",
        "text/plain,²,2,a,true",
        f"text/plain,{'9' * 5000},2,a,true",
        "text/plain,1,2,a,true\r\ntext/plain,1,2,a,true",
        'text/plain,1,2,"a,true',
    ],
)
def test_an_info_that_is_not_this_api(start: Start, said: str) -> None:
    client, _ = start([answer(ok(said))])
    with pytest.raises(Garbled):
        client.content.info("G1", "a")


@pytest.mark.parametrize("name", ["../x", "a&delete=true", "a%2Fb", "a\nb", ""])
def test_an_unsafe_name_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    for call in (
        lambda: client.content.list(name),
        lambda: client.content.list_for("G1", name),
        lambda: client.content.create("G1", name),
        lambda: client.content.remove("G1", name),
        lambda: client.content.info("G1", name),
        lambda: client.content.download("G1", name, "into"),
        lambda: client.content.read("G1", name, 0, 1),
        lambda: client.content.info_for("G1", "a", name),
        lambda: client.content.download_for("G1", "a", name, "into"),
        lambda: client.content.groups("G1", name),
        lambda: client.content.upload("G1", name, b"", "text/plain"),
        lambda: client.content.upload(name, "a", b"", "text/plain"),
        lambda: client.content.delete("G1", name),
    ):
        with pytest.raises(NameUnsafe):
            call()


@pytest.mark.parametrize("mime", ["", " ", "text/plain\r\nX-Exosite-CIK: x", "text/plän", "x" * 256])
def test_a_type_that_is_no_header_is_not_sent(start: Start, mime: str) -> None:
    client, _ = start()
    with pytest.raises(NameUnsafe, match="type"):
        client.content.upload("G1", "a", b"", mime)


@pytest.mark.parametrize("call", [lambda c: c.content.create("G1", "a", "x" * 1025)])
def test_what_is_too_long_is_not_sent(start: Start, call: Callable[[Client], Any]) -> None:
    client, _ = start()
    with pytest.raises(TooLong):
        call(client)
