"""M51 to M55: sharing a model (API document, 8.7 and section 7)."""

from __future__ import annotations

from conformance_words import CHANGED, NOTHING, delete, get, lines, listed, post, refused, row

_SHARE = post("share/g1/", "vendor=$other")
_UNSHARED = (
    (get("share/g1/"), NOTHING),
    (get("share/g1/$other"), refused(404)),
    (get("model/?show=shared", who="other"), lines()),
    (get("model/g1/", who="guest"), refused(403)),
)

ROWS = [
    row(
        "M51",
        "lists vendors",
        get("share/g1/"),
        lines("$other"),
        before=[_SHARE],
        call=lambda c, w: c.shares.list("g1"),
        result=["$other"],
    ),
    row("M51", "204 without any", get("share/g1/"), NOTHING, call=lambda c, w: c.shares.list("g1"), result=[]),
    row("M51", "404 for an unknown model", get("share/nope/"), 404, call=lambda c, w: c.shares.list("nope")),
    row(
        "M52",
        "shares",
        _SHARE,
        CHANGED,
        before=listed("A1"),
        after=[
            (get("share/g1/"), lines("$other")),
            (get("model/?show=shared", who="other"), lines("$vendor,g1")),
            (get("model/g1/", who="guest"), lines()),
        ],
        call=lambda c, w: c.shares.add("g1", w["other"]),
    ),
    row(
        "M52",
        "twice is once",
        _SHARE,
        CHANGED,
        before=[_SHARE],
        after=[(get("share/g1/"), lines("$other"))],
        call=lambda c, w: c.shares.add("g1", w["other"]),
    ),
    row(
        "M52",
        "404 for an unknown vendor",
        post("share/g1/", "vendor=nobody_at_all"),
        404,
        after=[(get("share/g1/"), NOTHING)],
        call=lambda c, w: c.shares.add("g1", "nobody_at_all"),
    ),
    row(
        "M52",
        "409 for oneself",
        post("share/g1/", "vendor=$vendor"),
        409,
        after=[(get("share/g1/"), NOTHING)],
        call=lambda c, w: c.shares.add("g1", w["vendor"]),
    ),
    row("M52", "400 without a vendor", post("share/g1/", "x=y"), 400, after=[(get("share/g1/"), NOTHING)]),
    row(
        "M53",
        "unshares",
        post("share/g1/", "vendor=$other&delete=true"),
        CHANGED,
        before=[_SHARE],
        after=_UNSHARED,
        call=lambda c, w: c.shares.remove("g1", w["other"]),
    ),
    row(
        "M53",
        "404 for a vendor that it is not shared with",
        post("share/g1/", "vendor=$other&delete=true"),
        404,
        call=lambda c, w: c.shares.remove("g1", w["other"]),
    ),
    row(
        "M54",
        "204 is yes",
        get("share/g1/$other"),
        NOTHING,
        before=[_SHARE],
        call=lambda c, w: c.shares.exists("g1", w["other"]),
        result=True,
    ),
    row(
        "M54",
        "404 is no",
        get("share/g1/$other"),
        404,
        call=lambda c, w: c.shares.exists("g1", w["other"]),
        result=False,
    ),
    row(
        "M55",
        "unshares",
        delete("share/g1/$other"),
        CHANGED,
        before=[_SHARE],
        after=_UNSHARED,
        call=lambda c, w: c.shares.delete("g1", w["other"]),
    ),
    row(
        "M55",
        "404 for a vendor that it is not shared with",
        delete("share/g1/$other"),
        404,
        call=lambda c, w: c.shares.delete("g1", w["other"]),
    ),
]
