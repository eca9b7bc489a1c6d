"""M56 to M63: a vendor's name and its tokens (API document, 8.8)."""

from __future__ import annotations

from typing import Any

from conformance_words import CHANGED, Answer, delete, get, lines, post, refused, row, value

_REGISTER, _TOKENS = "/provision/register", "/provision/admin/auth/"
_NO_MODEL = delete("model/g1")
_NAMED = post(_REGISTER, "delete=true&vendor=$vendor", who="cik")
_BY_TOKEN = get("model/", who="new token")


def _token(id: str = "line", keep: str = "new") -> Any:
    return post(_TOKENS, f"id={id}", who="cik", keep=keep)


ROWS = [
    # ---------------------------------------------------------------- M56
    row(
        "M56",
        "tells the name",
        get(_REGISTER, who="cik"),
        value("$vendor"),
        call=lambda c, w: c.vendor.name(),
        result="$vendor",
    ),
    row("M56", "takes the key from the token's header too", get(_REGISTER, who="cik as token"), value("$vendor")),
    row(
        "M56",
        "404 without any",
        get(_REGISTER, who="cik"),
        404,
        before=[_NO_MODEL, _NAMED],
        call=lambda c, w: c.vendor.name(),
    ),
    # ---------------------------------------------------------------- M57
    row(
        "M57",
        "registers a name",
        post(_REGISTER, "vendor=new_$vendor", who="cik"),
        CHANGED,
        before=[_NO_MODEL, _NAMED],
        after=[(get(_REGISTER, who="cik"), value("new_$vendor")), (get("model/", who="cik"), lines())],
        call=lambda c, w: c.vendor.register(f"new_{w['vendor']}"),
    ),
    row(
        "M57",
        "the same again changes nothing",
        post(_REGISTER, "vendor=$vendor", who="cik", type=""),
        CHANGED,
        after=[(get(_REGISTER, who="cik"), value("$vendor")), (get("model/"), lines("g1"))],
        call=lambda c, w: c.vendor.register(w["vendor"]),
    ),
    row(
        "M57",
        "409 for another's name",
        post(_REGISTER, "vendor=$other", who="cik"),
        409,
        before=[_NO_MODEL, _NAMED],
        after=[(get(_REGISTER, who="cik"), refused(404)), (get(_REGISTER, who="other cik"), value("$other"))],
        call=lambda c, w: c.vendor.register(w["other"]),
    ),
    row(
        "M57",
        "409 for a second name",
        post(_REGISTER, "vendor=second_$vendor", who="cik"),
        409,
        after=[(get(_REGISTER, who="cik"), value("$vendor"))],
        call=lambda c, w: c.vendor.register(f"second_{w['vendor']}"),
    ),
    *(
        row("M57", f"400 for {form or 'nothing'}", post(_REGISTER, form, who="cik"), 400)
        for form in ("", "vendor=", "vendor=a%20b")
    ),
    # ---------------------------------------------------------------- M58
    row(
        "M58",
        "gives the name back",
        _NAMED,
        CHANGED,
        before=[_NO_MODEL],
        after=[(get(_REGISTER, who="cik"), refused(404)), (get("model/", who="cik"), refused(403))],
        call=lambda c, w: c.vendor.unregister(w["vendor"]),
    ),
    row(
        "M58",
        "409 while there are models",
        _NAMED,
        409,
        after=[(get(_REGISTER, who="cik"), value("$vendor"))],
        call=lambda c, w: c.vendor.unregister(w["vendor"]),
    ),
    row(
        "M58",
        "touches no other's name",
        post(_REGISTER, "delete=true&vendor=$other", who="cik"),
        Answer(404, type="text/plain; charset=utf-8"),
        before=[_NO_MODEL],
        after=[(get(_REGISTER, who="other cik"), value("$other")), (get(_REGISTER, who="cik"), value("$vendor"))],
        call=lambda c, w: c.vendor.unregister(w["other"]),
    ),
    # ---------------------------------------------------------------- M59
    row(
        "M59",
        "lists ids",
        get(_TOKENS, who="cik"),
        lines("station", "line"),
        before=[_token()],
        call=lambda c, w: c.tokens.list(),
        result=["station", "line"],
    ),
    row("M59", "has its path without the slash, too", get(_TOKENS[:-1], who="cik"), lines("station")),
    row("M59", "403 for a token", get(_TOKENS, who="token"), 403),
    # ---------------------------------------------------------------- M60
    row(
        "M60",
        "makes a token",
        _token(),
        value("$HEX"),
        after=[
            (get(f"{_TOKENS}line", who="cik"), value("$new")),
            (get(_TOKENS, who="cik"), lines("station", "line")),
            (_BY_TOKEN, lines("g1")),
        ],
        call=lambda c, w: c.tokens.create("line"),
        result="$HEX",
    ),
    row(
        "M60",
        "409 for an id that exists",
        _token(keep="ignored"),
        409,
        before=[_token()],
        after=[(get(f"{_TOKENS}line", who="cik"), value("$new")), (_BY_TOKEN, lines("g1"))],
        call=lambda c, w: c.tokens.create("line"),
    ),
    row("M60", "403 for a token", post(_TOKENS, "id=line"), 403, after=[(get(_TOKENS, who="cik"), lines("station"))]),
    row("M60", "400 without an id", post(_TOKENS, "name=line", who="cik"), 400),
    # ---------------------------------------------------------------- M61
    row(
        "M61",
        "removes a token, which is refused at once",
        post(_TOKENS, "delete=true&id=line", who="cik"),
        CHANGED,
        before=[_token()],
        after=[(_BY_TOKEN, refused(401)), (get(_TOKENS, who="cik"), lines("station"))],
        call=lambda c, w: c.tokens.remove("line"),
    ),
    *(
        row(
            "M61",
            f"404 for {what}",
            post(_TOKENS, f"delete=true&id={id}", who=who),
            404,
            before=[_token()],
            after=[(_BY_TOKEN, lines("g1"))],
            call=call,
        )
        for what, id, who, call in [
            ("an unknown id", "nope", "cik", lambda c, w: c.tokens.remove("nope")),
            ("another vendor's", "line", "other cik", None),
        ]
    ),
    # ---------------------------------------------------------------- M62
    row(
        "M62",
        "tells a token",
        get(f"{_TOKENS}station", who="cik"),
        value("$token"),
        call=lambda c, w: c.tokens.get("station"),
        result="$token",
    ),
    row("M62", "404 for an unknown id", get(f"{_TOKENS}nope", who="cik"), 404, call=lambda c, w: c.tokens.get("nope")),
    row("M62", "403 for a token", get(f"{_TOKENS}station"), 403),
    row("M62", "404 for another vendor's", get(f"{_TOKENS}line", who="other cik"), 404, before=[_token()]),
    # ---------------------------------------------------------------- M63
    row(
        "M63",
        "deletes a token, which is refused at once",
        delete(f"{_TOKENS}line", who="cik"),
        CHANGED,
        before=[_token()],
        after=[(_BY_TOKEN, refused(401)), (get(f"{_TOKENS}line", who="cik"), refused(404))],
        call=lambda c, w: c.tokens.delete("line"),
    ),
    row(
        "M63",
        "404 for an unknown id",
        delete(f"{_TOKENS}nope", who="cik"),
        404,
        call=lambda c, w: c.tokens.delete("nope"),
    ),
    row(
        "M63",
        "404 for another vendor's",
        delete(f"{_TOKENS}line", who="other cik"),
        404,
        before=[_token()],
        after=[(_BY_TOKEN, lines("g1"))],
    ),
    row("M63", "403 for a token", delete(f"{_TOKENS}station"), 403, after=[(get("model/"), lines("g1"))]),
]
