"""M33, M35 to M37 and M39 to M41: the serial numbers of a model (API document, 8.5)."""

from __future__ import annotations

from conformance_blobs import HERE, LIVE
from conformance_words import (
    CHANGED,
    CSV,
    FORM,
    IN_RANGE,
    NOTHING,
    active,
    delete,
    disabled,
    enabled,
    get,
    lapsed,
    lines,
    listed,
    orphaned,
    post,
    record,
    refused,
    row,
)

_SEVEN = listed(*"7531642")
_MANY = [f"N{number:04}" for number in range(1100)]
_ALL = get("model/g1/?offset=0&limit=1000")
_WITH_EXTRA = post("model/g1/", "sn=A1&extra=a%2Cb")

ROWS = [
    # ---------------------------------------------------------------- M33
    row(
        "M33",
        "lists number, client and text",
        _ALL,
        lines('A1,$rid,"a,b"', "A2,,"),
        before=[_WITH_EXTRA, listed("A2"), post("model/g1/A1", "enable=true&owner=$owner", keep="rid")],
        call=lambda c, w: [(x.serial, x.rid, x.extra) for x in c.serials.list("g1")],
        result=[("A1", "$rid", "a,b"), ("A2", None, "")],
    ),
    *(
        row(
            "M33",
            f"shows a number that is {state}",
            get("model/g1/?status=true&offset=0&limit=5"),
            lines(f"A1,{word},{rid},"),
            before=before,
            call=lambda c, w: c.serials.list("g1"),
            result=[("A1", word or "unused", rid or None, "")],
        )
        for state, word, rid, before in [
            ("unused", "", "", [listed("A1")]),
            ("enabled", "notactivated", "$rid", [enabled()]),
            ("activated", "activated", "$rid", [active()]),
            ("disabled", "expired", "$rid", [disabled()]),
            ("lapsed", "expired", "$rid", [lapsed()]),
        ]
    ),
    row("M33", "shows an orphan without a word", get("model/g1/?status=true"), lines("A1,,$rid,"), before=[orphaned()]),
    row(
        "M33",
        "pages by five, in the order of adding",
        get("model/g1/"),
        lines(*(f"{x},," for x in "75316")),
        before=_SEVEN,
        after=[
            (get("model/g1/?offset=0&limit=1"), lines(*(f"{x},," for x in "75316"))),
            (get("model/g1/?offset=6&limit=6"), lines("2,,")),
            (get("model/g1/?offset=7&limit=6"), lines()),
            (get("model/g1/?limit=99999"), lines(*(f"{x},," for x in "7531642"))),
        ],
        call=lambda c, w: [found.serial for found in c.serials.list("g1")],
        result=list("7531642"),
    ),
    row(
        "M33",
        "gives a page of what is asked for",
        get("model/g1/?offset=1&limit=5"),
        lines(*(f"{x},," for x in "53164")),
        before=_SEVEN,
        call=lambda c, w: c.serials.page("g1", 1, 5),
        result=([(x, "unused", None, "") for x in "53164"], "1", "5"),
    ),
    row("M33", "is empty at first", get("model/g1/"), lines(), call=lambda c, w: c.serials.list("g1"), result=[]),
    row(
        "M33",
        "leaves out members of ranges",
        _ALL,
        lines("0012,$rid,"),
        before=[IN_RANGE, post("model/g1/0012", "enable=true&owner=$owner", keep="rid")],
        call=lambda c, w: [found.serial for found in c.serials.list("g1")],
        result=["0012"],
    ),
    row(
        "M33",
        "lists what a guest enabled",
        get("model/g1/?shared=$other"),
        lines("B2,$rid,secret"),
        before=[
            enabled("A1", keep="mine"),
            post("share/g1/", "vendor=$other"),
            post("model/g1/", "sn=B2&extra=secret"),
            post("model/g1/B2", "enable=true&owner=$other_owner", who="guest", keep="rid"),
        ],
        after=[
            (get("model/g1/", who="guest"), lines("B2,$rid,")),
            (get("model/g1/"), lines("A1,$mine,", "B2,$rid,secret")),
        ],
        call=lambda c, w: [(x.serial, x.rid) for x in c.serials.list("g1", shared_with=w["other"])],
        result=[("B2", "$rid")],
    ),
    row(
        "M33",
        "lists what a guest enabled from an offset",
        get("model/g1/?shared=$other&offset=1&limit=5"),
        lines("C3,$third,", "D4,$fourth,"),
        before=[
            enabled("B2", keep="second"),
            post("share/g1/", "vendor=$other"),
            listed("A1", "C3", "D4"),
            *(
                post(f"model/g1/{sn}", "enable=true&owner=$other_owner", who="guest", keep=word)
                for sn, word in [("A1", "first"), ("C3", "third"), ("D4", "fourth")]
            ),
        ],
        after=[
            (get("model/g1/?offset=2", who="guest"), lines("D4,$fourth,")),
            (get("model/g1/?shared=$other&offset=3"), lines()),
        ],
        call=lambda c, w: c.serials.page("g1", 1, 5, shared_with=w["other"]).rows,
        result=[("C3", "notactivated", "$third", ""), ("D4", "notactivated", "$fourth", "")],
    ),
    row(
        "M33",
        "has at most 1000 on a page",
        get("model/g1/?limit=1100"),
        lines(*(f"{sn},," for sn in _MANY[:1000])),
        before=[post("model/g1/", "\r\n".join(_MANY), CSV)],
        after=[(get("model/g1/?offset=1000&limit=1100"), lines(*(f"{sn},," for sn in _MANY[1000:])))],
        call=lambda c, w: [found.serial for found in c.serials.list("g1")],
        result=_MANY,
    ),
    *(row("M33", f"400 for {bad}", get(f"model/g1/?{bad}"), 400) for bad in ("limit=x", "offset=-1", "offset=1.5")),
    row("M33", "404 for an unknown model", get("model/nope/"), 404, call=lambda c, w: list(c.serials.list("nope"))),
    # ---------------------------------------------------------------- M35
    row(
        "M35",
        "adds one",
        post("model/g1/", "sn=A1&extra=a%2Cb"),
        CHANGED,
        after=[(_ALL, lines('A1,,"a,b"')), (get("model/g1/A1"), NOTHING)],
        call=lambda c, w: c.serials.add("g1", "A1", "a,b"),
    ),
    row("M35", "takes add=true and raw blanks", post("model/g1/", "add=true&sn=A1&extra=This is text"), CHANGED),
    row(
        "M35",
        "adds a member of a range",
        post("model/g1/", "sn=0012&extra=x"),
        CHANGED,
        before=[IN_RANGE],
        after=[(_ALL, lines("0012,,x"))],
        call=lambda c, w: c.serials.add("g1", "0012", "x"),
    ),
    *(
        row(
            "M35",
            f"409 for one that is {state}",
            post("model/g1/", "sn=A1&extra=new"),
            409,
            before=before,
            after=[(get("model/g1/A1"), seen)],
            call=lambda c, w: c.serials.add("g1", "A1", "new"),
        )
        for state, before, seen in [
            ("listed", [listed("A1")], NOTHING),
            ("enabled", [enabled()], record("notactivated,$rid,")),
            ("activated", [active()], record("activated,$rid,")),
            ("disabled", [disabled()], record("expired,$rid,")),
            ("orphaned", [orphaned()], refused(409)),
        ]
    ),
    *(
        row("M35", f"400 for {form or 'nothing'}", post("model/g1/", form), 400, after=[(_ALL, lines())])
        for form in ("", "extra=x", "sn=", "sn=a%2Fb", "sn=a+b", "sn=a%0D%0Ab", "sn=%FF")
    ),
    row("M35", "413 for a number that is too long", post("model/g1/", f"sn={'9' * 129}"), 413, after=[(_ALL, lines())]),
    row(
        "M35",
        "404 for an unknown model",
        post("model/nope/", "sn=A1"),
        404,
        call=lambda c, w: c.serials.add("nope", "A1"),
    ),
    # ---------------------------------------------------------------- M36
    row(
        "M36",
        "adds many",
        post("model/g1/", "add=true&sn[]=A1&sn%5B%5D=A2&sn[]=A1"),
        CHANGED,
        after=[(_ALL, lines("A1,,", "A2,,"))],
        call=lambda c, w: c.serials.add_many("g1", ["A1", "A2"]),
    ),
    row(
        "M36",
        "409 if one exists, and adds none",
        post("model/g1/", "sn[]=A1&sn[]=A2"),
        409,
        before=[listed("A2")],
        after=[(_ALL, lines("A2,,"))],
        call=lambda c, w: c.serials.add_many("g1", ["A1", "A2"]),
    ),
    row(
        "M36",
        "400 if one is no name, and adds none",
        post("model/g1/", "sn[]=A1&sn[]=a%2Fb"),
        400,
        after=[(_ALL, lines())],
    ),
    # ---------------------------------------------------------------- M37
    row(
        "M37",
        "adds many with texts",
        post("model/g1/", 'A1,"say ""x"", y"\r\nA2\r\n\r\nA3,', CSV),
        CHANGED,
        after=[(_ALL, lines('A1,,"say ""x"", y"', "A2,,", "A3,,"))],
        call=lambda c, w: c.serials.add_rows("g1", [("A1", 'say "x", y'), ("A2", ""), ("A3", "")]),
    ),
    row(
        "M37", "takes LF and no type", post("model/g1/", "A1\nA2\n", ""), CHANGED, after=[(_ALL, lines("A1,,", "A2,,"))]
    ),
    row(
        "M37",
        "409 if one exists, and adds none",
        post("model/g1/", "A1,x\r\nA2,y\r\n", CSV),
        409,
        before=[listed("A2")],
        after=[(_ALL, lines("A2,,"))],
        call=lambda c, w: c.serials.add_rows("g1", [("A1", "x"), ("A2", "y")]),
    ),
    *(
        row("M37", f"400 for {body!r}", post("model/g1/", body, CSV), 400, after=[(_ALL, lines())])
        for body in ('A1\r\n"A2\r\nA3\r\n', '"A1"x\r\n', "\r\n", ",x\r\n")
    ),
    row("M37", "400 for three columns", post("model/g1/", "A1,x,y\r\n", CSV), 400, after=[(_ALL, lines())]),
    # ---------------------------------------------------------------- M39
    row(
        "M39",
        "removes one, whose key is dead from then on",
        post("model/g1/", "delete=true&sn=A1"),
        CHANGED,
        before=LIVE,
        after=[
            (_ALL, lines("B2,,")),
            (get("model/g1/A1"), refused(404)),
            (get(HERE, who="device"), refused(401)),
            (get("group/g1/crew/"), lines("content,mine,0,")),
        ],
        call=lambda c, w: c.serials.remove("g1", "A1"),
    ),
    row(
        "M39",
        "205 for an unknown one",
        post("model/g1/", "delete=true&sn=nope"),
        CHANGED,
        before=[listed("A1")],
        after=[(_ALL, lines("A1,,"))],
        call=lambda c, w: c.serials.remove("g1", "nope"),
    ),
    row(
        "M39",
        "404 for nothing but a member of a range",
        post("model/g1/", "delete=true&sn=0012"),
        404,
        before=[IN_RANGE],
        after=[(get("model/g1/0012"), NOTHING)],
        call=lambda c, w: c.serials.remove("g1", "0012"),
    ),
    row("M39", "400 without a number", post("model/g1/", "delete=true"), 400, before=[listed("A1")]),
    # ---------------------------------------------------------------- M40
    *(
        row(
            "M40",
            f"removes many by {word}=true",
            post("model/g1/", f"{word}=true&sn[]=A1&sn%5B%5D=A2&sn[]=nope"),
            CHANGED,
            before=[active(), listed("A2", "A3")],
            after=[(_ALL, lines("A3,,")), (get(HERE, who="device"), refused(401))],
            call=lambda c, w: c.serials.remove_many("g1", ["A1", "A2", "nope"]),
        )
        for word in ("delete", "remove")
    ),
    # ---------------------------------------------------------------- M41
    row(
        "M41",
        "removes as listed, by the first column",
        delete("model/g1/", "A1,some text\r\nA2\nnope\n", CSV),
        CHANGED,
        before=[active(), listed("A2", "A3")],
        after=[(_ALL, lines("A3,,")), (get(HERE, who="device"), refused(401))],
        call=lambda c, w: c.serials.remove_listed("g1", ["A1", "A2", "nope"]),
    ),
    row(
        "M41",
        "404 for an unknown model",
        delete("model/nope/", "A1\r\n", CSV),
        404,
        before=[listed("A1")],
        call=lambda c, w: c.serials.remove_listed("nope", ["A1"]),
    ),
    row(
        "M41",
        "400 for nothing",
        delete("model/g1/", "", FORM),
        400,
        before=[listed("A1")],
        after=[(_ALL, lines("A1,,"))],
    ),
]
