"""``station fleet serials import`` and ``export``: whatever is in the file, the fleet or the way."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cutting_proxy import Asked, CuttingProxy, Fate, Judge
from served_fleet import Served
from station_process import Station


def imported(fleet: Served, model: str, file: Path, code: int = 0, url: str | None = None) -> dict[str, Any]:
    done = fleet.run("serials", "import", model, file, "--json", url=url)
    assert done.returncode == code, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told.pop("model") == model
    return told


def listed(fleet: Served, model: str) -> dict[str, str]:
    return {row["serial"]: row["extra"] for row in fleet.told("serials", "list", model)}


def sheet(folder: Path, count: int, prefix: str = "SN") -> Path:
    file = folder / "serials.csv"
    file.write_text("".join(f"{prefix}{n:06},text {n}\n" for n in range(count)))
    return file


def test_many_are_added_once(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 10_000)
    assert imported(fleet, model, file) == {"added": 10_000, "existed": 0, "unsure": 0, "left": 0, "refused": []}
    assert imported(fleet, model, file) == {"added": 0, "existed": 10_000, "unsure": 0, "left": 0, "refused": []}
    found = listed(fleet, model)
    assert len(found) == 10_000 and found["SN009999"] == "text 9999"


def test_what_is_there_is_left_alone_and_the_rest_is_added(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 9000)
    fleet.says("serials", "add", model, "SN000007", "SN008999", "other")
    assert imported(fleet, model, file) == {"added": 8998, "existed": 2, "unsure": 0, "left": 0, "refused": []}
    found = listed(fleet, model)
    assert len(found) == 9001 and (found["SN000007"], found["SN000008"]) == ("", "text 8")
    assert fleet.says("serials", "import", model, file) == f"{model}: 0 added, 9000 existed, 0 refused\n"


def test_lines_that_cannot_be_added_are_named(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), tmp_path / "odd.csv"
    lines = [
        "\ufeffSN,Extra".encode(),
        b"A1,one",
        b"",
        b'A2,"a ""quoted"", text',
        b'on two lines"',
        b"A3",
        b"A1,again",
        b'"A 4",blank',
        b"A5,x,y",
        b"../A7",
        b"A8," + b"x" * 1024,
        b"A9," + b"x" * 1025,
        b"x" * 129,
        b'A10,"a"b',
        b'"A11,never closed',
        b"A12",
    ]
    file.write_bytes(b"\r\n".join(lines))
    told = imported(fleet, model, file, 1)
    refused = {one["line"]: one["reason"] for one in told["refused"]}
    assert (told["added"], told["existed"], told["left"]) == (4, 0, 0)
    assert list(refused) == [7, 8, 9, 10, 12, 13, 14, 15]
    words = [
        "repeats line 2",
        "blank",
        "found 3 fields",
        "holds /",
        "1025",
        "129",
        "it is no CSV",
        "lines 15 to 16 are no CSV",
    ]
    assert all(word in reason for word, reason in zip(words, refused.values(), strict=True)), refused
    quoted = 'a "quoted", text\r\non two lines'
    assert listed(fleet, model) == {"A1": "one", "A2": quoted, "A3": "", "A8": "x" * 1024}
    table = fleet.run("serials", "import", model, file)
    assert table.returncode == 1 and table.stdout.splitlines()[0].split() == ["LINE", "SERIAL", "REASON"]
    assert table.stdout.splitlines()[-1] == f"{model}: 0 added, 4 existed, 9 refused"  # the last of them two lines


@pytest.mark.parametrize("content", [b"", b"sn\n", b"sn,extra\r\n", b"\n\n"])
def test_an_empty_file_adds_nothing(content: bytes, fleet: Served, tmp_path: Path) -> None:
    model = fleet.model()
    (tmp_path / "empty.csv").write_bytes(content)
    assert imported(fleet, model, tmp_path / "empty.csv")["added"] == 0


def test_what_the_fleet_alone_refuses_is_halved_until_it_stands_alone(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 5000)
    bad = ("SN000007", "SN004000", "SN004999")

    def judge(asked: Asked, before: int) -> Fate:
        return Fate.REFUSED if any(serial.encode() in asked.body for serial in bad) else Fate.PASS

    with CuttingProxy(fleet.url, judge) as proxy:
        told = imported(fleet, model, file, 1, proxy.url)
        assert len(proxy.asked) < 100
    assert told["added"] == 4997 == len(listed(fleet, model))
    assert told["refused"] == [
        {"line": line, "last": line, "serial": serial, "reason": "no such line"}
        for line, serial in zip((8, 4001, 5000), bad, strict=True)
    ]


def lost_post(fate: Fate, *which: int) -> Judge:
    """Let these of the POSTs meet this fate."""
    return lambda asked, before: fate if asked.method == "POST" and before in which else Fate.PASS


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.UNANSWERED])
def test_an_unanswered_piece_is_looked_for_and_not_sent_blindly(fate: Fate, fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 9000)
    with CuttingProxy(fleet.url, lost_post(fate, 0, 2)) as proxy:
        assert imported(fleet, model, file, 0, proxy.url) == {
            "added": 9000,
            "existed": 0,
            "unsure": 0,
            "left": 0,
            "refused": [],
        }
        posts = [n for n, asked in enumerate(proxy.asked) if asked.method == "POST"]
    assert all(proxy.asked[n + 1].method == "GET" for n in (posts[0], posts[2]))
    assert len(posts) == (3 if fate is Fate.UNANSWERED else 5)
    assert len(listed(fleet, model)) == 9000


def test_an_unanswered_piece_that_was_partly_there_is_completed(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 100)
    fleet.says("serials", "add", model, "SN000000", "SN000050")
    with CuttingProxy(fleet.url, lost_post(Fate.LOST, 0)) as proxy:
        assert imported(fleet, model, file, 0, proxy.url) == {
            "added": 98,
            "existed": 2,
            "unsure": 0,
            "left": 0,
            "refused": [],
        }


def test_what_may_have_been_there_before_is_not_said_to_be_added(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 4100)
    imported(fleet, model, file)
    with CuttingProxy(fleet.url, lost_post(Fate.LOST, 0)) as proxy:
        told = imported(fleet, model, file, 0, proxy.url)
    assert told == {"added": 0, "existed": 100, "unsure": 4000, "left": 0, "refused": []}


@pytest.mark.slow
def test_a_look_that_fails_is_tried_again(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 100)

    def judge(asked: Asked, before: int) -> Fate:
        return Fate.LOST if (asked.method == "POST") == (before == 0) and before < 3 else Fate.PASS

    with CuttingProxy(fleet.url, judge) as proxy:
        assert imported(fleet, model, file, 0, proxy.url)["added"] == 100
        assert [asked.method for asked in proxy.asked].count("GET") > 3
    assert len(listed(fleet, model)) == 100


class Pageless(CuttingProxy):
    """A fleet that gives its first page, whichever is asked for."""

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        return super()._ask(method, re.sub("offset=[0-9]+", "offset=0", path), body, headers)


def test_a_list_that_goes_round_in_circles_ends_the_import(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 1200)
    imported(fleet, model, file)
    with Pageless(fleet.url) as proxy:
        assert "round in circles" in fleet.fails(1, "serials", "import", model, file, url=proxy.url)


def test_lines_that_would_not_be_sent_hold_no_others_up(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 1000)
    file.write_text(file.read_text() + "".join(f"a/{n}\n" for n in range(20)))
    with CuttingProxy(fleet.url) as proxy:
        told = imported(fleet, model, file, 1, proxy.url)
        assert [asked.method for asked in proxy.asked] == ["GET", "POST"]
    assert (told["added"], len(told["refused"])) == (1000, 20)


@pytest.mark.parametrize("quoted", ["", '"\n'])
def test_every_line_behind_an_open_quote_is_counted(quoted: str, fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), tmp_path / "open.csv"
    lines = [f"UQ{n},note {n}\n" for n in range(10_000)]
    file.write_text(f'{lines[0]}UQ1,"oops\n{"".join(lines[2:])}{quoted}')
    told = imported(fleet, model, file, 1)
    lost = sum(one["last"] - one["line"] + 1 for one in told["refused"])
    assert told["added"] + lost == 10_000 + quoted.count("\n") and told["added"] == len(listed(fleet, model))
    assert (
        told["refused"][0]["line"] == 2 and f"lines 2 to {told['refused'][0]['last']}" in told["refused"][0]["reason"]
    )
    said = fleet.run("serials", "import", model, file).stdout
    assert said.endswith(f"{told['added']} existed, {lost} refused\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A1\nA\xe9\nA3\n", "line 2: expected CSV in UTF-8; found byte 0xe9"),
        (b"A1\n" * 400_000 + b"\xc3\n", "line 400001: expected"),
        (b"A1\nA2\xc3", "line 2: expected"),
        (b"A1\nA\x002\n", "found a NUL"),
        ("A1\nA2\n".encode("utf-16"), "expected CSV in UTF-8"),
    ],
)
def test_nothing_of_a_file_that_is_no_text_is_sent(content: bytes, said: str, fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), tmp_path / "binary.csv"
    file.write_bytes(content)
    assert said in fleet.fails(2, "serials", "import", model, file)
    assert listed(fleet, model) == {}


def test_an_export_replaces_regular_files_alone(fleet: Served, tmp_path: Path) -> None:
    model, pipe = fleet.model(), tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "no regular file" in fleet.fails(2, "serials", "export", model, pipe, "--force")
    assert pipe.is_fifo()
    assert "no such folder" in fleet.fails(2, "serials", "export", model, tmp_path / "none" / "x")
    assert "no regular file" in fleet.fails(2, "content", "download", model, "fw", "--into", pipe, "--force")
    assert "no such folder" in fleet.fails(2, "content", "download", model, "fw", "--into", tmp_path / "none" / "x")
    assert pipe.is_fifo()


@pytest.mark.slow
def test_a_fleet_that_stays_away_leaves_a_file_that_can_be_imported_again(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 9000)
    with CuttingProxy(fleet.url, lost_post(Fate.LOST, *range(1, 9))) as proxy:
        done = fleet.run("serials", "import", model, file, url=proxy.url)
    assert done.returncode == 1 and "no whole answer came" in done.stderr
    assert done.stdout == (
        f"{model}: 4000 added, 0 existed, 0 refused, 5000 not tried or without an answer: import the file again\n"
    )
    assert imported(fleet, model, file) == {"added": 5000, "existed": 4000, "unsure": 0, "left": 0, "refused": []}


def test_a_killed_import_is_completed_by_the_next(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), sheet(tmp_path, 30_000)
    with ExitStack() as stack:
        proxy = stack.enter_context(CuttingProxy(fleet.url))
        words = ["serials", "import", model, file]
        process = stack.enter_context(Station("fleet", *fleet.options(url=proxy.url), *words))
        proxy.wait_for("POST", 3)
        process.end(signal.SIGKILL)
    told = imported(fleet, model, file)
    assert told["existed"] >= 8000 and told["added"] + told["existed"] == 30_000
    assert len(listed(fleet, model)) == 30_000


def test_a_model_that_is_not_there_is_no_fault_of_the_lines(fleet: Served, tmp_path: Path) -> None:
    assert "404" in fleet.fails(1, "serials", "import", "none", sheet(tmp_path, 3))
    assert "it holds /" in fleet.fails(2, "serials", "import", "a/b", sheet(tmp_path, 3))
    assert "does not exist" in fleet.fails(2, "serials", "import", "none", tmp_path / "none.csv")


def test_what_is_exported_can_be_imported(fleet: Served, tmp_path: Path) -> None:
    model, other, file = fleet.model(), fleet.model(), tmp_path / "out.csv"
    texts = {"A1": 'a "b", c', "B:2": "", "C.3": "two\nlines \u2713", "D4": "a\rb", "E5": "\r\n", "F6": " \r"}
    for serial, extra in texts.items():
        fleet.says("serials", "add", model, serial, "--extra", extra)
    fleet.says("serials", "export", model, file)
    assert file.read_bytes().startswith(b"sn,extra\r\n")
    imported(fleet, other, file)
    assert listed(fleet, other) == texts
    assert fleet.says("serials", "export", other, "-") == file.read_text()
    assert "is there already" in fleet.fails(2, "serials", "export", model, file)
    fleet.says("serials", "delete", model, "A1", "--yes")
    fleet.says("serials", "export", model, file, "--force")
    assert b"A1" not in file.read_bytes()
    assert "404" in fleet.fails(1, "serials", "export", "none", file, "--force")
    assert b"B:2" in file.read_bytes() and [path.name for path in tmp_path.iterdir()] == ["out.csv"]
