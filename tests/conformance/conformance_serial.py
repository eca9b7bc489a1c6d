"""M43 to M45 and M50: one serial number (API document, 8.6 and section 4)."""

from __future__ import annotations

from conformance_groups import TWIN, TWINS
from conformance_states import A1, DEAD, GUESTS, NOTACTIVATED, SHARED, STATES, refusals
from conformance_words import (
    CHANGED,
    IN_RANGE,
    NOTHING,
    activation,
    active,
    delete,
    enabled,
    get,
    lines,
    listed,
    orphaned,
    post,
    record,
    refused,
    row,
)

_LOG = get("model/g1/A1?show=log")
_ENTRY = "$NOW,127.0.0.1,vendor=$vendor&model=g1&sn=A1"
_OTHERS = "$NOW,127.0.0.1,model=g1&vendor=$vendor&sn=A1"

ROWS = [
    # ---------------------------------------------------------------- M43
    *(
        row(
            "M43",
            f"tells what is {state}",
            A1,
            answer,
            before=before,
            call=lambda c, w: c.serials.info("g1", "A1"),
            result=(word, "$rid" if answer.status == 200 else None, ""),
        )
        for state, (before, answer), word in [
            (state, STATES[state], {"disabled": "expired", "lapsed": "expired"}.get(state, state))
            for state in ("notactivated", "activated", "disabled", "lapsed", "unused")
        ]
    ),
    row(
        "M43",
        "409 for an orphan",
        A1,
        409,
        before=orphaned(),
        call=lambda c, w: c.serials.info("g1", "A1"),
        result=("orphaned", None, ""),
    ),
    row(
        "M43",
        "quotes its text",
        A1,
        record('notactivated,$rid,"a,b"'),
        before=[post("model/g1/", "sn=A1&extra=a%2Cb"), post("model/g1/A1", "enable=true&owner=$owner", keep="rid")],
        call=lambda c, w: c.serials.info("g1", "A1"),
        result=("notactivated", "$rid", "a,b"),
    ),
    row(
        "M43",
        "204 for a member of a range",
        get("model/g1/0012"),
        NOTHING,
        before=[IN_RANGE],
        call=lambda c, w: c.serials.info("g1", "0012"),
        result=("unused", None, ""),
    ),
    row(
        "M43",
        "shows a guest what it enabled, without its text",
        get("model/g1/A1", who="guest"),
        NOTACTIVATED,
        before=[
            SHARED,
            post("model/g1/", "sn=A1&extra=secret"),
            post("model/g1/A1", "enable=true&owner=$other_owner", who="guest", keep="rid"),
        ],
        after=[(A1, record("notactivated,$rid,secret"))],
        call=lambda c, w: c.serials.info("g1", "A1"),
        result=("notactivated", "$rid", ""),
    ),
    row(
        "M43",
        "hides from a guest what it did not enable",
        get("model/g1/A1", "guest"),
        404,
        before=[enabled(), SHARED],
    ),
    row("M43", "404 for an unknown number", A1, 404, call=lambda c, w: c.serials.info("g1", "A1")),
    row("M43", "404 for an unknown model", get("model/nope/A1"), 404, call=lambda c, w: c.serials.info("nope", "A1")),
    # ---------------------------------------------------------------- M44
    row(
        "M44",
        "lists the groups of a number",
        get("model/g1/A1?show=groups&offset=0&limit=1000"),
        lines("b", "a"),
        before=[
            listed("A1"),
            *(post("group/g1/", f"id={x}") for x in "bac"),
            *(post(f"group/g1/{x}/", "type=sn&id=A1") for x in "ba"),
        ],
        call=lambda c, w: c.serials.groups("g1", "A1"),
        result=["b", "a"],
    ),
    row(
        "M44",
        "204 without any",
        get("model/g1/A1?show=groups"),
        NOTHING,
        before=listed("A1"),
        call=lambda c, w: c.serials.groups("g1", "A1"),
        result=[],
    ),
    row(
        "M44",
        "404 for an unknown number",
        get("model/g1/A1?show=groups"),
        404,
        call=lambda c, w: list(c.serials.groups("g1", "A1")),
    ),
    # ---------------------------------------------------------------- M45
    row(
        "M45",
        "tells each activation, oldest first",
        _LOG,
        lines(_ENTRY, "$NOW,127.0.0.1,model=g1&vendor=$vendor&sn=A1"),
        before=[
            active(),
            post("model/g1/A1", "enable=true"),
            post("/provision/activate", "model=g1&vendor=$vendor&sn=A1", who="nobody"),
        ],
        call=lambda c, w: c.serials.log("g1", "A1"),
        result=[
            ("$NOW", "127.0.0.1", "vendor=$vendor&model=g1&sn=A1"),
            ("$NOW", "127.0.0.1", "model=g1&vendor=$vendor&sn=A1"),
        ],
    ),
    row(
        "M45",
        "204 without any",
        _LOG,
        NOTHING,
        before=enabled(),
        call=lambda c, w: c.serials.log("g1", "A1"),
        result=[],
    ),
    row(
        "M45",
        "shows a guest what it enabled",
        get("model/g1/A1?show=log", who="guest"),
        lines(_ENTRY),
        before=[*GUESTS, activation()],
        call=lambda c, w: c.serials.log("g1", "A1"),
        result=[("$NOW", "127.0.0.1", "vendor=$vendor&model=g1&sn=A1")],
    ),
    row(
        "M45",
        "hides from a guest what it did not enable",
        get("model/g1/A1?show=log", who="guest"),
        404,
        before=[active(), SHARED],
        call=lambda c, w: c.serials.log("g1", "A1"),
    ),
    row(
        "M45",
        "hides from a guest the activations of what others enabled",
        get("model/g1/A1?show=log", who="guest"),
        lines(_OTHERS),
        before=[
            active(),
            listed("A2"),
            post("model/g1/A2", "enable=true&oldsn=A1"),
            SHARED,
            post("model/g1/A1", "enable=true&owner=$other_owner", who="guest"),
            post("/provision/activate", "model=g1&vendor=$vendor&sn=A1", who="nobody"),
        ],
        after=[(_LOG, lines(_ENTRY, _OTHERS))],
        call=lambda c, w: c.serials.log("g1", "A1"),
        result=[("$NOW", "127.0.0.1", "model=g1&vendor=$vendor&sn=A1")],
    ),
    row("M45", "404 for an unknown number", _LOG, 404, call=lambda c, w: c.serials.log("g1", "A1")),
    # ---------------------------------------------------------------- M50
    *(
        row(
            "M50",
            f"deletes what is {state}",
            delete("model/g1/A1"),
            CHANGED,
            before=STATES[state][0],
            after=[
                *([DEAD] if state == "activated" else []),
                (A1, refused(404)),
                (get("model/g1/"), lines()),
                (activation(), refused(404)),
                *((ask, CHANGED) for ask in listed("A1")),
                (A1, NOTHING),
            ],
            call=lambda c, w: c.serials.delete("g1", "A1"),
        )
        for state in ("unused", "notactivated", "activated", "disabled", "lapsed", "locked", "orphaned")
    ),
    row(
        "M50",
        "forgets memberships in its own model only",
        delete("model/g1/A1"),
        CHANGED,
        before=TWINS,
        after=[(get("group/g1/crew/"), lines(TWIN[1])), (get("group/g2/crew/"), lines(*TWIN))],
        call=lambda c, w: c.serials.delete("g1", "A1"),
    ),
    *refusals("M50", delete("model/g1/A1"), "absent 404", lambda c, w: c.serials.delete("g1", "A1")),
]
