"""What is in a group: by form and by list, read, changed and removed."""

from __future__ import annotations

import itertools
import threading

import pytest
from fleet_groups import CREW, CSV, FORM, GROUPS, crewed, ids, make, members, put, typed
from fleet_wire import G1, Fleet, body, status


@pytest.fixture
def crew(fleet: Fleet) -> Fleet:
    return crewed(fleet)


def test_a_form_or_a_list_adds_and_updates_and_neither_doubles(crew: Fleet) -> None:
    for form, listed in [
        ("type=sn&id=A2&expire=77&meta=m", ["sn,A2,77,m"]),
        ("type=sn&id[]=A1&id[]=A2&id%5B%5D=A1", ["sn,A2,0,", "sn,A1,0,"]),
        ("type=group&id=sub&expire=&meta=a+b%2C+c", ["sn,A2,0,", "sn,A1,0,", 'group,sub,0,"a b, c"']),
    ]:
        assert crew.wire.code("POST", CREW, form) == 205
        assert members(crew) == listed
    assert put(crew, "crew", 'sn,A1,8,"x"\r\n\r\ncontent,fw\nsn,A1,8,x\nsn,A3,') == 205
    assert members(crew) == ["sn,A2,0,", "sn,A1,8,x", 'group,sub,0,"a b, c"', "content,fw,0,", "sn,A3,0,"]
    assert body(crew.wire.ask("GET", GROUPS + "crew")) == b",5"


@pytest.mark.parametrize("kind", ["", "text/plain", FORM])
def test_without_a_type_that_says_it_a_form_is_known_by_its_equals_sign(crew: Fleet, kind: str) -> None:
    headers = typed(crew, kind) if kind else None
    assert crew.wire.code("POST", CREW, "type=sn&id=A1", headers) == 205
    assert crew.wire.code("POST", CREW, "sn,A2,,\r\n", headers) == (400 if kind == FORM else 205)
    assert crew.wire.code("POST", CREW, "type=sn&id=A1&delete=true", headers) == 205
    assert members(crew) == ([] if kind == FORM else ["sn,A2,0,"])


def test_what_is_refused_says_where_and_leaves_nothing_half_done(crew: Fleet) -> None:
    at_2 = "X-Error-Reason: entry 2 of the list"
    for lines, code, reason in [
        ("", 400, "X-Error-Reason: the list is empty"),
        ("sn,A1\nsn,A9", 400, f"{at_2} is not in the model"),
        ("sn,A1\ngroup,A1", 400, f"{at_2} is not in the model"),
        ("sn,A1\ncontent,A1", 400, f"{at_2} is not in the model"),
        ("sn,A1\nserial,A2", 400, f"{at_2}: a member's type is sn, content or group"),
        ("sn,A1\nSN,A2", 400, f"{at_2}: a member's type is"),
        ("sn,A1\n sn,A2", 400, f"{at_2}: a member's type is"),
        ("sn,A1\nsn", 400, f"{at_2}: a member is type,memberid,expire,meta"),
        ("sn,A1\nsn,A2,0,m,x", 400, f"{at_2}: a member is type,memberid,expire,meta"),
        ("sn,A1\nsn,A 2", 400, f"{at_2}: a serial number has no blanks"),
        ("sn,A1\nsn,", 400, f"{at_2}: a serial number is"),
        ("sn,A1\nsn,A2,-1", 400, f"{at_2}: expire is"),
        ("sn,A1\nsn,A2,1.5", 400, f"{at_2}: expire is"),
        ("sn,A1\nsn,A2,9999999999999999999", 400, f"{at_2}: expire is"),
        ("sn,A1\nsn,A2,٣", 400, f"{at_2}: expire is"),
        ("sn,A1\nsn,A1,5", 400, f"{at_2} is there before, and differs"),
        (f"sn,A1\nsn,A2,0,{'m' * 1025}", 413, f"{at_2}: meta is longer"),
        (f"sn,A1\nsn,{'s' * 129}", 413, f"{at_2}: a serial number has at most"),
        ("sn,A1\ngroup,crew", 409, "X-Error-Reason: a group can not be inside itself"),
        ('sn,A1\n"sn,A2', 400, "X-Error-Reason: line 2 is not CSV"),
        ("sn,A9", 404, "X-Error-Reason: the model has no such member"),
    ]:
        reply = crew.wire.ask("POST", CREW, lines, typed(crew, CSV))
        assert (status(reply), reason.encode() in reply) == (code, True), (lines, reply)
    for form, code in [
        ("type=sn", 400),
        ("id=A1", 400),
        ("type=sn&id=", 400),
        ("type=&id=A1", 400),
        ("type=thing&id=A1", 400),
        ("type=sn&id=A1&expire=never", 400),
        ("type=sn&type=group&id=A1", 400),
        (f"type=sn&id=A1&meta={'m' * 1025}", 413),
        ("type=sn&id=A9", 404),
        ("type=sn&id[]=A1&id[]=A9", 400),
        ("type=group&id=crew", 409),
        ('{"members": []}', 400),
    ]:
        assert crew.wire.code("POST", CREW, form) == code, form
    for group in ("nope", "..", "%FF"):
        assert crew.wire.code("POST", f"{GROUPS}{group}/", "type=sn&id=A1") in (404, 400)
    assert members(crew) == []


def test_a_serial_number_of_a_range_is_there_until_its_range_is_not(crew: Fleet) -> None:
    ranges = '{"ranges":[{"format":"base16","length":4,"casing":"upper","first":10,"last":20}]}'
    assert crew.wire.code("POST", G1 + "/", ranges, typed(crew, "application/javascript")) == 205
    assert put(crew, "crew", "sn,000A\nsn,0014\nsn,A1") == 205
    assert put(crew, "crew", "sn,000a\nsn,A2") == 400
    assert put(crew, "crew", "sn,0015") == 404
    assert [line[3:7] for line in members(crew)] == ["000A", "0014", "A1,0"]
    assert ids(crew, f"{G1}/000A?show=groups") == ["crew"]
    assert crew.wire.code("DELETE", G1 + "/", ranges, typed(crew, "application/javascript")) == 205
    assert members(crew) == ["sn,A1,0,"]


def test_no_nesting_closes_a_circle_not_even_a_lapsed_one(crew: Fleet) -> None:
    chain = [f"n{n}" for n in range(6)]
    make(crew, *chain)
    for outer, inner in itertools.pairwise(chain):
        assert put(crew, outer, f"group,{inner},1") == 205
    for inner in chain:
        assert put(crew, "n5", f"sn,A1\ngroup,{inner}") == 409
    assert put(crew, "n0", "group,n5") == 205
    assert members(crew, "n5") == []
    assert crew.wire.code("DELETE", GROUPS + "n3/", "group,n4") == 205
    assert put(crew, "n5", "group,n2") == 205
    assert put(crew, "n3", "sn,A1\ngroup,n4") == 409
    assert put(crew, "n3", "group,sub") == 205
    assert members(crew, "n3") == ["group,sub,0,"]


def test_two_halves_of_a_circle_race_and_one_stays_open(crew: Fleet) -> None:
    def close(inner: str, outer: str, codes: list[int]) -> None:
        with crew.connect() as wire:
            codes.append(wire.code("POST", f"{GROUPS}{outer}/", f"type=group&id={inner}"))

    for n in range(8):
        make(crew, f"a{n}", f"b{n}")
        codes: list[int] = []
        halves = [
            threading.Thread(target=close, args=(*pair, codes)) for pair in ((f"a{n}", f"b{n}"), (f"b{n}", f"a{n}"))
        ]
        for half in halves:
            half.start()
        for half in halves:
            half.join()
        assert sorted(codes) == [205, 409]


def test_reading_members_by_type_and_id(crew: Fleet) -> None:
    make(crew, "A1")
    assert put(crew, "crew", "sn,A1,5,s\ncontent,fw\ngroup,A1,,g\nsn,A2") == 205
    for query, lines in [
        ("?type=sn", ["sn,A1,5,s", "sn,A2,0,"]),
        ("?type=group&offset=0&limit=5", ["group,A1,0,g"]),
        ("?type=group&offset=1", []),
        ("?id=A1", ["sn,A1,5,s", "group,A1,0,g"]),
        ("?id=crew", []),
        ("?type=group&id=A1", ["group,A1,0,g"]),
        ("?type=content&id=A1", []),
    ]:
        reply = crew.wire.ask("GET", CREW + query)
        assert body(reply).decode() == "".join(f"{line}\r\n" for line in lines), query
        assert status(reply) == (200 if lines else 204)
    for query in ("?type=thing", "?type=", "?id=", "?type=thing&id=A1", "?type=sn&type=sn"):
        assert crew.wire.code("GET", CREW + query) == 400, query
    assert crew.wire.code("GET", GROUPS + "nope/?id=A1") == 404
    assert crew.wire.code("GET", GROUPS + "crew?show=members") == 400


def test_removing_by_form_and_by_list(crew: Fleet) -> None:
    everything = "sn,A1\nsn,A2\nsn,A3\ncontent,fw\ngroup,sub"
    for method, lines, kind, left in [
        ("POST", "type=sn&id=A1&delete=true", FORM, ["A2", "A3", "fw", "sub"]),
        ("POST", "type=sn&id[]=A1&id[]=A3&id[]=A9&remove=true", FORM, ["A2", "fw", "sub"]),
        ("POST", "type=content&id=sub&delete=true", FORM, ["A1", "A2", "A3", "fw", "sub"]),
        ("DELETE", "sn,A1\r\ncontent,fw,0,as listed\r\nsn,A9", CSV, ["A2", "A3", "sub"]),
        ("DELETE", everything, "", []),
    ]:
        assert put(crew, "crew", everything) == 205
        assert crew.wire.code(method, CREW, lines, typed(crew, kind)) == 205, lines
        assert sorted(line.split(",")[1] for line in members(crew)) == left
    assert put(crew, "crew", everything) == 205
    for method, lines, code in [
        ("DELETE", "", 400),
        ("DELETE", "sn,A1\nA2", 400),
        ("DELETE", "sn,A1\nserial,A2", 400),
        ("POST", "type=sn&delete=true", 400),
        ("POST", "id=A1&delete=true", 400),
        ("POST", "type=serial&id=A1&delete=true", 400),
    ]:
        assert crew.wire.code(method, CREW, lines) == code, lines
    assert crew.wire.code("DELETE", GROUPS + "nope/", "sn,A1") == 404
    assert len(members(crew)) == 5


def test_a_deletion_by_list_looks_at_type_and_name_only(crew: Fleet) -> None:
    assert put(crew, "crew", "sn,A1,1900000000,first\nsn,A2\ncontent,fw") == 205
    deleted = crew.wire.code("DELETE", CREW, "sn,A1,1900000000,first\r\nsn,A2,soon,m,x\r\n", typed(crew, CSV))
    assert (deleted, members(crew)) == (205, ["content,fw,0,"])
