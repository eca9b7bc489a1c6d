"""D1 to D4: what a device calls (API document, 8.1)."""

from __future__ import annotations

from conformance_blobs import BLOB, HERE, LIVE, WHOLE, download, entry, fetched, upload
from conformance_words import (
    CSV,
    FORM,
    IN_RANGE,
    Answer,
    activation,
    active,
    disabled,
    enabled,
    get,
    lapsed,
    lines,
    listed,
    orphaned,
    post,
    record,
    row,
    value,
)

_ELSEWHERE = (post("model/", "model=g2&rid=$template"), post("content/g2/", "id=open&meta="))
_STRANGE = [("has no number", ()), ("has a number that is not enabled", (post("model/g2/", "sn=A1"),))]

ROWS = [
    # ---------------------------------------------------------------- D1
    row(
        "D1",
        "hands out the key of an enabled number",
        activation(),
        value("$HEX"),
        before=[enabled()],
        after=[
            (get("model/g1/A1"), record("activated,$rid,")),
            (get("model/g1/A1?show=log"), lines("$NOW,127.0.0.1,vendor=$vendor&model=g1&sn=A1")),
            (get(HERE, who="device"), lines()),
        ],
        call=lambda c, w: c.device.activate("g1", "A1"),
        result="$HEX",
    ),
    row(
        "D1",
        "ignores what it does not know, and the order",
        post("/provision/activate", "osv=1&sn=A1&mfr=x&model=g1&vendor=$vendor", who="nobody", keep="cik"),
        value("$HEX"),
        before=[enabled()],
        after=[(get("model/g1/A1?show=log"), lines("$NOW,127.0.0.1,osv=1&sn=A1&mfr=x&model=g1&vendor=$vendor"))],
    ),
    row(
        "D1",
        "a member of a range, once enabled",
        activation("0010"),
        value("$HEX"),
        before=[IN_RANGE, post("model/g1/0010", "enable=true&owner=$owner", keep="rid")],
        after=[(get("model/g1/0010"), record("activated,$rid,"))],
        call=lambda c, w: c.device.activate("g1", "0010"),
        result="$HEX",
    ),
    *(
        row(
            "D1",
            f"409 where it is {state}",
            activation(),
            409,
            before=before,
            after=[(get("model/g1/A1"), seen)],
            call=lambda c, w: c.device.activate("g1", "A1"),
        )
        for state, before, seen in [
            ("listed and never enabled", [listed("A1")], Answer(204)),
            ("activated already", [active()], record("activated,$rid,")),
            ("disabled", [disabled()], record("expired,$rid,")),
            ("lapsed", [lapsed()], record("expired,$rid,")),
            ("orphaned", [orphaned()], Answer(409, type="text/plain; charset=utf-8")),
        ]
    ),
    row(
        "D1",
        "logs successes only",
        activation(),
        409,
        before=[active(), post("model/g1/A1", "enable=true"), activation()],
        after=[(get("model/g1/A1?show=log"), lines(*["$NOW,127.0.0.1,vendor=$vendor&model=g1&sn=A1"] * 2))],
    ),
    row(
        "D1",
        "409 for a member of a range that nobody enabled",
        activation("0010"),
        409,
        before=[IN_RANGE],
        after=[(get("model/g1/0010"), Answer(204))],
        call=lambda c, w: c.device.activate("g1", "0010"),
    ),
    row(
        "D1",
        "404 for an unknown number",
        activation("A2"),
        404,
        before=[enabled()],
        call=lambda c, w: c.device.activate("g1", "A2"),
    ),
    row(
        "D1",
        "404 for an unknown model",
        post("/provision/activate", "vendor=$vendor&model=nope&sn=A1", who="nobody"),
        404,
        before=[enabled()],
        call=lambda c, w: c.device.activate("nope", "A1"),
    ),
    row(
        "D1",
        "404 for an unknown vendor",
        post("/provision/activate", "vendor=nobody_at_all&model=g1&sn=A1", who="nobody"),
        404,
        before=[enabled()],
        after=[(get("model/g1/A1"), record("notactivated,$rid,"))],
    ),
    row(
        "D1",
        "404 for another vendor's model",
        post("/provision/activate", "vendor=$other&model=g1&sn=A1", who="nobody"),
        404,
        before=[enabled()],
    ),
    *(
        row("D1", f"400 for {form or 'nothing'}", post("/provision/activate", form, who="nobody"), 400)
        for form in (
            "",
            "vendor=$vendor&model=g1",
            "vendor=$vendor&sn=A1",
            "model=g1&sn=A1",
            "vendor=%FF&model=g1&sn=A",
        )
    ),
    # ---------------------------------------------------------------- D2
    row(
        "D2",
        "lists what the caller may read",
        get(HERE, who="device"),
        lines("open", "mine"),
        before=LIVE,
        call=lambda c, w: c.device.contents("g1", w["cik"]),
        result=["open", "mine"],
    ),
    row(
        "D2",
        "is empty where there is nothing",
        get(HERE, who="device"),
        lines(),
        before=[active()],
        call=lambda c, w: c.device.contents("g1", w["cik"]),
        result=[],
    ),
    row("D2", "takes the key from the token's header too", get(HERE, "device as token"), lines(), before=[active()]),
    row(
        "D2",
        "403 for another model",
        get("/provision/download?vendor=$vendor&model=nope", who="device"),
        403,
        before=LIVE,
        call=lambda c, w: c.device.contents("nope", w["cik"]),
    ),
    row("D2", "403 for another vendor", get("/provision/download?vendor=$other&model=g1", "device"), 403, before=LIVE),
    row(
        "D2",
        "401 for a disabled device",
        get(HERE, who="device"),
        401,
        before=[active(), post("model/g1/A1", "disable=true")],
        call=lambda c, w: c.device.contents("g1", w["cik"]),
    ),
    row(
        "D2",
        "401 for the key of before it was enabled again",
        get(HERE, who="device"),
        401,
        before=[active(), post("model/g1/A1", "enable=true")],
    ),
    row("D2", "403 for a client that is no device", get(HERE, who="cik"), 403),
    *(
        row(
            "D2",
            f"403 for a model where it {how}",
            get("/provision/download?vendor=$vendor&model=g2", who="device"),
            403,
            before=[LIVE, _ELSEWHERE, *further],
        )
        for how, further in _STRANGE
    ),
    # ---------------------------------------------------------------- D3
    row(
        "D3",
        "fetches a blob",
        get(f"{HERE}&id=open", who="device"),
        WHOLE,
        before=LIVE,
        call=lambda c, w: fetched(c.device.download, "g1", "open", w["cik"]),
        result=BLOB,
    ),
    row(
        "D3",
        "fetches a protected blob through a group",
        get(f"{HERE}&id=mine", who="device"),
        WHOLE,
        before=LIVE,
        call=lambda c, w: fetched(c.device.download, "g1", "mine", w["cik"]),
        result=BLOB,
    ),
    *download(
        "D3", f"{HERE}&id=open", LIVE, "device", lambda c, w, *ends: c.device.read("g1", "open", w["cik"], *ends)
    ),
    row(
        "D3",
        "403 for a protected blob",
        get(f"{HERE}&id=kept", who="device"),
        403,
        before=LIVE,
        call=lambda c, w: fetched(c.device.download, "g1", "kept", w["cik"]),
    ),
    row(
        "D3",
        "403 once the membership has lapsed",
        get(f"{HERE}&id=mine", who="device"),
        403,
        before=[LIVE, post("group/g1/crew/", "type=sn&id=A1&expire=1&meta=")],
        after=[(get("group/g1/crew/?type=sn"), lines("sn,A1,1,")), (get(HERE, who="device"), lines("open"))],
    ),
    row(
        "D3",
        "reads through nested groups",
        get(f"{HERE}&id=kept", who="device"),
        WHOLE,
        before=[
            LIVE,
            post("group/g1/", "id=fleet"),
            post("group/g1/fleet/", "type=content&id=kept"),
            post("group/g1/fleet/", "type=group&id=crew"),
        ],
        after=[(get(HERE, who="device"), lines("open", "kept", "mine"))],
    ),
    row(
        "D3",
        "404 for an unknown content",
        get(f"{HERE}&id=nope", who="device"),
        404,
        before=LIVE,
        call=lambda c, w: fetched(c.device.download, "g1", "nope", w["cik"]),
    ),
    row(
        "D3",
        "404 before the first upload",
        get(f"{HERE}&id=new", who="device"),
        404,
        before=[active(), entry("new")],
        call=lambda c, w: fetched(c.device.download, "g1", "new", w["cik"]),
    ),
    row(
        "D3",
        "403 for another model",
        get("/provision/download?vendor=$vendor&model=nope&id=open", who="device"),
        403,
        before=LIVE,
        call=lambda c, w: fetched(c.device.download, "nope", "open", w["cik"]),
    ),
    row(
        "D3",
        "an empty blob is 200",
        get(f"{HERE}&id=none", who="device"),
        Answer(200, b"", FORM),
        before=[active(), entry("none"), upload("none", b"", FORM)],
        call=lambda c, w: fetched(c.device.download, "g1", "none", w["cik"]),
        result=b"",
    ),
    *(
        row(
            "D3",
            f"403 for a model where it {how}",
            get("/provision/download?vendor=$vendor&model=g2&id=open", who="device"),
            403,
            before=[LIVE, _ELSEWHERE, *further],
        )
        for how, further in _STRANGE
    ),
    # ---------------------------------------------------------------- D4
    row(
        "D4",
        "tells type, size, time and meta",
        get(f"{HERE}&id=open&info=true", who="device"),
        record("application/octet-stream,24,$NOW,about open"),
        before=LIVE,
        call=lambda c, w: c.device.info("g1", "open", w["cik"]),
        result=("application/octet-stream", "24", "$NOW", "about open", None),
    ),
    row(
        "D4",
        "takes the key from the token's header too",
        get(f"{HERE}&id=open&info=true", who="device as token"),
        Answer(200, "application/octet-stream,24,$NOW,about open", CSV),
        before=LIVE,
    ),
    row(
        "D4",
        "400 for another model",
        get("/provision/download?vendor=$vendor&model=nope&id=open&info=true", who="device"),
        400,
        before=LIVE,
        call=lambda c, w: c.device.info("nope", "open", w["cik"]),
    ),
    row(
        "D4",
        "400 for another vendor",
        get("/provision/download?vendor=$other&model=g1&id=open&info=true", who="device"),
        400,
        before=LIVE,
    ),
    row(
        "D4",
        "404 for an unknown content",
        get(f"{HERE}&id=nope&info=true", who="device"),
        404,
        before=LIVE,
        call=lambda c, w: c.device.info("g1", "nope", w["cik"]),
    ),
    row(
        "D4",
        "403 for a protected one",
        get(f"{HERE}&id=kept&info=true", who="device"),
        403,
        before=LIVE,
        call=lambda c, w: c.device.info("g1", "kept", w["cik"]),
    ),
    *(
        row(
            "D4",
            f"403 for a model where it {how}",
            get("/provision/download?vendor=$vendor&model=g2&id=open&info=true", who="device"),
            403,
            before=[LIVE, _ELSEWHERE, *further],
        )
        for how, further in _STRANGE
    ),
]
