"""M18 to M25: the members of a group (API document, 8.3 and section 6)."""

from __future__ import annotations

from conformance_groups import CREW, FULL, MEMBERS, THREE
from conformance_words import CHANGED, CSV, IN_RANGE, NOTHING, delete, get, lines, listed, post, record, row

from station.fleet import client as near

_PLAIN = [("sn", "A1", "1900000000", "first"), ("content", "fw", "0", ""), ("group", "A1", "0", "nested")]
_SEVEN = [*FULL, listed(*"1234"), post(MEMBERS, "type=sn&id[]=1&id[]=2&id[]=3&id[]=4")]
_MORE = tuple(f"sn,{x},0," for x in "1234")


def member(type: str, name: str, expire: int = 0, meta: str = "") -> near.GroupMember:
    return near.GroupMember(near.MemberType(type), name, expire, meta)


ROWS = [
    # ---------------------------------------------------------------- M18 to M21
    row(
        "M18",
        "lists members",
        get(f"{MEMBERS}?offset=0&limit=1000"),
        lines(*THREE),
        before=FULL,
        call=lambda c, w: c.groups.members("g1", "crew"),
        result=_PLAIN,
    ),
    row(
        "M18",
        "pages by five",
        get(MEMBERS),
        lines(*THREE, *_MORE[:2]),
        before=_SEVEN,
        after=[(get(f"{MEMBERS}?offset=5&limit=5"), lines(*_MORE[2:]))],
        call=lambda c, w: [found.member for found in c.groups.members("g1", "crew")],
        result=["A1", "fw", "A1", *"1234"],
    ),
    row(
        "M18",
        "204 without any",
        get("group/g1/A1/"),
        NOTHING,
        before=FULL,
        call=lambda c, w: c.groups.members("g1", "A1"),
        result=[],
    ),
    row(
        "M18",
        "404 for an unknown group",
        get("group/g1/nope/"),
        404,
        call=lambda c, w: list(c.groups.members("g1", "nope")),
    ),
    row(
        "M19",
        "lists members of a type",
        get(f"{MEMBERS}?type=sn&offset=0&limit=5"),
        lines(THREE[0], *_MORE),
        before=_SEVEN,
        call=lambda c, w: c.groups.members_of_type("g1", "crew", near.MemberType("content")),
        result=_PLAIN[1:2],
    ),
    row(
        "M19",
        "204 without any",
        get("group/g1/A1/?type=sn"),
        NOTHING,
        before=FULL,
        call=lambda c, w: c.groups.members_of_type("g1", "A1", near.MemberType("sn")),
        result=[],
    ),
    row("M19", "400 for an unknown type", get(f"{MEMBERS}?type=serial"), 400, before=FULL),
    row(
        "M20",
        "lists all members of a name",
        get(f"{MEMBERS}?id=A1"),
        lines(THREE[0], THREE[2]),
        before=FULL,
        call=lambda c, w: c.groups.members_named("g1", "crew", "A1"),
        result=[_PLAIN[0], _PLAIN[2]],
    ),
    row(
        "M20",
        "204 without any",
        get(f"{MEMBERS}?id=crew"),
        NOTHING,
        before=FULL,
        call=lambda c, w: c.groups.members_named("g1", "crew", "crew"),
        result=[],
    ),
    row(
        "M21",
        "tells one member",
        get(f"{MEMBERS}?type=group&id=A1"),
        lines(THREE[2]),
        before=FULL,
        call=lambda c, w: c.groups.member("g1", "crew", near.MemberType("group"), "A1"),
        result=_PLAIN[2],
    ),
    row(
        "M21",
        "204 for no such member",
        get(f"{MEMBERS}?type=content&id=A1"),
        NOTHING,
        before=FULL,
        call=lambda c, w: c.groups.member("g1", "crew", near.MemberType("content"), "A1"),
        result=None,
    ),
    # ---------------------------------------------------------------- M22
    row(
        "M22",
        "adds one",
        post(MEMBERS, "type=sn&id=A1&expire=1900000000&meta=x"),
        CHANGED,
        before=[CREW, listed("A1")],
        after=[
            (get(MEMBERS), lines("sn,A1,1900000000,x")),
            (get("group/g1/crew"), record("the crew,1")),
            (get("model/g1/A1?show=groups"), lines("crew")),
        ],
        call=lambda c, w: c.groups.add("g1", "crew", near.MemberType("sn"), ["A1"], 1900000000, "x"),
    ),
    row(
        "M22",
        "adds many and updates what is there",
        post(MEMBERS, "type=sn&id[]=A1&id[]=A2&expire=&meta=new"),
        CHANGED,
        before=FULL,
        after=[(get(f"{MEMBERS}?type=sn"), lines("sn,A1,0,new", "sn,A2,0,new"))],
        call=lambda c, w: c.groups.add("g1", "crew", near.MemberType("sn"), ["A1", "A2"], meta="new"),
    ),
    row(
        "M22",
        "takes a member of a range",
        post(MEMBERS, "type=sn&id=0010"),
        CHANGED,
        before=[CREW, IN_RANGE],
        after=[(get(MEMBERS), lines("sn,0010,0,")), (get("model/g1/0010?show=groups"), lines("crew"))],
        call=lambda c, w: c.groups.add("g1", "crew", near.MemberType("sn"), ["0010"]),
    ),
    *(
        row(
            "M22",
            f"404 for an unknown {kind}",
            post(MEMBERS, f"type={kind}&id=nope"),
            404,
            before=FULL,
            after=[(get(MEMBERS), lines(*THREE))],
            call=lambda c, w, kind=kind: c.groups.add("g1", "crew", near.MemberType(kind), ["nope"]),
        )
        for kind in ("sn", "content", "group")
    ),
    *(
        row("M22", f"400 for {form}", post(MEMBERS, form), 400, before=FULL, after=[(get(MEMBERS), lines(*THREE))])
        for form in ("type=serial&id=A1", "type=sn", "id=A1", "type=sn&id=A1&expire=soon", "type=sn&id=A1&expire=-1")
    ),
    *(
        row(
            "M22",
            f"409 for a cycle by {inner} in {outer}",
            post(f"group/g1/{outer}/", f"type=group&id={inner}"),
            409,
            before=[FULL, post("group/g1/", "id=deep"), post("group/g1/A1/", "type=group&id=deep")],
            after=[(get("group/g1/deep/"), NOTHING), (get(MEMBERS), lines(*THREE))],
            call=lambda c, w, inner=inner, outer=outer: c.groups.add("g1", outer, near.MemberType("group"), [inner]),
        )
        for inner, outer in [("crew", "crew"), ("crew", "A1"), ("crew", "deep"), ("A1", "deep")]
    ),
    row("M22", "404 in an unknown group", post("group/g1/nope/", "type=sn&id=A1"), 404, before=FULL),
    # ---------------------------------------------------------------- M23
    row(
        "M23",
        "adds and updates as listed",
        post(MEMBERS, 'sn,A1,,"a,b"\r\nsn,A2,1900000000,\r\ncontent,fw,0,x', CSV),
        CHANGED,
        before=FULL,
        after=[(get(MEMBERS), lines('sn,A1,0,"a,b"', "content,fw,0,x", "group,A1,0,nested", "sn,A2,1900000000,"))],
        call=lambda c, w: c.groups.add_listed(
            "g1",
            "crew",
            [member("sn", "A1", 0, "a,b"), member("sn", "A2", 1900000000), member("content", "fw", 0, "x")],
        ),
    ),
    row(
        "M23",
        "400 for an unknown type, and adds nothing",
        post(MEMBERS, "sn,A2,0,\nserial,A1,0,\n", CSV),
        400,
        before=FULL,
        after=[(get(MEMBERS), lines(*THREE))],
    ),
    # ---------------------------------------------------------------- M24, M25
    row(
        "M24",
        "removes one",
        post(MEMBERS, "type=sn&id=A1&delete=true"),
        CHANGED,
        before=FULL,
        after=[(get(MEMBERS), lines(*THREE[1:])), (get("model/g1/A1"), NOTHING)],
        call=lambda c, w: c.groups.remove_members("g1", "crew", near.MemberType("sn"), ["A1"]),
    ),
    row(
        "M24",
        "removes many, unknown ones too",
        post(MEMBERS, "type=sn&id[]=1&id[]=4&id[]=nope&delete=true"),
        CHANGED,
        before=_SEVEN,
        after=[(get(f"{MEMBERS}?type=sn"), lines(THREE[0], *_MORE[1:3]))],
        call=lambda c, w: c.groups.remove_members("g1", "crew", near.MemberType("sn"), ["1", "4", "nope"]),
    ),
    row("M24", "400 without a type", post(MEMBERS, "id=A1&delete=true"), 400, before=FULL),
    row(
        "M25",
        "removes as listed",
        delete(MEMBERS, "sn,A1\r\ngroup,A1\r\nsn,nope\r\n", CSV),
        CHANGED,
        before=FULL,
        after=[(get(MEMBERS), lines(THREE[1])), (get("group/g1/A1"), record(",0"))],
        call=lambda c, w: c.groups.remove_listed(
            "g1",
            "crew",
            [(near.MemberType("sn"), "A1"), (near.MemberType("group"), "A1"), (near.MemberType("sn"), "nope")],
        ),
    ),
    row(
        "M25",
        "takes the lines of M18",
        delete(MEMBERS, f"{THREE[0]}\r\n{THREE[2]}\r\n", CSV),
        CHANGED,
        before=FULL,
        after=[(get(MEMBERS), lines(THREE[1]))],
    ),
    row(
        "M25",
        "400 for an unknown type",
        delete(MEMBERS, "serial,A1\r\n", CSV),
        400,
        before=FULL,
        after=[(get(MEMBERS), lines(*THREE))],
    ),
]
