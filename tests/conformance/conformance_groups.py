"""M12 to M17: groups (API document, 8.3 and section 6)."""

from __future__ import annotations

from conformance_words import (
    CHANGED,
    NOTHING,
    delete,
    get,
    lines,
    listed,
    post,
    record,
    refused,
    row,
)

CREW = post("group/g1/", "id=crew&meta=the+crew")
MEMBERS = "group/g1/crew/"
FULL = (
    CREW,
    post("group/g1/", "id=A1"),
    post("content/g1/", "id=fw"),
    listed("A1", "A2", "A3"),
    post(MEMBERS, "type=sn&id=A1&expire=1900000000&meta=first"),
    post(MEMBERS, "type=content&id=fw"),
    post(MEMBERS, "type=group&id=A1&expire=0&meta=nested"),
)
"""A crew of a serial number A1, a content fw and a group that is called A1 as well."""

THREE = ("sn,A1,1900000000,first", "content,fw,0,", "group,A1,0,nested")

TWIN = ("sn,A1,0,", "content,fw,0,")
TWINS = (
    post("model/", "model=g2&rid=$template"),
    *(
        post(f"{noun}/{model}/{where}", form)
        for model in ("g1", "g2")
        for noun, where, form in [
            ("model", "", "sn=A1"),
            ("content", "", "id=fw"),
            ("group", "", "id=crew"),
            ("group", "crew/", "type=sn&id=A1"),
            ("group", "crew/", "type=content&id=fw"),
        ]
    ),
)
"""Two models with the same names in them: what is done in g1 leaves g2 as it is."""

_GONE = (
    (get("group/g1/crew"), refused(404)),
    (get("group/g1/"), lines("A1,")),
    (get("group/g1/A1?show=groups"), NOTHING),
    (get("model/g1/A1?show=groups"), NOTHING),
    (get("content/g1/fw?show=groups"), NOTHING),
)


ROWS = [
    # ---------------------------------------------------------------- M12
    row(
        "M12",
        "lists with their texts",
        get("group/g1/?offset=0&limit=1000"),
        lines("crew,the crew", "A1,"),
        before=FULL,
        call=lambda c, w: c.groups.list("g1"),
        result=[("crew", "the crew"), ("A1", "")],
    ),
    row(
        "M12",
        "pages by five",
        get("group/g1/"),
        lines("1,", "2,", "3,", "4,", "5,"),
        before=[post("group/g1/", f"id={x}") for x in "123456"],
        after=[(get("group/g1/?offset=5&limit=6"), lines("6,")), (get("group/g1/?offset=6"), NOTHING)],
        call=lambda c, w: [group.group for group in c.groups.list("g1")],
        result=list("123456"),
    ),
    row("M12", "204 without any", get("group/g1/"), NOTHING, call=lambda c, w: c.groups.list("g1"), result=[]),
    row("M12", "404 for an unknown model", get("group/nope/"), 404, call=lambda c, w: list(c.groups.list("nope"))),
    row("M12", "400 for a bad page", get("group/g1/?offset=-1"), 400),
    # ---------------------------------------------------------------- M13
    row(
        "M13",
        "makes a group",
        post("group/g1/", "id=crew&meta=a%2Cb"),
        CHANGED,
        after=[(get("group/g1/"), lines('crew,"a,b"')), (get("group/g1/crew"), record('"a,b",0'))],
        call=lambda c, w: c.groups.create("g1", "crew", "a,b"),
    ),
    row(
        "M13",
        "409 for a group that exists",
        post("group/g1/", "id=crew&meta=other"),
        409,
        before=[CREW],
        after=[(get("group/g1/"), lines("crew,the crew"))],
        call=lambda c, w: c.groups.create("g1", "crew", "other"),
    ),
    row("M13", "400 without an id", post("group/g1/", "meta=x"), 400, after=[(get("group/g1/"), NOTHING)]),
    # ---------------------------------------------------------------- M14, M17
    row(
        "M14",
        "removes a group and its memberships",
        post("group/g1/", "id=crew&delete=true"),
        CHANGED,
        before=FULL,
        after=_GONE,
        call=lambda c, w: c.groups.remove("g1", "crew"),
    ),
    row(
        "M14",
        "leaves no membership of the removed group",
        post("group/g1/", "id=A1&delete=true"),
        CHANGED,
        before=FULL,
        after=[(get(MEMBERS), lines(*THREE[:2])), (get("model/g1/A1?show=groups"), lines("crew"))],
        call=lambda c, w: c.groups.remove("g1", "A1"),
    ),
    row(
        "M14",
        "404 for an unknown group",
        post("group/g1/", "id=nope&delete=true"),
        404,
        before=[CREW],
        after=[(get("group/g1/"), lines("crew,the crew"))],
        call=lambda c, w: c.groups.remove("g1", "nope"),
    ),
    row(
        "M17",
        "deletes a group and its memberships",
        delete("group/g1/crew"),
        CHANGED,
        before=FULL,
        after=_GONE,
        call=lambda c, w: c.groups.delete("g1", "crew"),
    ),
    row(
        "M17",
        "404 for an unknown group",
        delete("group/g1/nope"),
        404,
        before=[CREW],
        after=[(get("group/g1/"), lines("crew,the crew"))],
        call=lambda c, w: c.groups.delete("g1", "nope"),
    ),
    # ---------------------------------------------------------------- M15
    row(
        "M15",
        "tells text and number of direct members",
        get("group/g1/crew"),
        record("the crew,3"),
        before=FULL,
        call=lambda c, w: c.groups.info("g1", "crew"),
        result=("the crew", "3"),
    ),
    row(
        "M15",
        "counts a member whose time is over",
        get("group/g1/crew"),
        record("the crew,4"),
        before=[FULL, post(MEMBERS, "type=sn&id=A2&expire=1")],
        call=lambda c, w: c.groups.info("g1", "crew"),
        result=("the crew", "4"),
    ),
    row("M15", "404 for an unknown group", get("group/g1/nope"), 404, call=lambda c, w: c.groups.info("g1", "nope")),
    # ---------------------------------------------------------------- M16
    row(
        "M16",
        "lists the groups of a group",
        get("group/g1/A1?show=groups"),
        lines("crew"),
        before=FULL,
        call=lambda c, w: c.groups.parents("g1", "A1"),
        result=["crew"],
    ),
    row(
        "M16",
        "204 without any",
        get("group/g1/crew?show=groups&offset=0&limit=5"),
        NOTHING,
        before=FULL,
        call=lambda c, w: c.groups.parents("g1", "crew"),
        result=[],
    ),
    row(
        "M16",
        "404 for an unknown group",
        get("group/g1/nope?show=groups"),
        404,
        call=lambda c, w: list(c.groups.parents("g1", "nope")),
    ),
]
