"""Groups and their members: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from client_under_test import Start
from client_wire import CSV, EMPTY, NOTHING, Case, assert_plays, assert_refuses, numbers, ok
from scripted_fleet import answer

from station.fleet.client import (
    Client,
    Garbled,
    GroupInfo,
    GroupMember,
    GroupRow,
    MemberType,
    NameUnsafe,
    TooLong,
)

SN, CONTENT, GROUP = MemberType.SN, MemberType.CONTENT, MemberType.GROUP
ALL = "/provision/manage/group/G1/"
ONE = "/provision/manage/group/G1/line%201"
MEMBERS = "/provision/manage/group/G1/line%201/"
PAGE = "offset=0&limit=500"

CASES = [
    Case(
        "M12",
        lambda c: list(c.groups.list("G1")),
        f"GET {ALL}?{PAGE}",
        ok('line 1,"red, ""green"""\r\nb,\r\n'),
        [GroupRow("line 1", 'red, "green"'), GroupRow("b", "")],
    ),
    Case(
        "M13",
        lambda c: c.groups.create("G1", "line 1", "a&b=ä"),
        f"POST {ALL}",
        body="id=line+1&meta=a%26b%3D%C3%A4",
    ),
    Case("M14", lambda c: c.groups.remove("G1", "line 1"), f"POST {ALL}", body="id=line+1&delete=true"),
    Case("M15", lambda c: c.groups.info("G1", "line 1"), f"GET {ONE}", ok("a note,17"), GroupInfo("a note", 17)),
    Case("M15-empty", lambda c: c.groups.info("G1", "line 1"), f"GET {ONE}", ok(",0\r\n"), GroupInfo("", 0)),
    Case(
        "M16",
        lambda c: list(c.groups.parents("G1", "line 1")),
        f"GET {ONE}?{PAGE}&show=groups",
        ok("all\nhall 2"),
        ["all", "hall 2"],
    ),
    Case("M17", lambda c: c.groups.delete("G1", "line 1"), f"DELETE {ONE}"),
    Case(
        "M18",
        lambda c: list(c.groups.members("G1", "line 1")),
        f"GET {MEMBERS}?{PAGE}",
        ok('sn,00:04,1416147370,"a,b"\r\ncontent,fw 1.bin,,\r\ngroup,b,0,x\r\n'),
        [
            GroupMember(SN, "00:04", 1416147370, "a,b"),
            GroupMember(CONTENT, "fw 1.bin"),
            GroupMember(GROUP, "b", 0, "x"),
        ],
    ),
    Case(
        "M19",
        lambda c: list(c.groups.members_of_type("G1", "line 1", CONTENT)),
        f"GET {MEMBERS}?{PAGE}&type=content",
        ok("content,a,0,\n"),
        [GroupMember(CONTENT, "a")],
    ),
    Case(
        "M20",
        lambda c: c.groups.members_named("G1", "line 1", "7"),
        f"GET {MEMBERS}?id=7",
        ok("sn,7,0,\r\ngroup,7,0,"),
        [GroupMember(SN, "7"), GroupMember(GROUP, "7")],
    ),
    Case(
        "M21",
        lambda c: c.groups.member("G1", "line 1", SN, "00:04"),
        f"GET {MEMBERS}?type=sn&id=00%3A04",
        ok("sn,00:04,9,m"),
        GroupMember(SN, "00:04", 9, "m"),
    ),
    Case(
        "M22-one",
        lambda c: c.groups.add("G1", "line 1", SN, ["7"]),
        f"POST {MEMBERS}",
        body="type=sn&id=7&expire=0&meta=",
    ),
    Case(
        "M22-many",
        lambda c: c.groups.add("G1", "line 1", CONTENT, ["a", "b c"], 1416147370, "x y"),
        f"POST {MEMBERS}",
        body="type=content&id%5B%5D=a&id%5B%5D=b+c&expire=1416147370&meta=x+y",
    ),
    Case(
        "M23",
        lambda c: c.groups.add_listed(
            "G1", "line 1", [GroupMember(SN, "7"), GroupMember(GROUP, "line 2", 9, 'say "hi",\nand go')]
        ),
        f"POST {MEMBERS}",
        body='sn,7,0,\r\ngroup,line 2,9,"say ""hi"",\nand go"\r\n',
        kind=CSV,
    ),
    Case(
        "M24-one",
        lambda c: c.groups.remove_members("G1", "line 1", GROUP, ["a"]),
        f"POST {MEMBERS}",
        body="type=group&id=a&delete=true",
    ),
    Case(
        "M24-many",
        lambda c: c.groups.remove_members("G1", "line 1", SN, iter(["1", "2"])),
        f"POST {MEMBERS}",
        body="type=sn&id%5B%5D=1&id%5B%5D=2&delete=true",
    ),
    Case(
        "M25",
        lambda c: c.groups.remove_listed("G1", "line 1", [(SN, "7"), (CONTENT, "a b")]),
        f"DELETE {MEMBERS}",
        body="sn,7\r\ncontent,a b\r\n",
        kind=CSV,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_nothing_is_a_list_too(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)] * 6)
    assert list(client.groups.list("G1")) == []
    assert list(client.groups.parents("G1", "a")) == []
    assert list(client.groups.members("G1", "a")) == []
    assert list(client.groups.members_of_type("G1", "a", SN)) == []
    assert client.groups.members_named("G1", "a", "7") == []
    assert client.groups.member("G1", "a", SN, "7") is None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c: list(c.groups.list("G1")), "a\r\n"),
        (lambda c: list(c.groups.list("G1")), "a,b,c\r\n"),
        (lambda c: list(c.groups.list("G1")), ",b\r\n"),
        (lambda c: c.groups.info("G1", "a"), ""),
        (lambda c: c.groups.info("G1", "a"), "x,many"),
        (lambda c: c.groups.info("G1", "a"), "x,-1"),
        (lambda c: c.groups.info("G1", "a"), "x,²"),
        (lambda c: c.groups.info("G1", "a"), "x,1\r\ny,2"),
        (lambda c: list(c.groups.parents("G1", "a")), "a,b"),
        (lambda c: list(c.groups.members("G1", "a")), "sn,7,0"),
        (lambda c: list(c.groups.members("G1", "a")), "sn,7,soon,"),
        (lambda c: list(c.groups.members("G1", "a")), "sn,,0,"),
        (lambda c: list(c.groups.members("G1", "a")), "board,7,0,"),
        (lambda c: list(c.groups.members("G1", "a")), 'sn,7,0,"'),
        (lambda c: c.groups.member("G1", "a", SN, "7"), "sn,7,0,\r\nsn,8,0,"),
    ],
)
def test_a_body_that_is_not_this_api(start: Start, call: Callable[[Client], Any], said: str) -> None:
    client, _ = start([answer(ok(said))])
    with pytest.raises(Garbled):
        call(client)


def test_members_are_walked_to_a_page_that_is_not_full(start: Start) -> None:
    pages = ["".join(f"sn,{n},0,\r\n" for n in part) for part in (range(500), range(500, 1000), range(1000, 1001))]
    client, fleet = start([answer(ok(page)) for page in pages])
    assert [one.member for one in client.groups.members("G1", "a")] == [str(n) for n in range(1001)]
    assert [b"?offset=%d&limit=500 " % at in heard for at, heard in zip((0, 500, 1000), fleet.heard, strict=True)]


def test_a_page_is_asked_for_when_it_is_needed(start: Start) -> None:
    page = "".join(f"{n},\r\n" for n in range(500))
    client, fleet = start([answer(ok(page))])
    rows = client.groups.list("G1")
    assert next(rows) == GroupRow("0", "")
    assert len(fleet.heard) == 1


def test_a_fleet_without_pages_does_not_hold_us_for_ever(start: Start) -> None:
    page = "".join(f"{n},\r\n" for n in range(600))
    client, fleet = start([answer(ok(page))] * 2)
    with pytest.raises(Garbled, match="circles"):
        list(client.groups.list("G1"))
    assert len(fleet.heard) == 2


def test_no_members_are_no_request(start: Start) -> None:
    client, _ = start()
    client.groups.add("G1", "a", SN, [])
    client.groups.add_listed("G1", "a", [])
    client.groups.remove_members("G1", "a", SN, [])
    client.groups.remove_listed("G1", "a", [])


@pytest.mark.parametrize("name", ["../x", "a&delete=true", "a%2Fb", "a\nb", ""])
def test_an_unsafe_name_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    for call in (
        lambda: client.groups.list(name),
        lambda: client.groups.create("G1", name),
        lambda: client.groups.create(name, "a"),
        lambda: client.groups.remove("G1", name),
        lambda: client.groups.info("G1", name),
        lambda: client.groups.parents("G1", name),
        lambda: client.groups.delete("G1", name),
        lambda: client.groups.members("G1", name),
        lambda: client.groups.members_of_type("G1", name, SN),
        lambda: client.groups.members_named("G1", "a", name),
        lambda: client.groups.member("G1", "a", SN, name),
        lambda: client.groups.member("G1", "a", CONTENT, name),
        lambda: client.groups.member("G1", "a", GROUP, name),
        lambda: client.groups.add("G1", "a", CONTENT, ["b", name]),
        lambda: client.groups.add_listed("G1", "a", [GroupMember(SN, name)]),
        lambda: client.groups.remove_members("G1", "a", GROUP, [name]),
        lambda: client.groups.remove_listed("G1", "a", [(CONTENT, name)]),
    ):
        with pytest.raises(NameUnsafe):
            call()


def test_only_a_serial_number_holds_no_blank(start: Start) -> None:
    client, _ = start()
    with pytest.raises(NameUnsafe, match="blank"):
        client.groups.add("G1", "a", SN, ["7 8"])


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.groups.create("G1", "a", "ä" * 513),
        lambda c: c.groups.add("G1", "a", SN, ["7"], meta="x" * 1025),
        lambda c: c.groups.add_listed("G1", "a", [GroupMember(SN, "7", 0, "x" * 1025)]),
        lambda c: c.groups.add_listed("G1", "a", (GroupMember(SN, str(n), 0, "x" * 1024) for n in range(11000))),
    ],
)
def test_what_is_too_long_is_not_sent(start: Start, call: Callable[[Client], Any]) -> None:
    client, _ = start()
    with pytest.raises(TooLong):
        call(client)


def test_a_mistake_of_the_programmer_is_told_at_once(start: Start) -> None:
    client, _ = start()
    with pytest.raises(TypeError, match="many"):
        client.groups.add("G1", "a", SN, "78")
    with pytest.raises(ValueError, match="expires"):
        client.groups.add("G1", "a", SN, ["7"], expire=-1)
