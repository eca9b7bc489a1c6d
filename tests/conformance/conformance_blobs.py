"""Contents to ask for, and what of them is answered to which range (API document, section 5)."""

from __future__ import annotations

import io
import time
from typing import Any

from conformance_words import Answer, activation, get, listed, post, row

HERE = "/provision/download?vendor=$vendor&model=g1"
BLOB = b"\x00\xff\r\n0123456789&a=b%41+ \n"
"""24 bytes that no form, no text and no line survives."""

OCTETS = "application/octet-stream"


def entry(name: str, more: str = "") -> Any:
    return post("content/g1/", f"id={name}&meta=about+{name}{more}")


def upload(name: str, blob: bytes = BLOB, type: str = OCTETS) -> Any:
    return post(f"content/g1/{name}", blob, type)


def until(word: str) -> Any:
    """Make A1 a member of ``crew`` until the second of that word."""
    return post("group/g1/crew/", f"type=sn&id=A1&expire=${word}")


def clock(scene: Any) -> None:
    """Let ``$now`` be the second that it is, and ``$later`` one ahead."""
    scene.words["now"], scene.words["later"] = str(int(time.time())), str(int(time.time()) + 1000)


TWO = (entry("a.txt"), entry("b", "&protected=true"))
"""Two entries without a blob."""

GROUPED = (
    entry("open"),
    entry("kept", "&protected=true"),
    entry("mine", "&protected=true"),
    upload("open"),
    upload("kept"),
    upload("mine"),
    post("group/g1/", "id=crew"),
    listed("A1", "B2"),
    post("group/g1/crew/", "type=content&id=mine&expire=0&meta="),
    post("group/g1/crew/", "type=sn&id=A1&expire=&meta="),
)
"""Three contents: one for all, one for nobody, and one for A1 through the group ``crew``; B2 is in no group."""

LIVE = (*GROUPED, post("model/g1/A1", "enable=true&owner=$owner", keep="rid"), activation())
"""The same with A1 activated."""


def part(first: int, last: int) -> Answer:
    span = f"bytes {first}-{last}/{len(BLOB)}"
    return Answer(206, BLOB[first : last + 1], OCTETS, {"Accept-Ranges": "bytes", "Content-Range": span})


WHOLE = Answer(200, BLOB, OCTETS)


def fetched(download: Any, *args: Any) -> bytes:
    """Return what one of the client's downloads writes."""
    into = io.BytesIO()
    download(*args, into)
    return into.getvalue()


def download(number: str, target: str, before: Any, who: str = "token", read: Any = None) -> list[Any]:
    """Rows of section 5's byte ranges, for a procedure that answers a blob; ``read`` asks the client for a part."""
    beyond = Answer(416, type="text/plain; charset=utf-8", headers={"Content-Range": "bytes */24"})
    asked = [
        ("bytes=4-", part(4, 23)),
        ("bytes=-5", part(19, 23)),
        ("bytes=-1000", part(0, 23)),
        ("bytes=24-", beyond),
        ("bytes=5-2", WHOLE),
        ("bytes=0-1,3-4", WHOLE),
        ("bytes=-", WHOLE),
        ("lines=0-1", WHOLE),
    ]
    both_ends = [(0, 3, part(0, 3)), (20, 1000, part(20, 23)), (23, 23, part(23, 23)), (24, 30, beyond)]
    return [
        row(number, f"Range: {span}", get(target, who=who, range=span), answer, before=before) for span, answer in asked
    ] + [
        row(
            number,
            f"Range: bytes={first}-{last}",
            get(target, who=who, range=f"bytes={first}-{last}"),
            answer,
            before=before,
            call=read and (lambda c, w, first=first, last=last: read(c, w, first, last)),
            result=(answer.body, str(first), "24") if answer.status == 206 else None,
        )
        for first, last, answer in both_ends
    ]
