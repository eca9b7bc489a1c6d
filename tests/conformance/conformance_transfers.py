"""M6, M8 and M10: the blobs of content, up and down (API document, 8.2 and section 5)."""

from __future__ import annotations

import io

from conformance_blobs import BLOB, GROUPED, LIVE, OCTETS, TWO, WHOLE, download, fetched, upload
from conformance_words import (
    CHANGED,
    FORM,
    Answer,
    get,
    lines,
    record,
    row,
)

ROWS = [
    # ---------------------------------------------------------------- M6
    row(
        "M6",
        "fetches a blob",
        get("content/g1/kept?download=true"),
        WHOLE,
        before=GROUPED,
        call=lambda c, w: fetched(c.content.download, "g1", "kept"),
        result=BLOB,
    ),
    *download(
        "M6", "content/g1/open?download=true", GROUPED, read=lambda c, w, *ends: c.content.read("g1", "open", *ends)
    ),
    row(
        "M6",
        "404 before the first upload",
        get("content/g1/b?download=true"),
        404,
        before=TWO,
        call=lambda c, w: fetched(c.content.download, "g1", "b"),
    ),
    row("M6", "404 for an unknown content", get("content/g1/nope?download=true"), 404),
    row(
        "M6",
        "403 for an unknown model",
        get("content/nope/open?download=true"),
        403,
        before=GROUPED,
        call=lambda c, w: fetched(c.content.download, "nope", "open"),
    ),
    # ---------------------------------------------------------------- M8
    row(
        "M8",
        "fetches for a number",
        get("content/g1/mine?download=true&sn=A1"),
        WHOLE,
        before=GROUPED,
        call=lambda c, w: fetched(c.content.download_for, "g1", "mine", "A1"),
        result=BLOB,
    ),
    *download("M8", "content/g1/open?sn=B2&download=true", GROUPED),
    *(
        row(
            "M8",
            f"{status} for {what}",
            get(f"content/{model}/{content}?download=true&sn={sn}"),
            status,
            before=GROUPED,
            call=lambda c, w, model=model, content=content, sn=sn: fetched(c.content.download_for, model, content, sn),
        )
        for what, model, content, sn, status in [
            ("a number that may not", "g1", "mine", "B2", 403),
            ("an unknown number", "g1", "mine", "nope", 403),
            ("an unknown model", "nope", "mine", "A1", 403),
            ("an unknown content", "g1", "nope", "A1", 404),
        ]
    ),
    # ---------------------------------------------------------------- M10
    row(
        "M10",
        "uploads",
        upload("a.txt"),
        CHANGED,
        before=TWO,
        after=[
            (get("content/g1/a.txt?download=true"), WHOLE),
            (get("content/g1/a.txt"), record("application/octet-stream,24,$NOW,about a.txt,false")),
        ],
        call=lambda c, w: c.content.upload("g1", "a.txt", io.BytesIO(BLOB), OCTETS),
    ),
    row(
        "M10",
        "replaces",
        upload("open", b"new", "text/plain; charset=utf-16"),
        CHANGED,
        before=LIVE,
        after=[
            (get("content/g1/open?download=true"), Answer(200, b"new", "text/plain; charset=utf-16")),
            (get("content/g1/open"), record("text/plain; charset=utf-16,3,$NOW,about open,false")),
        ],
        call=lambda c, w: c.content.upload("g1", "open", io.BytesIO(b"new"), "text/plain; charset=utf-16"),
    ),
    row(
        "M10",
        "renews the time",
        upload("open", b"new", "text/plain"),
        CHANGED,
        before=[GROUPED, lambda scene: scene.age("open")],
        after=[(get("content/g1/open"), record("text/plain,3,$NOW,about open,false"))],
        call=lambda c, w: c.content.upload("g1", "open", io.BytesIO(b"new"), "text/plain"),
    ),
    row(
        "M10",
        "never reads a form",
        upload("a.txt", b"delete=true&id=b", FORM),
        CHANGED,
        before=TWO,
        after=[
            (get("content/g1/"), lines("a.txt", "b")),
            (get("content/g1/a.txt?download=true"), Answer(200, b"delete=true&id=b", FORM)),
        ],
    ),
    row(
        "M10",
        "takes an empty blob and an odd type",
        upload("a.txt", b"", "false"),
        CHANGED,
        before=TWO,
        after=[(get("content/g1/a.txt?download=true"), Answer(200, b"", "false"))],
    ),
    row(
        "M10",
        "404 without an entry",
        upload("nope"),
        404,
        before=TWO,
        after=[(get("content/g1/"), lines("a.txt", "b"))],
        call=lambda c, w: c.content.upload("g1", "nope", io.BytesIO(BLOB), OCTETS),
    ),
]
