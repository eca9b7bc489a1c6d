"""M34, M38 and M42: ranges of serial numbers (API document, 8.5 and section 3)."""

from __future__ import annotations

from typing import Any

from conformance_words import (
    CHANGED,
    IN_RANGE,
    JSON,
    NOTHING,
    SPAN,
    Answer,
    delete,
    get,
    lines,
    listed,
    post,
    record,
    refused,
    row,
)

from station.fleet import client as near


def span(format: str, first: int, last: int, length: int | None = None, casing: str | None = None) -> Any:
    return near.SerialRange(
        near.RangeFormat(format), first, last, length, near.Casing(casing) if casing is not None else None
    )


def json(format: str, first: object, last: object, length: str = "null", casing: str = "null") -> str:
    return f'{{"ranges":[{{"format":"{format}","length":{length},"casing":{casing},"first":{first},"last":{last}}}]}}'


_RANGES = get("model/g1/?show=ranges")
_TEN = ("base10", "10", "19", "4", None)
_MAC = ("mac:48", "1108152157440", "1108152157695", None, "lower")
_MACS = json("mac:48", 1108152157440, 1108152157695, casing='"lower"')
_HEX = {casing: json("base16", 10, 15, "1", f'"{casing}"') for casing in ("upper", "lower")}

ROWS = [
    # ---------------------------------------------------------------- M34
    row(
        "M34",
        "lists a bare array of ranges",
        _RANGES,
        Answer(
            200,
            '[{"format":"base10","length":4,"casing":null,"first":10,"last":19},'
            '{"format":"mac:48","length":null,"casing":"lower","first":1108152157440,"last":1108152157695}]',
            JSON,
        ),
        before=[IN_RANGE, post("model/g1/", _MACS, JSON)],
        call=lambda c, w: c.ranges.list("g1"),
        result=[_TEN, _MAC],
    ),
    row("M34", "is empty at first", _RANGES, Answer(200, "", JSON), call=lambda c, w: c.ranges.list("g1"), result=[]),
    row(
        "M34",
        "404 for an unknown model",
        get("model/nope/?show=ranges"),
        404,
        call=lambda c, w: c.ranges.list("nope"),
    ),
    # ---------------------------------------------------------------- M38
    row(
        "M38",
        "adds ranges",
        post("model/g1/", SPAN, JSON),
        CHANGED,
        after=[
            (get("model/g1/0010"), NOTHING),
            (get("model/g1/0019"), NOTHING),
            (get("model/g1/0009"), refused(404)),
            (get("model/g1/0020"), refused(404)),
            (get("model/g1/10"), refused(404)),
            (get("model/g1/"), lines()),
        ],
        call=lambda c, w: c.ranges.add("g1", [span("base10", 10, 19, 4)]),
    ),
    row(
        "M38",
        "adds addresses as they are written",
        post("model/g1/", _MACS, "application/json"),
        CHANGED,
        after=[
            (get("model/g1/01:02:03:04:05:00"), NOTHING),
            (get("model/g1/01%3A02%3A03%3a04%3a05%3aff"), NOTHING),
            (get("model/g1/01:02:03:04:05:FF"), refused(404)),
            (get("model/g1/01-02-03-04-05-00"), refused(404)),
        ],
        call=lambda c, w: c.ranges.add("g1", [span("mac:48", 1108152157440, 1108152157695, casing="lower")]),
    ),
    row(
        "M38",
        "overlaps single numbers",
        post("model/g1/", SPAN, ""),
        CHANGED,
        before=[listed("0012")],
        after=[(get("model/g1/"), lines("0012,,")), (get("model/g1/0013"), NOTHING)],
        call=lambda c, w: c.ranges.add("g1", [span("base10", 10, 19, 4)]),
    ),
    row(
        "M38",
        "409 for the same range again",
        post("model/g1/", SPAN, JSON),
        409,
        before=[IN_RANGE],
        call=lambda c, w: c.ranges.add("g1", [span("base10", 10, 19, 4)]),
    ),
    row(
        "M38",
        "takes a range that overlaps another",
        post("model/g1/", json("base10", 15, 25, "4"), JSON),
        CHANGED,
        before=[IN_RANGE],
        after=[(get("model/g1/0025"), NOTHING)],
    ),
    *(
        row("M38", f"400 for {body}", post("model/g1/", body, JSON), 400, after=[(_RANGES, Answer(200, "", JSON))])
        for body in (
            "{",
            "[1]",
            '{"ranges":5}',
            json("base8", 1, 2),
            json("base10", 5, 4),
            json("base10", -1, 4),
            json("base10", '"1"', '"4"'),
            json("base10", "true", 4),
            json("base10", 1.5, 4),
            json("base10", 1, 100, "2"),
            json("base16", 1, 2, casing='"Upper"'),
            json("mac:48", 0, 2**48, casing='"upper"'),
            '{"ranges":[{"format":"base10","last":4}]}',
        )
    ),
    row(
        "M38",
        "adds none if one is bad",
        post("model/g1/", SPAN[:-2] + ',{"format":"base10","first":5,"last":4}]}', JSON),
        400,
        after=[(_RANGES, Answer(200, "", JSON))],
    ),
    # ---------------------------------------------------------------- M42
    row(
        "M42",
        "removes the identical range",
        delete("model/g1/", '{"ranges":[{"first":10,"last":19,"format":"base10","length":4}]}', JSON),
        CHANGED,
        before=[IN_RANGE, post("model/g1/0011", "enable=true&owner=$owner", keep="rid")],
        after=[
            (_RANGES, Answer(200, "", JSON)),
            (get("model/g1/0012"), refused(404)),
            (get("model/g1/0011"), record("notactivated,$rid,")),
        ],
        call=lambda c, w: c.ranges.remove("g1", [span("base10", 10, 19, 4)]),
    ),
    *(
        row(
            "M42",
            f"404 for {what}",
            delete("model/g1/", json("base10", first, last, length), JSON),
            404,
            before=[IN_RANGE],
            after=[(get("model/g1/0012"), NOTHING)],
            call=lambda c, w, one=(first, last, None if length == "null" else int(length)): c.ranges.remove(
                "g1", [span("base10", *one)]
            ),
        )
        for what, first, last, length in [
            ("a part", 10, 12, "4"),
            ("another length", 10, 19, "null"),
            ("none", 1, 2, "4"),
        ]
    ),
    row(
        "M42",
        "removes the range of that casing",
        delete("model/g1/", _HEX["lower"], JSON),
        CHANGED,
        before=[post("model/g1/", _HEX[casing], JSON) for casing in ("upper", "lower")],
        after=[(get("model/g1/A"), NOTHING), (get("model/g1/a"), refused(404))],
        call=lambda c, w: c.ranges.remove("g1", [span("base16", 10, 15, 1, "lower")]),
    ),
    row(
        "M42",
        "404 for another casing",
        delete("model/g1/", _HEX["lower"], JSON),
        404,
        before=[post("model/g1/", _HEX["upper"], JSON)],
        after=[(get("model/g1/A"), NOTHING)],
        call=lambda c, w: c.ranges.remove("g1", [span("base16", 10, 15, 1, "lower")]),
    ),
    row("M42", "400 for what is no range", delete("model/g1/", "{}", JSON), 400, before=[IN_RANGE]),
]
