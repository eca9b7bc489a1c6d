"""M46 to M49: what makes and ends a device's key (API document, 8.6 and section 4)."""

from __future__ import annotations

from typing import Any

from conformance_states import A1, DEAD, DEVICE, EXPIRED, GUESTS, NOTACTIVATED, SHARED, STATES, refusals
from conformance_words import (
    CHANGED,
    CSV,
    IN_RANGE,
    NOTHING,
    Answer,
    Ask,
    Seen,
    activation,
    active,
    delete,
    enabled,
    get,
    lines,
    listed,
    post,
    record,
    refused,
    row,
    value,
)

_ENABLE, _OLD, _AGAIN, _OFF = "enable=true&owner=$owner", "enable=true&oldsn=A1", "enable=true", "disable=true"


def _enable(c: Any, w: Any) -> object:
    return c.serials.enable("g1", "A1", w["owner"])


def _remap(c: Any, w: Any) -> object:
    return c.serials.remap("g1", "A1", "A2")


def _regenerate(c: Any, w: Any) -> object:
    return c.serials.regenerate("g1", "A1")


def _disable(c: Any, w: Any) -> object:
    return c.serials.disable("g1", "A1")


_UNLOCK = Ask(
    "POST",
    "/onep:v1/rpc/process",
    '{"auth":{"cik":"$vendor_cik"},"calls":[{"id":1,"procedure":"update","arguments":["$rid",{"locked":false}]}]}',
    "application/json; charset=utf-8",
    "nobody",
)
"""What device platforms do to a device that may work again."""

_MOVED: tuple[Seen, ...] = (
    (A1, NOTHING),
    (get("model/g1/A2"), record("notactivated,$rid,")),
    (activation("A1"), refused(409)),
    (activation("A2", keep="new"), value("$HEX")),
    (get("model/g1/A2"), record("activated,$rid,")),
)
_RENEWED: tuple[Seen, ...] = (
    (A1, NOTACTIVATED),
    (activation(keep="new"), value("$HEX")),
    (A1, record("activated,$rid,")),
    (activation(), refused(409)),
)

ROWS = [
    # ---------------------------------------------------------------- M46
    row(
        "M46",
        "enables, and tells the client",
        post("model/g1/A1", _ENABLE, keep="rid"),
        Answer(200, "$HEX", CSV),
        before=listed("A1"),
        after=[
            (A1, NOTACTIVATED),
            (get("model/g1/?status=true"), lines("A1,notactivated,$rid,")),
            (activation(), value("$HEX")),
        ],
        call=_enable,
        result="$HEX",
    ),
    row(
        "M46",
        "enables a member of a range",
        post("model/g1/0012", _ENABLE, keep="rid"),
        Answer(200, "$HEX", CSV),
        before=[IN_RANGE],
        after=[(get("model/g1/0012"), NOTACTIVATED), (get("model/g1/"), lines("0012,$rid,"))],
        call=lambda c, w: c.serials.enable("g1", "0012", w["owner"]),
        result="$HEX",
    ),
    row(
        "M46",
        "lets a guest enable below its own client",
        post("model/g1/A1", "enable=true&owner=$other_owner", who="guest", keep="rid"),
        Answer(200, "$HEX", CSV),
        before=[SHARED, listed("A1")],
        after=[(get("model/g1/A1", who="guest"), NOTACTIVATED), (A1, NOTACTIVATED), (activation(), value("$HEX"))],
        call=lambda c, w: c.serials.enable("g1", "A1", w["other_owner"]),
        result="$HEX",
    ),
    *refusals(
        "M46",
        post("model/g1/A1", _ENABLE),
        "absent 404 notactivated 409 activated 409 disabled 409 lapsed 409 locked 409 orphaned 409",
        _enable,
    ),
    row(
        "M46",
        "409 for an owner that may have no further clients",
        post("model/g1/A1", _ENABLE),
        409,
        before=[enabled("A2"), lambda scene: scene.describe("owner", limits={"client": 1}), listed("A1")],
        after=[(A1, NOTHING), (get("model/g1/A2"), NOTACTIVATED)],
        call=_enable,
    ),
    *(
        row(
            "M46",
            f"{status} for {what}",
            post("model/g1/A1", form),
            status,
            before=listed("A1"),
            after=[(A1, NOTHING)],
        )
        for what, form, status in [
            ("an owner that is no RID", "enable=true&owner=abc", 400),
            ("an empty owner", "enable=true&owner=", 400),
            ("owner and oldsn", "enable=true&owner=$owner&oldsn=A1", 400),
            ("an unknown owner", "enable=true&owner=$none", 403),
            ("another vendor's owner", "enable=true&owner=$other_owner", 403),
        ]
    ),
    row(
        "M46",
        "403 for a guest's owner that is not its own",
        post("model/g1/A1", _ENABLE, who="guest"),
        403,
        before=[SHARED, listed("A1")],
        after=[(A1, NOTHING)],
    ),
    # ---------------------------------------------------------------- M47
    *(
        row(
            "M47",
            f"moves the client of a number that is {state}",
            post("model/g1/A2", _OLD),
            CHANGED,
            before=[STATES[state][0], listed("A2")],
            after=[*([DEAD] if state == "activated" else []), *_MOVED],
            call=_remap,
        )
        for state in ("notactivated", "activated", "disabled", "lapsed")
    ),
    row(
        "M47",
        "moves a client into a range",
        post("model/g1/0012", _OLD),
        CHANGED,
        before=[IN_RANGE, active()],
        after=[DEAD, (get("model/g1/0012"), NOTACTIVATED), (A1, NOTHING)],
        call=lambda c, w: c.serials.remap("g1", "A1", "0012"),
    ),
    *refusals("M47", post("model/g1/A2", _OLD), "absent 404 unused 409 locked 409 orphaned 409", _remap, listed("A2")),
    *(
        row(
            "M47",
            f"{status} for a new number that is {state}",
            post("model/g1/A1", "enable=true&oldsn=A2"),
            status,
            before=[active("A2", "old", "key"), STATES[state][0]],
            after=[(get("model/g1/A2"), record("activated,$old,")), (A1, STATES[state][1])],
            call=lambda c, w: c.serials.remap("g1", "A2", "A1"),
        )
        for state, status in [
            ("absent", 404),
            ("notactivated", 409),
            ("activated", 409),
            ("disabled", 409),
            ("lapsed", 409),
            ("locked", 409),
            ("orphaned", 409),
        ]
    ),
    # ---------------------------------------------------------------- M48
    *(
        row(
            "M48",
            f"makes a new key where it is {state}",
            post("model/g1/A1", _AGAIN),
            CHANGED,
            before=STATES[state][0],
            after=[*([DEAD] if state == "activated" else []), *_RENEWED],
            call=_regenerate,
        )
        for state in ("notactivated", "activated", "disabled", "lapsed")
    ),
    *refusals("M48", post("model/g1/A1", _AGAIN), "absent 404 unused 409 locked 409 orphaned 409", _regenerate),
    row(
        "M48",
        "lets a guest renew what it enabled",
        post("model/g1/A1", _AGAIN, who="guest"),
        CHANGED,
        before=[*GUESTS, activation()],
        after=[DEAD, (A1, NOTACTIVATED)],
        call=_regenerate,
    ),
    # ---------------------------------------------------------------- M49
    *(
        row(
            "M49",
            f"closes what is {state}",
            post("model/g1/A1", _OFF),
            CHANGED,
            before=STATES[state][0],
            after=[*([DEAD] if state == "activated" else []), (A1, EXPIRED), (activation(), refused(409))],
            call=_disable,
        )
        for state in ("notactivated", "activated", "disabled", "lapsed")
    ),
    row(
        "M49",
        "closes what is locked, which shows once it is unlocked",
        post("model/g1/A1", _OFF),
        CHANGED,
        before=STATES["locked"][0],
        after=[
            (A1, STATES["locked"][1]),
            (_UNLOCK, Answer(200, '[{"id":1,"status":"ok"}]', _UNLOCK.type)),
            (A1, EXPIRED),
            (activation(), refused(409)),
        ],
        call=_disable,
    ),
    *refusals("M49", post("model/g1/A1", _OFF), "absent 404 unused 409 orphaned 409", _disable),
    row(
        "M49",
        "400 with enable beside disable",
        post("model/g1/A1", "enable=true&disable=true"),
        400,
        before=enabled(),
        after=[(A1, NOTACTIVATED)],
    ),
    row("M49", "400 for nothing", post("model/g1/A1", ""), 400, before=enabled(), after=[(A1, NOTACTIVATED)]),
    *(
        row(
            number,
            "403 for a guest where another enabled it",
            post("model/g1/A1", form, who="guest"),
            403,
            before=[active(), SHARED],
            after=[(A1, record("activated,$rid,"))],
            call=call,
        )
        for number, form, call in [("M48", _AGAIN, _regenerate), ("M49", _OFF, _disable)]
    ),
    row(
        "M49",
        "403 for a guest after the share has ended, whose device lives on",
        post("model/g1/A1", _OFF, who="guest"),
        403,
        before=[*GUESTS, activation(), delete("share/g1/$other")],
        after=[(A1, record("activated,$rid,")), (DEVICE, lines())],
    ),
]
