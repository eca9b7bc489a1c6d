"""Any legal name and any text survives URL, form and CSV (API document, sections 1.3 to 1.5, 1.10 and 2).

What is sent is encoded here by the standard library, and read by it.
"""

from __future__ import annotations

import csv
import io
from urllib.parse import quote, urlencode

from conformance_bounds import UNHURRIED
from conformance_far_end import FarEnd, Scene
from conformance_words import CSV, Ask, delete, get, post
from hypothesis import given, settings
from hypothesis import strategies as st

from station.fleet.client import GroupMember, MemberType, ModelInfo

BOUNDED = settings(UNHURRIED, max_examples=40)
RESERVED = ',/?#"'
DOTS = (".", "..")
"""HTTP clients shorten a path by these."""


def names(longest: int, more: str = "", without: str = "", size: int = 4096) -> st.SearchStrategy[str]:
    """Printable characters but for the reserved ones; ``more`` are legal too, ``without`` are left out."""
    # Characters that this Python's tables don't know yet, and blanks other than the plain one, are nobody's name.
    characters = st.characters(exclude_categories=["C", "Z"], exclude_characters=RESERVED + without, codec="utf-8")
    some = st.one_of(characters, st.sampled_from("".join({*"azAZ09+-.:_@&=%;'$\\~!*()[]{}"} - {*without}) + more))
    return st.text(some, min_size=1, max_size=longest).filter(
        lambda text: text not in DOTS and text == text.strip() and len(text.encode()) <= size
    )


models = names(64, more=" ")
serials = names(128)
ids = names(64, more=" ", size=128)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=250)
CLIENTS = "%&\\"
"""What the client of this package refuses beside: it would end a segment or a value after a second decoding."""


def rows(scene: Scene, target: str) -> list[list[str]]:
    reply = scene.ask(get(target))
    assert reply[:12] == b"HTTP/1.1 200", reply
    return list(csv.reader(io.StringIO(reply.partition(b"\r\n\r\n")[2].decode(), newline=""), strict=True))


def line(*fields: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(fields)
    return text.getvalue().encode()


def form(target: str, **fields: str) -> Ask:
    # As bytes, since in the table's words a "$" begins a word.
    return post(target, urlencode(fields).encode())


def path(*segments: str) -> str:
    return "/".join(quote(segment, safe="") for segment in segments).replace("$", "%24")


@BOUNDED
@given(model=models, sn=serials, extra=texts)
def test_models_and_serial_numbers(far_end: FarEnd, model: str, sn: str, extra: str) -> None:
    scene = far_end.scene()
    template = scene.words["template"]
    scene.do(delete("model/g1"), form("model/", model=model, rid=template))
    assert rows(scene, "model/") == [[model]]
    scene.do(form(path("model", model, ""), sn=sn, extra=extra))
    assert rows(scene, path("model", model, "")) == [[sn, "", extra]]
    scene.do(form(path("model", model, sn), enable="true", owner=scene.words["owner"]))
    assert [record[2] for record in rows(scene, path("model", model, sn))] == [extra]
    vendor = scene.words["vendor"]
    scene.do(Ask("POST", "/provision/activate", urlencode({"vendor": vendor, "model": model, "sn": sn}).encode()))
    scene.do(delete(path("model", model, sn)))
    scene.do(post(path("model", model, ""), line(sn, extra), CSV))
    assert rows(scene, path("model", model, "")) == [[sn, "", extra]]


@BOUNDED
@given(group=ids, content=ids, sn=serials, meta=texts)
def test_groups_and_content(far_end: FarEnd, group: str, content: str, sn: str, meta: str) -> None:
    scene = far_end.scene()
    scene.do(
        form("group/g1/", id=group, meta=meta), form("content/g1/", id=content, meta=meta), form("model/g1/", sn=sn)
    )
    assert rows(scene, "group/g1/") == [[group, meta]]
    assert rows(scene, path("group", "g1", group)) == [[meta, "0"]]
    assert rows(scene, "content/g1/") == [[content]]
    assert rows(scene, path("content", "g1", content))[0][3] == meta
    members = path("group", "g1", group, "")
    scene.do(post(members, line("content", content, "0", meta), CSV), form(members, type="sn", id=sn, meta=meta))
    assert rows(scene, members) == [["content", content, "0", meta], ["sn", sn, "0", meta]]
    assert rows(scene, f"{members}?{urlencode({'type': 'sn', 'id': sn})}".replace("$", "%24")) == [
        ["sn", sn, "0", meta]
    ]
    assert rows(scene, f"{path('content', 'g1', content)}?show=groups") == [[group]]
    scene.do(post(path("content", "g1", content), b"x", "text/plain"), delete(path("group", "g1", group)))


@BOUNDED
@given(
    model=names(64, more=" ", without=CLIENTS),
    sn=names(128, without=CLIENTS),
    group=names(64, more=" ", without=CLIENTS, size=128),
    extra=texts,
)
def test_through_the_client(far_end: FarEnd, model: str, sn: str, group: str, extra: str) -> None:

    scene = far_end.scene()
    with scene.client() as client:
        client.models.create(model, ModelInfo(rid=scene.words["template"]))
        assert client.models.list() == ["g1", model]
        client.serials.add_rows(model, [(sn, extra)])
        assert [(row.serial, row.extra) for row in client.serials.list(model)] == [(sn, extra)]
        client.serials.enable(model, sn, scene.words["owner"])
        assert client.serials.info(model, sn).extra == extra
        client.groups.create(model, group, extra)
        member = GroupMember(MemberType("sn"), sn, 0, extra)
        client.groups.add_listed(model, group, [member])
        assert list(client.groups.members(model, group)) == [member]
        assert list(client.serials.groups(model, sn)) == [group]
        client.device.activate(model, sn)
        assert len(client.serials.log(model, sn)) == 1
        client.serials.delete(model, sn)
        assert list(client.groups.members(model, group)) == []
