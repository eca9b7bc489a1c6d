"""M26 to M32: models (API document, 8.4)."""

from __future__ import annotations

from typing import Any

from conformance_blobs import HERE, LIVE
from conformance_groups import TWIN, TWINS
from conformance_words import CHANGED, NOTHING, active, delete, get, lines, post, put, record, refused, row, value

from station.fleet import client as near

_FORM = "application/x-www-form-urlencoded; charset=utf-8"


def _made(rid: str, *options: str) -> near.ModelInfo:
    return near.ModelInfo(rid=rid, options=frozenset(near.ModelOption(option) for option in options))


def _code(scene: Any) -> None:
    """Make a share code of the template, as clients do by RPC."""
    code = scene.rpc("cik", "share", "$template", {"meta": '["$vendor", "g2"]'})
    scene.words["code"] = code["result"]


_GONE = (
    (get("model/"), lines()),
    (get("model/g1"), refused(404)),
    (get("model/g1/A1"), refused(404)),
    (get("model/g1/"), refused(404)),
    (get("content/g1/"), refused(400)),
    (get("group/g1/"), refused(404)),
    (get(HERE, who="device"), refused(401)),
)

ROWS = [
    # ---------------------------------------------------------------- M26
    row(
        "M26",
        "lists models",
        get("model/"),
        lines("g1", "testing+14", "my model"),
        before=[
            post("model/", "model=testing%2B14&rid=$template"),
            post("model/", "model=my+model&rid=$template"),
        ],
        call=lambda c, w: c.models.list(),
        result=["g1", "testing+14", "my model"],
    ),
    row(
        "M26",
        "is empty without any",
        get("model/"),
        lines(),
        before=[delete("model/g1")],
        call=lambda c, w: c.models.list(),
        result=[],
    ),
    row("M26", "takes the vendor's own key", get("model/", who="cik"), lines("g1")),
    # ---------------------------------------------------------------- M27
    row(
        "M27",
        "lists what others share",
        get("model/?show=shared"),
        lines("$other,h1"),
        before=[
            post("model/", "model=h1&rid=$other_template", who="other"),
            post("share/h1/", "vendor=$vendor", who="other"),
        ],
        after=[(get("model/"), lines("g1"))],
        call=lambda c, w: c.models.shared(),
        result=[("$other", "h1")],
    ),
    row(
        "M27",
        "is empty without any",
        get("model/?show=shared"),
        lines(),
        call=lambda c, w: c.models.shared(),
        result=[],
    ),
    # ---------------------------------------------------------------- M28
    row(
        "M28",
        "makes a model of a template",
        post("model/", "model=g2&rid=$template"),
        CHANGED,
        after=[(get("model/"), lines("g1", "g2")), (get("model/g2"), value("rid=$template", _FORM))],
        call=lambda c, w: c.models.create("g2", _made(w["template"])),
    ),
    row(
        "M28",
        "makes a model with options",
        post("model/", "model=g2&rid=$template&options[]=nohistorical&options[]=nocomments&options[]=noaliases"),
        CHANGED,
        after=[
            (
                get("model/g2"),
                value("rid=$template&options[]=noaliases&options[]=nocomments&options[]=nohistorical", _FORM),
            )
        ],
        call=lambda c, w: c.models.create("g2", _made(w["template"], "noaliases", "nocomments", "nohistorical")),
    ),
    row(
        "M28",
        "makes a model of a share code",
        post("model/", "model=g2&code=$code"),
        CHANGED,
        before=[_code],
        after=[(get("model/g2"), value("code=$code", _FORM))],
        call=lambda c, w: c.models.create("g2", near.ModelInfo(code=w["code"])),
    ),
    row(
        "M28",
        "409 for a name that is taken",
        post("model/", "model=g1&rid=$template&options[]=noaliases"),
        409,
        after=[(get("model/g1"), value("rid=$template", _FORM))],
        call=lambda c, w: c.models.create("g1", _made(w["template"], "noaliases")),
    ),
    *(
        row("M28", f"400 for {form}", post("model/", form), 400, after=[(get("model/"), lines("g1"))])
        for form in (
            "model=g2",
            "model=g2&rid=$template&code=$template",
            "model=g2&rid=$template&options[]=nothing",
            "model=g2&rid=short",
            "rid=$template",
            "model=a%2Fb&rid=$template",
        )
    ),
    row(
        "M28",
        "404 for an unknown template",
        post("model/", "model=g2&rid=$none"),
        404,
        after=[(get("model/"), lines("g1"))],
        call=lambda c, w: c.models.create("g2", _made(w["none"])),
    ),
    row(
        "M28",
        "404 for another vendor's template",
        post("model/", "model=g2&rid=$other_template"),
        404,
        call=lambda c, w: c.models.create("g2", _made(w["other_template"])),
    ),
    row(
        "M28",
        "404 for an unknown share code",
        post("model/", "model=g2&code=$none"),
        404,
        call=lambda c, w: c.models.create("g2", near.ModelInfo(code=w["none"])),
    ),
    # ---------------------------------------------------------------- M29, M32
    row(
        "M29",
        "removes a model and all that is its",
        post("model/", "delete=true&model=g1"),
        CHANGED,
        before=LIVE,
        after=_GONE,
        call=lambda c, w: c.models.remove("g1"),
    ),
    row(
        "M29",
        "leaves nothing to a new model of that name",
        post("model/", "delete=true&model=g1"),
        CHANGED,
        before=[
            LIVE,
            post("model/g1/", '{"ranges":[{"format":"base10","first":1,"last":9}]}', "application/javascript"),
        ],
        after=[
            (post("model/", "model=g1&rid=$template"), CHANGED),
            (get("model/g1/"), lines()),
            (get("model/g1/7"), refused(404)),
            (get("content/g1/"), lines()),
            (get("group/g1/"), NOTHING),
        ],
        call=lambda c, w: c.models.remove("g1"),
    ),
    row(
        "M29",
        "404 for an unknown model",
        post("model/", "delete=true&model=nope"),
        404,
        after=[(get("model/"), lines("g1"))],
        call=lambda c, w: c.models.remove("nope"),
    ),
    row(
        "M32",
        "deletes a model and all that is its",
        delete("model/g1"),
        CHANGED,
        before=LIVE,
        after=_GONE,
        call=lambda c, w: c.models.delete("g1"),
    ),
    row(
        "M32",
        "leaves what has the same names in another model",
        delete("model/g1"),
        CHANGED,
        before=TWINS,
        after=[
            (get("model/"), lines("g2")),
            (get("group/g2/crew/"), lines(*TWIN)),
            (get("model/g2/A1"), NOTHING),
            (get("content/g2/"), lines("fw")),
        ],
        call=lambda c, w: c.models.delete("g1"),
    ),
    row(
        "M32",
        "ignores a body",
        delete("model/g1", "delete=true&model=other&confirm=true"),
        CHANGED,
        after=[(get("model/"), lines())],
    ),
    row(
        "M32",
        "404 for an unknown model",
        delete("model/nope"),
        404,
        after=[(get("model/"), lines("g1"))],
        call=lambda c, w: c.models.delete("nope"),
    ),
    # ---------------------------------------------------------------- M30
    row(
        "M30",
        "tells template and options",
        get("model/g2"),
        value("rid=$template&options[]=noaliases", _FORM),
        before=[post("model/", "model=g2&rid=$template&options%5B%5D=noaliases")],
        call=lambda c, w: c.models.info("g2"),
        result=("$template", None, ["noaliases"]),
    ),
    row("M30", "404 for an unknown model", get("model/nope"), 404, call=lambda c, w: c.models.info("nope")),
    # ---------------------------------------------------------------- M31
    row(
        "M31",
        "replaces template and options",
        put("model/g2", "rid=$owner&options[]=nohistorical"),
        CHANGED,
        before=[post("model/", "model=g2&rid=$template&options[]=noaliases")],
        after=[(get("model/g2"), value("rid=$owner&options[]=nohistorical", _FORM))],
        call=lambda c, w: c.models.update("g2", _made(w["owner"], "nohistorical")),
    ),
    row(
        "M31",
        "clears options that are absent, and touches no number",
        put("model/g2", "rid=$template", ""),
        CHANGED,
        before=[
            active(),
            post("model/", "model=g2&rid=$template&options[]=noaliases"),
        ],
        after=[(get("model/g2"), value("rid=$template", _FORM)), (get("model/g1/A1"), record("activated,$rid,"))],
        call=lambda c, w: c.models.update("g2", _made(w["template"])),
    ),
    row(
        "M31",
        "takes options without brackets",
        put("model/g1", "rid=$template&options=nohistorical"),
        CHANGED,
        after=[(get("model/g1"), value("rid=$template&options[]=nohistorical", _FORM))],
    ),
    *(
        row(
            "M31",
            f"400 for {form or 'nothing'}",
            put("model/g1", form),
            400,
            after=[(get("model/g1"), value("rid=$template", _FORM))],
        )
        for form in ("", "options[]=noaliases", "rid=$template&code=$template", "rid=$template&options[]=x")
    ),
    row(
        "M31",
        "404 for an unknown model",
        put("model/nope", "rid=$template"),
        404,
        call=lambda c, w: c.models.update("nope", _made(w["template"])),
    ),
]
