"""Uploads and downloads: whole or not at all, resumed where they broke off, and never for longer than allowed."""

from __future__ import annotations

import fcntl
import io
import json
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from client_under_test import Start
from client_wire import CHANGED, KEY, NOTHING, ok, refusal, request
from scripted_fleet import LOOPBACK_PEM, Act, Talk, answer, break_off, drip, hang_up, hear

from station import clock
from station.fleet.client import (
    BadRequest,
    Busy,
    Client,
    ContentChanged,
    ContentInfo,
    FileFailed,
    Garbled,
    NotAllowed,
    NotFound,
    Part,
    Refused,
    Unanswered,
    Unreachable,
)
from station.fleet.client import client as client_module

DATA = bytes(range(256)) * 400  # a few reads of the socket
SIZE = len(DATA)
BLOB = "/provision/manage/content/G1/fw?download=true"
INFO = ok(f"application/octet-stream,{SIZE},1416147370,note,false")
FACTS = ContentInfo("application/octet-stream", SIZE, 1416147370, "note", False)


def whole(data: bytes = DATA, kind: str = "application/octet-stream") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n" % (len(data), kind.encode()) + data


def rest(first: int, last: int = SIZE - 1, total: int = SIZE, data: bytes | None = None) -> bytes:
    data = DATA[first : last + 1] if data is None else data
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n"
    return head % (first, last, total, len(data)) + data


def cut(said: bytes, keep: int) -> Sequence[Act]:
    """Say so many bytes of the body and hang up."""
    head = said.index(b"\r\n\r\n") + 4
    return [answer(said[: head + keep]), hang_up]


def asked(heard: bytes) -> bytes:
    """The Range of a request."""
    return next((line[7:] for line in heard.split(b"\r\n") if line.startswith(b"Range: ")), b"")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_PAUSE_S", 0.01)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "fw.bin"


def part(into: Path) -> Path:
    return into.with_name("fw.bin.part")


def beside(into: Path) -> Path:
    return into.with_name("fw.bin.part.json")


def leave_part(into: Path, data: bytes, **other: object) -> None:
    """What an interrupted download has left."""
    facts = {
        "asked": f"GET {BLOB}",
        "type": FACTS.type,
        "updated": FACTS.updated,
        "size": SIZE,
        "boot": clock.boot_id(),
    }
    part(into).write_bytes(data)
    beside(into).write_text(json.dumps({**facts, **other}))


def alone(into: Path) -> None:
    """Nothing of the making is left beside the file."""
    assert list(into.parent.iterdir()) == [into]


# ----------------------------------------------------------------- downloads


@pytest.mark.parametrize(
    ("call", "info", "line", "cik"),
    [
        (lambda c, into: c.content.download("G1", "fw", into), "GET /provision/manage/content/G1/fw", BLOB, None),
        (
            lambda c, into: c.content.download_for("G1", "fw", "7:8", into),
            "GET /provision/manage/content/G1/fw?sn=7%3A8",
            f"{BLOB}&sn=7%3A8",
            None,
        ),
        (
            lambda c, into: c.device.download("G1", "fw", KEY, into),
            "GET /provision/download?vendor=weaver&model=G1&id=fw&info=true",
            "/provision/download?vendor=weaver&model=G1&id=fw",
            KEY,
        ),
    ],
    ids=["M6", "M8", "D3"],
)
def test_a_download(
    start: Start, into: Path, call: Callable[[Client, Path], Any], info: str, line: str, cik: str | None
) -> None:
    client, fleet = start([answer(INFO), answer(whole()), answer(INFO)])
    assert call(client, into) == FACTS
    assert into.read_bytes() == DATA
    alone(into)
    assert fleet.heard == [request(fleet.port, one, cik=cik) for one in (info, f"GET {line}", info)]


def test_a_download_into_a_file_object(start: Start) -> None:
    client, _ = start([answer(INFO), answer(whole()), answer(INFO)])
    file = io.BytesIO()
    assert client.content.download("G1", "fw", file) == FACTS
    assert file.getvalue() == DATA


def test_a_content_may_be_a_web_page(start: Start, into: Path) -> None:
    page = b"<!doctype html><p>Manual"
    info = ok(f"text/html,{len(page)},1,,false")
    client, _ = start([answer(info), answer(whole(page, "text/html")), answer(info)])
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == page


def test_a_content_may_be_empty(start: Start, into: Path) -> None:
    info = ok("text/plain,0,1,,false")
    client, _ = start([answer(info), answer(whole(b"")), answer(info)])
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == b""
    alone(into)


def test_progress_begins_at_once_and_ends_with_all(start: Start, into: Path) -> None:
    seen: list[tuple[int, int]] = []
    client, _ = start([answer(INFO), answer(whole()), answer(INFO)])
    client.content.download("G1", "fw", into, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, SIZE) and seen[-1] == (SIZE, SIZE)
    assert seen == sorted(seen)


def test_what_was_there_before_stays_until_the_new_is_whole(start: Start, into: Path) -> None:
    into.write_bytes(b"old")
    client, _ = start([answer(INFO), answer(refusal("403 Forbidden"))])
    with pytest.raises(NotAllowed):
        client.content.download("G1", "fw", into)
    assert into.read_bytes() == b"old"


# ----------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("info", "blob", "kind"),
    [
        ("400 Bad Request", "403 Forbidden", NotAllowed),
        ("404 Not Found", "404 Not Found", NotFound),
    ],
)
def test_the_refusal_is_that_of_the_download(start: Start, into: Path, info: str, blob: str, kind: type) -> None:
    client, _ = start([answer(refusal(info)), answer(refusal(blob))])
    with pytest.raises(kind):
        client.device.download("G1", "fw", KEY, into)
    assert list(into.parent.iterdir()) == []


def test_a_download_without_an_info_is_not_begun(start: Start, into: Path) -> None:
    client, fleet = start([answer(refusal("400 Bad Request")), answer(whole())])
    with pytest.raises(BadRequest):
        client.device.download("G1", "fw", KEY, into)
    assert fleet.left[0].wait(10), "what nobody read must not become the next answer"


def test_nothing_uploaded_yet_is_not_found(start: Start, into: Path) -> None:
    client, _ = start([answer(ok(",0,1416147370,,false")), answer(refusal("404 Not Found"))])
    with pytest.raises(NotFound):
        client.content.download("G1", "fw", into)
    assert not into.exists()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" % SIZE,
        NOTHING,
        rest(0),
    ],
    ids=["no-length", "chunked", "chunked-and-length", "204", "206"],
)
def test_a_body_that_is_not_this_api(start: Start, into: Path, said: bytes) -> None:
    client, _ = start([answer(INFO), answer(said), hang_up])
    with pytest.raises(Garbled):
        client.content.download("G1", "fw", into)
    assert not into.exists()


# ----------------------------------------------------------------- broken lines


def test_a_break_is_resumed_where_it_was(start: Start, into: Path) -> None:
    client, fleet = start(
        [answer(INFO), *cut(whole(), 70_000)],
        cut(rest(70_000), 2),
        [hear, break_off],
        [answer(rest(70_002)), answer(INFO)],
    )
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == DATA
    assert [asked(heard) for heard in fleet.heard] == [
        b"",
        b"",
        b"bytes=70000-",
        b"bytes=70002-",
        b"bytes=70002-",
        b"",
    ]


def test_a_break_into_a_file_object_is_resumed_too(start: Start) -> None:
    client, _ = start([answer(INFO), *cut(whole(), 5)], [answer(rest(5)), answer(INFO)])
    file = io.BytesIO()
    client.content.download("G1", "fw", file)
    assert file.getvalue() == DATA


def test_a_fleet_without_ranges_starts_over_and_nothing_is_doubled(start: Start) -> None:
    client, _ = start([answer(INFO), *cut(whole(), 70_001)], [answer(whole()), answer(INFO)])
    file = io.BytesIO()
    client.content.download("G1", "fw", file)
    assert file.getvalue() == DATA


def test_a_busy_fleet_is_waited_for(start: Start, into: Path) -> None:
    busy = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
    client, _ = start([answer(INFO), answer(busy), answer(whole()), answer(INFO)])
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == DATA


def test_the_tries_without_a_byte_are_counted(start: Start, into: Path) -> None:
    away = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    client, fleet = start([answer(INFO), *[answer(away)] * 4])
    with pytest.raises(Unanswered, match="503"):
        client.content.download("G1", "fw", into)
    assert len(fleet.heard) == 5


def test_a_wait_beyond_the_deadline_is_told_at_once(start: Start, into: Path) -> None:
    busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"
    client, _ = start([answer(INFO), answer(busy)])
    with pytest.raises(Busy):
        client.content.download("G1", "fw", into)


@pytest.mark.timeout(30)
def test_a_dripping_fleet_can_not_stretch_the_deadline(start: Start, into: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE
    client, fleet = start([answer(INFO), answer(head), drip(b"x")], transfer_s=0.6, deadline_s=600)
    with pytest.raises(Unanswered, match=r"deadline|timed out"):
        client.content.download("G1", "fw", into)
    assert fleet.left[0].wait(10)
    assert part(into).stat().st_size > 0, "what came is kept for the next call"


def test_a_transfer_may_take_longer_than_a_question(start: Start, into: Path) -> None:
    def slow(talk: Talk) -> None:
        hear(talk)
        talk.say(whole()[:-9])
        threading.Event().wait(1.2)
        talk.say(DATA[-9:])

    client, _ = start([answer(INFO), slow, answer(INFO)], deadline_s=1)
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == DATA


@pytest.mark.timeout(30)
def test_a_fleet_that_breaks_again_and_again_is_given_up(start: Start, into: Path) -> None:
    ends = [cut(rest(n), 1) for n in range(1, 51)]
    client, fleet = start([answer(INFO), *cut(whole(), 1)], *ends)
    with pytest.raises(Unanswered):
        client.content.download("G1", "fw", into)
    assert asked(fleet.heard[-1]) == b"bytes=50-"
    assert part(into).read_bytes() == DATA[:51]


@pytest.mark.parametrize(
    "said",
    [
        rest(4),
        rest(5, SIZE - 2),
        rest(5, data=DATA[6:]),
        rest(5).replace(b"Content-Range", b"X-Range"),
        rest(5).replace(b"bytes 5-", b"lines 5-"),
        rest(5).replace(b"bytes 5-", b"bytes */"),
        rest(5).replace(b"bytes 5-", b"bytes 999999-"),
    ],
    ids=["before", "not-to-the-end", "length", "no-range", "unit", "unsatisfied", "backwards"],
)
def test_a_rest_that_is_another_is_not_taken(start: Start, into: Path, said: bytes) -> None:
    client, _ = start([answer(INFO), *cut(whole(), 5)], [answer(said)])
    with pytest.raises(Garbled):
        client.content.download("G1", "fw", into)
    assert part(into).read_bytes() == DATA[:5]


# ----------------------------------------------------------------- changes


@pytest.mark.parametrize(
    "after",
    [
        f"application/octet-stream,{SIZE},1416147371,note,false",
        f"application/octet-stream,{SIZE + 1},1416147370,note,false",
        f"text/plain,{SIZE},1416147370,note,false",
    ],
    ids=["time", "size", "type"],
)
def test_a_content_that_was_replaced_meanwhile_is_not_taken(start: Start, into: Path, after: str) -> None:
    client, _ = start([answer(INFO), answer(whole()), answer(ok(after))])
    with pytest.raises(ContentChanged):
        client.content.download("G1", "fw", into)
    assert not into.exists()


def test_a_text_that_was_changed_does_not_matter(start: Start, into: Path) -> None:
    after = ok(f"application/octet-stream,{SIZE},1416147370,another,true")
    client, _ = start([answer(INFO), answer(whole()), answer(after)])
    client.content.download("G1", "fw", into)
    assert into.exists()


@pytest.mark.parametrize(
    "said",
    [whole(DATA + b"x"), rest(5, SIZE, SIZE + 1, DATA[5:] + b"x"), refusal("416 Range Not Satisfiable")],
    ids=["200", "206", "416"],
)
def test_another_size_in_the_middle_is_a_change(start: Start, into: Path, said: bytes) -> None:
    client, _ = start([answer(INFO), *cut(whole(), 5)], [answer(said)])
    with pytest.raises(ContentChanged):
        client.content.download("G1", "fw", into)
    assert not into.exists()


# ----------------------------------------------------------------- what an earlier call has left


def test_a_later_call_goes_on(start: Start, into: Path) -> None:
    seen: list[int] = []
    client, fleet = start([answer(INFO), *cut(whole(), 70_000)], [answer(refusal("401 Unauthorized"))])
    with pytest.raises(NotAllowed):
        client.content.download("G1", "fw", into)
    assert not into.exists()
    client, fleet = start([answer(INFO), answer(rest(70_000)), answer(INFO)])
    client.content.download("G1", "fw", into, progress=lambda done, total: seen.append(done))
    assert into.read_bytes() == DATA
    assert asked(fleet.heard[1]) == b"bytes=70000-"
    assert seen[0] == 70_000
    alone(into)


@pytest.mark.timeout(60)
def test_a_download_that_was_killed_is_gone_on_with(start: Start, into: Path) -> None:
    killed = threading.Event()

    def stall(talk: Talk) -> None:
        hear(talk)
        talk.say(whole()[:-1000])
        assert killed.wait(30)

    def remainder(talk: Talk) -> None:
        hear(talk)
        talk.say(rest(int(asked(talk.heard[-1])[len(b"bytes=") : -1])))

    client, fleet = start([answer(INFO), stall], [answer(INFO), remainder, answer(INFO)])
    code = (
        "import sys; from station.fleet.client import Client\n"
        "client = Client(sys.argv[1], 'weaver', lambda: 'x')\n"
        "client.content.download('G1', 'fw', sys.argv[2], progress=lambda done, total: print(done, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code, fleet.url, into], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        next(line for line in child.stdout if int(line) > 50_000)
        child.kill()
    killed.set()
    assert part(into).stat().st_size > 0 and not into.exists()
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == DATA
    assert asked(fleet.heard[-2]) > b"bytes=0"
    alone(into)


def test_a_part_that_is_all_of_it_is_not_fetched_again(start: Start, into: Path) -> None:
    leave_part(into, DATA)
    client, _ = start([answer(INFO), answer(INFO)])
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == DATA
    alone(into)


@pytest.mark.parametrize(
    "other",
    [
        {"asked": "GET /provision/manage/content/G1/other?download=true"},
        {"updated": 1},
        {"type": "text/plain"},
        {"size": SIZE - 1},
        {"boot": "another"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_part_of_something_else_is_begun_anew(start: Start, into: Path, other: dict[str, object]) -> None:
    leave_part(into, b"wrong", **other)
    client, fleet = start([answer(INFO), answer(whole()), answer(INFO)])
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == DATA
    assert asked(fleet.heard[1]) == b""


@pytest.mark.parametrize("facts", [None, b"", b"{", b"\xff", b"[]", b"{}", b"[" * 65000])
def test_a_part_that_nobody_explains_is_somebody_elses(start: Start, into: Path, facts: bytes | None) -> None:
    leave_part(into, b"precious")
    beside(into).unlink() if facts is None else beside(into).write_bytes(facts)
    client, _ = start([answer(INFO)])
    with pytest.raises(FileFailed, match=r"fw\.bin\.part.*move it away"):
        client.content.download("G1", "fw", into)
    assert part(into).read_bytes() == b"precious"
    assert facts is None or beside(into).read_bytes() == facts


@pytest.mark.parametrize("name", [part, beside])
@pytest.mark.parametrize("make", ["link", "pipe"])
def test_what_is_no_file_is_somebody_elses(
    start: Start, into: Path, tmp_path_factory: pytest.TempPathFactory, name: Callable[[Path], Path], make: str
) -> None:
    victim = tmp_path_factory.mktemp("other") / "victim"
    victim.write_bytes(b"precious")
    name(into).symlink_to(victim) if make == "link" else os.mkfifo(name(into))
    client, _ = start([answer(INFO)])
    with pytest.raises(FileFailed, match=r"fw\.bin\.part.*move it away"):
        client.content.download("G1", "fw", into)
    assert victim.read_bytes() == b"precious"
    assert list(into.parent.iterdir()) == [name(into)]


def test_a_part_without_a_byte_is_nobodys(start: Start, into: Path) -> None:
    part(into).touch()  # killed before it could note what it is of
    client, _ = start([answer(INFO), answer(whole()), answer(INFO)])
    client.content.download("G1", "fw", into)
    alone(into)


@pytest.mark.parametrize("said", ["404 Not Found", "403 Forbidden"])
def test_a_refused_download_leaves_nothing(start: Start, into: Path, said: str) -> None:
    client, _ = start([answer(INFO), answer(refusal(said))])
    with pytest.raises(Refused):
        client.content.download("G1", "fw", into)
    assert list(into.parent.iterdir()) == []


def test_a_part_of_what_is_gone_goes_too(start: Start, into: Path) -> None:
    leave_part(into, DATA[:1000])
    client, _ = start([answer(INFO), answer(refusal("404 Not Found"))])
    with pytest.raises(NotFound):
        client.content.download("G1", "fw", into)
    assert list(into.parent.iterdir()) == []


def test_a_part_that_is_too_long_is_begun_anew(start: Start, into: Path) -> None:
    leave_part(into, DATA + b"x")
    client, _ = start([answer(INFO), answer(whole()), answer(INFO)])
    client.content.download("G1", "fw", into)
    assert into.read_bytes() == DATA


def test_two_downloads_do_not_write_one_part(start: Start, into: Path) -> None:
    leave_part(into, b"somebody's")
    client, _ = start([answer(INFO)])
    with part(into).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FileFailed, match="another download"):
            client.content.download("G1", "fw", into)
    assert part(into).read_bytes() == b"somebody's"


# ----------------------------------------------------------------- files of this machine


def test_a_folder_that_is_not_there(start: Start, into: Path) -> None:
    client, _ = start([answer(INFO)] * 2)
    with pytest.raises(FileFailed, match="No such file"):
        client.content.download("G1", "fw", into / "fw.bin")
    with pytest.raises(FileFailed, match="is a folder"):
        client.content.download("G1", "fw", into.parent)


def test_a_full_disk_is_not_the_fleets_fault(start: Start) -> None:
    client, fleet = start([answer(INFO), answer(whole())], [answer(NOTHING)])
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(FileFailed, match="No space left"):
        client.content.download("G1", "fw", full)
    assert fleet.left[0].wait(10)
    assert client.content.list("G1") == []


def test_a_full_disk_is_told_with_the_path(start: Start, into: Path) -> None:
    client, _ = start([answer(INFO), answer(whole())])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, hard))
    try:
        with pytest.raises(FileFailed, match=r"fw\.bin\.part: File too large"):
            client.content.download("G1", "fw", into)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not into.exists()


class Sip(io.RawIOBase):
    """A file without a buffer, which takes a few bytes at a time."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.taken += data[:1000]
        return min(len(data), 1000)


def test_a_file_may_take_fewer_bytes_than_it_is_given(start: Start) -> None:
    sip = Sip()
    client, _ = start([answer(INFO), *cut(whole(), 50_500)], [answer(rest(50_500)), answer(INFO)])
    client.content.download("G1", "fw", cast(BinaryIO, sip))
    assert sip.taken == DATA


def test_a_pipe_that_is_full_takes_no_more(start: Start) -> None:
    client, _ = start([answer(INFO), answer(whole())])
    reader, writer = os.pipe2(os.O_NONBLOCK)
    with open(reader, "rb"), open(writer, "wb", buffering=0) as full, pytest.raises(FileFailed, match="no more bytes"):
        client.content.download("G1", "fw", full)


# ----------------------------------------------------------------- parts


@pytest.mark.parametrize(
    ("call", "line", "cik"),
    [
        (lambda c: c.content.read("G1", "fw", 1024, 2047), f"GET {BLOB}", None),
        (
            lambda c: c.device.read("G1", "fw", KEY, 1024, 2047),
            "GET /provision/download?vendor=weaver&model=G1&id=fw",
            KEY,
        ),
    ],
    ids=["M6", "D3"],
)
def test_a_part(start: Start, call: Callable[[Client], Part], line: str, cik: str | None) -> None:
    client, fleet = start([answer(rest(1024, 2047))])
    assert call(client) == Part(DATA[1024:2048], 1024, SIZE)
    assert fleet.heard[0].replace(b"Range: bytes=1024-2047\r\n", b"") == request(fleet.port, line, cik=cik)
    assert asked(fleet.heard[0]) == b"bytes=1024-2047"


def test_a_part_is_cut_at_the_end(start: Start) -> None:
    client, _ = start([answer(rest(SIZE - 2))])
    assert client.content.read("G1", "fw", SIZE - 2, SIZE + 100) == Part(DATA[-2:], SIZE - 2, SIZE)


def test_a_part_may_be_of_a_web_page(start: Start) -> None:
    page = rest(0, 5, 100, b"<html>").replace(b"Content-Length", b"Content-Type: text/html\r\nContent-Length")
    client, _ = start([answer(page)])
    assert client.content.read("G1", "fw", 0, 5).data == b"<html>"


def test_a_part_beyond_the_end_is_refused(start: Start) -> None:
    client, _ = start([answer(refusal("416 Range Not Satisfiable"))])
    with pytest.raises(Refused) as caught:
        client.content.read("G1", "fw", SIZE, SIZE)
    assert caught.value.status == 416


@pytest.mark.parametrize(
    "said",
    [whole(), rest(0, 1), rest(2, 3), rest(1, 1), rest(1, 2, data=b"x")],
    ids=["200", "0", "2", "short", "length"],
)
def test_another_part_is_not_taken(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)])
    with pytest.raises(Garbled):
        client.content.read("G1", "fw", 1, 2)


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 4), (0, 4 << 20)])
def test_a_part_that_is_none(start: Start, first: int, last: int) -> None:
    client, _ = start()
    with pytest.raises(ValueError, match="part"):
        client.content.read("G1", "fw", first, last)


def test_a_part_is_asked_for_again(start: Start) -> None:
    client, _ = start([hear, break_off], [answer(rest(0, 9))])
    assert client.content.read("G1", "fw", 0, 9).data == DATA[:10]


# ----------------------------------------------------------------- uploads


def head_of(talk: Talk) -> bytes:
    """Hear the head of a request and what of its body came with it."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += talk.sock.recv(65536)
    return heard


def until_gone(talk: Talk) -> None:
    """Read until the client has closed."""
    try:
        while talk.sock.recv(1 << 20):
            pass
    except ConnectionError:
        pass
    talk.sock.close()


class Endless(io.RawIOBase):
    """A source of zeros that counts what was read of it, and cannot seek."""

    taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        assert 0 < size <= 65536, "not all at once"
        self.taken += size
        return bytes(size)


LARGE = 1 << 28
"""More than all buffers on the way take."""


def test_an_upload_from_where_the_file_stands(start: Start, tmp_path: Path) -> None:
    (tmp_path / "fw").write_bytes(DATA)
    client, fleet = start([answer(CHANGED), answer(NOTHING)])
    with (tmp_path / "fw").open("rb") as file:
        file.seek(1000)
        client.content.upload("G1", "fw", file, "application/octet-stream")
    head, _, body = fleet.heard[0].partition(b"\r\n\r\n")
    assert body == DATA[1000:]
    assert b"\r\nContent-Length: %d" % (SIZE - 1000) in head and b"chunked" not in head.lower()
    assert client.content.list("G1") == [], "and the connection lives on"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_upload_larger_than_the_buffers(start: Start, tls: bool) -> None:
    size, seen = 20_000_000, []
    options = {"ca_file": LOOPBACK_PEM} if tls else {}

    def count(talk: Talk) -> None:
        heard = len(head_of(talk).partition(b"\r\n\r\n")[2])
        while heard < size:
            heard += len(talk.sock.recv(65536))
        assert heard == size
        talk.say(CHANGED)

    client, _ = start([count, answer(NOTHING)], tls=tls, **options)
    client.content.upload(
        "G1", "fw", Endless(), "x/y", size=size, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[0] == (0, size) and seen[-1] == (size, size) and seen == sorted(seen)
    assert client.content.list("G1") == []


def test_an_upload_is_sent_once(start: Start) -> None:
    client, fleet = start([hear, break_off])
    with pytest.raises(Unanswered) as caught:
        client.content.upload("G1", "fw", DATA, "x/y")
    assert not isinstance(caught.value, Unreachable)
    assert len(fleet.heard) == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_no_before_the_end_is_heard(start: Start, tls: bool) -> None:
    def refuse(talk: Talk) -> None:
        head_of(talk)
        talk.say(refusal("413 Content Too Large"))

    options = {"ca_file": LOOPBACK_PEM} if tls else {}
    client, _ = start([refuse, until_gone], [answer(CHANGED)], tls=tls, **options)
    source = Endless()
    with pytest.raises(Refused) as caught:
        client.content.upload("G1", "fw", source, "x/y", size=LARGE)
    assert caught.value.status == 413
    assert source.taken < LARGE
    client.content.delete("G1", "fw")  # on a connection of its own


@pytest.mark.timeout(60)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_reset_before_the_end_is_no_answer(start: Start, tls: bool) -> None:
    def drop(talk: Talk) -> None:
        head_of(talk)
        talk.sock.close()  # with bytes unread: the system sends a reset, which can destroy what was said before it

    options = {"ca_file": LOOPBACK_PEM} if tls else {}
    client, _ = start([drop], [answer(NOTHING)], tls=tls, **options)
    with pytest.raises(Unanswered) as caught:
        client.content.upload("G1", "fw", Endless(), "x/y", size=LARGE)
    assert not isinstance(caught.value, Unreachable)
    assert client.content.list("G1") == []


@pytest.mark.timeout(30)
def test_a_no_is_heard_from_a_fleet_that_reads_no_more(start: Start) -> None:
    gone = threading.Event()

    def refuse(talk: Talk) -> None:
        head_of(talk)
        talk.say(refusal("413 Content Too Large"))
        assert gone.wait(20)
        talk.sock.close()

    client, _ = start([refuse])
    with pytest.raises(Refused) as caught:
        client.content.upload("G1", "fw", Endless(), "x/y", size=LARGE)
    gone.set()
    assert caught.value.status == 413


def test_a_yes_before_the_end_is_none(start: Start) -> None:
    def agree(talk: Talk) -> None:
        head_of(talk)
        talk.say(CHANGED)

    client, _ = start([agree, until_gone])
    with pytest.raises(Garbled, match="before"):
        client.content.upload("G1", "fw", Endless(), "x/y", size=LARGE)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("limits", [{"read_s": 0.3}, {"transfer_s": 0.5, "deadline_s": 600}], ids=["read", "transfer"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_fleet_that_does_not_read_can_not_hold_us(start: Start, limits: dict[str, float], tls: bool) -> None:
    gone = threading.Event()

    def deaf(talk: Talk) -> None:
        head_of(talk)
        assert gone.wait(20)
        talk.sock.close()

    options = {"ca_file": LOOPBACK_PEM} if tls else {}
    client, _ = start([deaf], tls=tls, **limits, **options)
    with pytest.raises(Unanswered, match=r"timed out|deadline"):
        client.content.upload("G1", "fw", Endless(), "x/y", size=LARGE)
    gone.set()


@pytest.mark.timeout(30)
def test_a_fleet_that_reads_slowly_can_not_stretch_the_deadline(start: Start) -> None:
    gone = threading.Event()

    def slow(talk: Talk) -> None:
        talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head_of(talk)
        while not gone.wait(0.01):
            talk.sock.recv(256)
        talk.sock.close()

    client, _ = start([slow], transfer_s=0.6, deadline_s=600)
    with pytest.raises(Unanswered, match=r"timed out|deadline"):
        client.content.upload("G1", "fw", Endless(), "x/y", size=LARGE)
    gone.set()


def test_a_source_that_is_shorter_than_announced(start: Start) -> None:
    client, fleet = start([until_gone])
    with pytest.raises(FileFailed, match="ended after 3 of 5 bytes"):
        client.content.upload("G1", "fw", io.BytesIO(b"abc"), "x/y", size=5)
    assert fleet.left[0].wait(10)


def test_a_source_that_is_longer_than_announced(start: Start) -> None:
    client, fleet = start([answer(CHANGED)])
    client.content.upload("G1", "fw", io.BytesIO(b"abcdef"), "x/y", size=5)
    assert fleet.heard[0].endswith(b"\r\n\r\nabcde")


def test_a_source_that_breaks(start: Start) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, os.strerror(5))

    client, fleet = start([until_gone])
    with pytest.raises(FileFailed, match="Input/output error"):
        client.content.upload("G1", "fw", Broken(b"abc"), "x/y")
    assert fleet.left[0].wait(10)


def test_a_size_that_can_not_be_known(start: Start) -> None:
    client, _ = start()
    with pytest.raises(ValueError, match="size"):
        client.content.upload("G1", "fw", Endless(), "x/y")
    with pytest.raises(ValueError, match="negative"):
        client.content.upload("G1", "fw", b"", "x/y", size=-1)


# ----------------------------------------------------------------- the station stops


@pytest.mark.timeout(30)
@pytest.mark.parametrize("way", ["up", "down"])
def test_cutting_off_ends_a_transfer(start: Start, into: Path, way: str) -> None:
    heard, going, gone = threading.Event(), threading.Event(), threading.Event()

    def stall(talk: Talk) -> None:
        head_of(talk)
        heard.set()
        if way == "down":
            talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE + DATA[:9])
        assert gone.wait(20)
        talk.sock.close()

    client, _ = start(([answer(INFO)] if way == "down" else []) + [stall])
    outcomes: list[Exception] = []

    def transfer() -> None:
        try:
            if way == "down":
                client.content.download("G1", "fw", into, progress=lambda done, _: going.set() if done else None)
            else:
                client.content.upload(
                    "G1", "fw", Endless(), "x/y", size=LARGE, progress=lambda done, _: going.set() if done else None
                )
        except Unanswered as error:
            outcomes.append(error)

    thread = threading.Thread(target=transfer)
    thread.start()
    assert going.wait(10) and heard.wait(10)  # what was sent may still wait to be accepted
    client.cut_off()
    thread.join(5)
    assert not thread.is_alive()
    gone.set()
    assert len(outcomes) == 1
