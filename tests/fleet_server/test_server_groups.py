"""Groups: what is kept, what is refused, what goes with what, and what a device may read for them."""

from __future__ import annotations

import pytest
from fleet_groups import CONTENT, CREW, GROUPS, crewed, entry, ids, make, members, put, typed
from fleet_wire import G1, Fleet, body, status


@pytest.fixture
def crew(fleet: Fleet) -> Fleet:
    return crewed(fleet)


def test_m12_and_m15_give_back_what_m13_was_told(fleet: Fleet) -> None:
    assert fleet.wire.code("POST", GROUPS, "id=a%2Bb+c&meta=one%2C+%22two%22%0D%0Athree") == 205
    assert fleet.wire.code("POST", GROUPS, "id=%C3%A9quipe") == 205
    reply = fleet.wire.ask("GET", GROUPS)
    assert body(reply) == 'a+b c,"one, ""two""\r\nthree"\r\néquipe,\r\n'.encode()
    assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n" in reply
    assert body(fleet.wire.ask("GET", GROUPS + "a+b%20c")) == b'"one, ""two""\r\nthree",0'
    assert body(fleet.wire.ask("GET", GROUPS + "%C3%A9quipe")) == b",0"


def test_what_m13_refuses(fleet: Fleet) -> None:
    for form, code in [
        ("", 400),
        ("id=", 400),
        ("id=a&id=b", 400),
        ("id=a,b", 400),
        ("id=a%2Fb", 400),
        ("id=a%0Ab", 400),
        ("id=..", 400),
        ("id=%ff", 400),
        (f"id={'g' * 129}", 413),
        (f"id=a&meta={'m' * 1025}", 413),
    ]:
        assert fleet.wire.code("POST", GROUPS, form) == code, form
    assert fleet.wire.code("POST", "/provision/manage/group/nope/", "id=a") == 404
    assert fleet.sql("SELECT count(*) FROM groups") == [(0,)]
    assert fleet.wire.code("POST", GROUPS, f"id={'g' * 128}&meta={'m' * 1024}") == 205
    assert fleet.wire.code("POST", GROUPS, f"id={'g' * 128}") == 409


def test_m14_and_m17_take_the_group_out_of_the_others(crew: Fleet) -> None:
    for ask, code in [
        (("POST", GROUPS, "id=sub&delete=true"), 205),
        (("DELETE", GROUPS + "sub"), 205),
        (("POST", GROUPS, "id=sub&delete=true"), 404),
        (("POST", GROUPS, "delete=true"), 400),
        (("DELETE", GROUPS + "sub"), 404),
        (("DELETE", "/provision/manage/group/nope/sub"), 404),
    ]:
        if code == 205:
            crew.wire.code("POST", GROUPS, "id=sub")
            assert put(crew, "crew", "group,sub\nsn,A1") == 205
            assert put(crew, "sub", "sn,A1\ncontent,fw") == 205
        assert crew.wire.code(*ask) == code, ask
        assert members(crew) == ["sn,A1,0,"]
    assert ids(crew, f"{G1}/A1?show=groups") == ["crew"]
    assert ids(crew, f"{CONTENT}fw?show=groups") == []
    make(crew, "sub")
    assert members(crew, "sub") == []
    assert members(crew) == ["sn,A1,0,"]


@pytest.mark.parametrize(
    ("path", "name"), [(GROUPS, "{}"), (GROUPS + "000?show=groups", "g{}"), (CREW, "sn"), (CREW + "?type=sn", "sn")]
)
def test_pages_are_clamped_and_hold_their_order(crew: Fleet, path: str, name: str) -> None:
    numbers = [f"{n:03}" for n in range(12)]
    for number in reversed(numbers):
        crew.add(number)
    assert put(crew, "crew", "".join(f"sn,{number}\n" for number in numbers)) == 205
    crew.sql("DELETE FROM groups WHERE name <> 'crew'")
    if path == GROUPS:
        crew.sql("DELETE FROM groups")
        make(crew, *numbers)
    if "000" in path:
        make(crew, "000")
        for number in numbers:
            make(crew, f"g{number}")
            assert put(crew, f"g{number}", "group,000") == 205
    whole = [name.format(number) for number in numbers]
    page = path + ("&" if "?" in path else "?")
    for query, expected in [
        ("", whole[:5]),
        ("limit=1", whole[:5]),
        ("offset=5&limit=6", whole[5:11]),
        ("offset=5&limit=5000", whole[5:]),
        ("offset=11", whole[11:]),
        ("offset=12", []),
        ("offset=9999999999999999999", []),
        ("offset=0&limit=99999999999999999999", whole),
        ("offset=00000000000000000005&limit=00000000000000000006", whole[5:11]),
    ]:
        assert ids(crew, page + query) == expected, query
        assert status(crew.wire.ask("GET", page + query)) == (200 if expected else 204)
    for query in ("offset=-1", "offset=x", "limit=", "limit=1.5", "offset=1&offset=2"):
        assert crew.wire.code("GET", page + query) == 400, query


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("DELETE", f"{G1}/A1", ""),
        ("POST", G1 + "/", "sn=A1&delete=true"),
        ("POST", G1 + "/", "sn[]=A1&remove=true"),
        ("DELETE", G1 + "/", "A1\r\n"),
        ("DELETE", CONTENT + "A1", ""),
        ("POST", CONTENT, "id=A1&delete=true"),
    ],
)
def test_what_is_deleted_is_no_member_and_not_one_again_when_it_comes_back(
    crew: Fleet, method: str, path: str, form: str
) -> None:
    entry(crew, "A1")
    assert put(crew, "crew", "sn,A1\nsn,A2\ncontent,A1\ncontent,fw") == 205
    assert put(crew, "sub", "sn,A1\ncontent,A1") == 205
    assert crew.wire.code(method, path, form) == 205
    gone, left = ("sn,A1,0,", "content,A1,0,") if path.startswith(G1) else ("content,A1,0,", "sn,A1,0,")
    if path.startswith(G1):
        crew.add("A1")
    else:
        entry(crew, "A1")
    assert gone not in members(crew)
    assert members(crew, "sub") == [left]
    assert len(members(crew)) == 3


def test_two_models_share_no_group(crew: Fleet) -> None:
    other = "/provision/manage/group/g2/"
    form = f"model=g2&rid={crew.grant.template_rid}"
    assert crew.wire.code("POST", "/provision/manage/model/", form) == 205
    assert put(crew, "crew", "sn,A1") == 205
    assert crew.wire.code("GET", other) == 204
    assert crew.wire.code("GET", other + "crew/") == 404
    assert crew.wire.code("POST", other, "id=crew") == 205
    assert crew.wire.code("POST", other + "crew/", "type=sn&id=A1") == 404
    assert crew.wire.code("DELETE", other + "crew/", "sn,A1") == 205
    assert crew.wire.code("DELETE", other + "crew") == 205
    assert members(crew) == ["sn,A1,0,"]
    assert crew.wire.code("DELETE", "/provision/manage/model/g1") == 205
    assert crew.sql("SELECT (SELECT count(*) FROM groups) + (SELECT count(*) FROM members)") == [(0,)]


def test_a_board_reads_protected_content_while_a_chain_of_memberships_lives(crew: Fleet) -> None:
    assert crew.wire.code("POST", CONTENT + "fw", b"\x7fELF", typed(crew, "application/x-elf")) == 205
    assert crew.wire.code("POST", CONTENT, "id=readme") == 205
    crew.enable("A1")
    cik = {"X-Exosite-CIK": body(crew.wire.activate("A1")).decode()}

    def readable() -> list[str]:
        listed = body(crew.wire.ask("GET", "/provision/download?vendor=acme&model=g1", headers=cik))
        code = crew.wire.code("GET", "/provision/download?vendor=acme&model=g1&id=fw", headers=cik)
        found = listed.decode().splitlines()
        assert code == (200 if "fw" in found else 403)
        return found

    def change(group: str, line: str) -> None:
        assert put(crew, group, line) == 205

    assert readable() == ["readme"]
    chain = [("crew", "content,fw"), ("crew", "group,sub"), ("sub", "sn,A1")]
    for group, member in chain:
        change(group, member)
    assert readable() == ["fw", "readme"]
    for group, member in chain:
        change(group, f"{member},1")
        assert readable() == ["readme"], member
        change(group, f"{member},4000000000")
        assert readable() == ["fw", "readme"], member
    assert crew.wire.code("DELETE", GROUPS + "sub") == 205
    assert readable() == ["readme"]
