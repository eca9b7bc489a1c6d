"""Every noun of ``station fleet`` against a served fleet: what is said, and what other commands see afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cutting_proxy import Asked, CuttingProxy, Fate
from served_fleet import Served


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_models(fleet: Served) -> None:
    rid, name = fleet.grants["acme"]["template_rid"], "m1"
    assert fleet.says("models", "create", name, "--rid", rid, "--option", "nohistorical") == f"{name}: made\n"
    [facts] = fleet.told("models", "show", name)
    assert facts == {"model": name, "rid": rid, "code": None, "options": ["nohistorical"]}
    assert "409" in fleet.fails(1, "models", "create", name, "--rid", rid)
    fleet.says("models", "update", name, "--rid", rid, "--option", "noaliases", "--option", "nocomments")
    shown = table(fleet.says("models", "show", name))
    assert shown == [["model", name], ["rid", rid], ["code", "-"], ["options", "noaliases", "nocomments"]]
    assert {"model": name} in fleet.told("models", "list") and ["MODEL"] in table(fleet.says("models", "list"))
    assert "there is nobody to ask" in fleet.fails(2, "models", "delete", name).lower()
    fleet.says("models", "delete", name, "--yes")
    assert {"model": name} not in fleet.told("models", "list")
    fleet.says("models", "create", name, "--rid", rid)
    fleet.says("models", "delete", name, "--yes", "--by-form")
    assert {"model": name} not in fleet.told("models", "list")
    for wrong in ([], ["--rid", rid, "--code", rid]):
        assert "exactly one of --rid and --code" in fleet.fails(2, "models", "create", name, *wrong)
    assert "hex digits" in fleet.fails(2, "models", "create", name, "--rid", "x")


def test_serials_are_listed_shown_and_deleted(fleet: Served) -> None:
    model = fleet.model()
    assert fleet.run("serials", "list", model).stdout == ""
    fleet.says("serials", "add", model, "A1", "--extra", "one, \x1b[31m \u2713")
    fleet.says("serials", "add", model, "A2", "A3")
    fleet.says("serials", "add", model, "A4", "A5", "A6", "--extra", "some")
    assert "409" in fleet.fails(1, "serials", "add", model, "A7", "A6")
    rows = fleet.told("serials", "list", model)
    assert [row["serial"] for row in rows] == ["A1", "A2", "A3", "A4", "A5", "A6"]
    assert rows[0] == {"serial": "A1", "status": "unused", "rid": None, "extra": "one, \x1b[31m \u2713"}
    lines = fleet.says("serials", "list", model).splitlines()
    assert lines[0] == "SERIAL  STATUS  RID  EXTRA"
    assert lines[1] == "A1      unused  -    one, \\x1b[31m \u2713"
    page = fleet.told("serials", "list", model, "--offset", "1", "--limit", "5")
    assert [row["serial"] for row in page] == ["A2", "A3", "A4", "A5", "A6"]
    for words in (["A1"], ["A2", "--by-form"], ["A3", "A4"], ["A5", "A6", "A7", "--by-form"]):
        fleet.says("serials", "delete", model, *words, "--yes")
    assert fleet.told("serials", "list", model) == []
    assert "404" in fleet.fails(1, "serials", "delete", model, "A1", "--yes")


def test_the_life_of_a_serial_number(fleet: Served, tmp_path: Path) -> None:
    model, owner = fleet.model(), fleet.grants["acme"]["owner_rid"]
    fleet.says("serials", "add", model, "A1", "A2")
    assert "`enable` makes one" in fleet.fails(1, "serials", "regenerate", model, "A1", "--yes")
    assert "--owner RID" in fleet.fails(2, "serials", "enable", model, "A1")
    [enabled] = fleet.told("serials", "enable", model, "A1", "--owner", owner)
    assert fleet.told("serials", "show", model, "A1") == [
        {"serial": "A1", "status": "notactivated", "rid": enabled["rid"], "extra": ""}
    ]
    assert "A1 of" in fleet.fails(1, "serials", "enable", model, "A1", "--owner", owner)
    assert fleet.told("serials", "log", model, "A1") == []
    fleet.says("device", "activate", model, "A1", "--into", tmp_path / "key")
    assert fleet.status(model, "A1") == "activated"
    [activation] = fleet.told("serials", "log", model, "A1")
    assert activation["entry"] == f"vendor=acme&model={model}&sn=A1" and activation["at"] > 1_700_000_000
    assert "activated, and its key dies at once" in fleet.fails(2, "serials", "regenerate", model, "A1")
    fleet.says("serials", "disable", model, "A1")
    assert fleet.status(model, "A1") == "expired"
    fleet.says("serials", "regenerate", model, "A1", "--yes")
    assert fleet.status(model, "A1") == "notactivated"
    assert "A2 of" in fleet.fails(1, "serials", "remap", model, "A2", "A1", "--yes")
    fleet.says("serials", "remap", model, "A1", "A2", "--yes")
    assert (fleet.status(model, "A1"), fleet.status(model, "A2")) == ("unused", "notactivated")
    assert "404" in fleet.fails(1, "serials", "show", model, "A3")


def test_ranges(fleet: Served) -> None:
    model = fleet.model()
    ten = [model, "base10", "00000001", "00009999", "--length", "8"]
    mac = [model, "mac:48", "00:1a:2b:00:00:00", "00:1a:2b:00:00:ff", "--casing", "lower"]
    for one in (ten, mac):
        fleet.says("ranges", "add", *one)
    assert fleet.told("ranges", "list", model)[1] == {
        "format": "mac:48",
        "first": 0x1A2B000000,
        "last": 0x1A2B0000FF,
        "length": None,
        "casing": "lower",
        "from": "00:1a:2b:00:00:00",
        "to": "00:1a:2b:00:00:ff",
    }
    assert table(fleet.says("ranges", "list", model))[1] == [
        "base10", "1", "9999", "8", "-", "00000001", "00009999",
    ]  # fmt: skip
    assert (fleet.status(model, "00000042"), fleet.status(model, "00:1a:2b:00:00:7f")) == ("unused", "unused")
    fleet.says("ranges", "remove", *ten)
    assert [one["format"] for one in fleet.told("ranges", "list", model)] == ["mac:48"]
    assert "404" in fleet.fails(1, "ranges", "remove", *ten)
    for wrong, word in (
        (["base10", "0001", "9"], "writes 0001 as 1"),
        (["base16", "0", "FFff"], "writes FFff as ffff"),
        (["base10", "ten", "11"], "no numbers of base10"),
        (["base10", "9", "1"], "no range of base10"),
        (["mac-48", "00-00-00-00-00-00", "1-00-00-00-00-00-00"], "48 bits"),
    ):
        assert word in fleet.fails(2, "ranges", "add", model, *wrong)


def test_groups(fleet: Served, tmp_path: Path) -> None:
    model = fleet.model()
    fleet.says("serials", "add", model, "A1", "A2", "A3")
    fleet.says("content", "create", model, "fw")
    fleet.says("groups", "create", model, "inner", "--meta", "early birds")
    fleet.says("groups", "create", model, "outer")
    assert fleet.told("groups", "list", model)[0] == {"group": "inner", "meta": "early birds"}
    expire = ["--expire", "2030-01-31T12:00:00", "--meta", "for now"]
    fleet.says("groups", "add", model, "inner", "sn", "A1", "A2", *expire)
    fleet.says("groups", "add", model, "outer", "group", "inner")
    [first, second] = fleet.told("groups", "members", model, "inner", "--type", "sn")
    assert first == {"type": "sn", "member": "A1", "expire": 1896091200, "meta": "for now"}
    assert table(fleet.says("groups", "members", model, "inner"))[1][2:4] == ["2030-01-31", "12:00:00Z"]
    assert fleet.told("groups", "members", model, "inner", "--name", "A2") == [second]
    assert fleet.told("groups", "members", model, "inner", "--name", "A2", "--type", "sn") == [second]
    assert fleet.told("groups", "members", model, "inner", "--name", "A3", "--type", "sn") == []
    assert fleet.told("groups", "show", model, "inner") == [{"group": "inner", "meta": "early birds", "count": 2}]
    assert fleet.told("groups", "parents", model, "inner") == [{"group": "outer"}]
    assert fleet.told("serials", "groups", model, "A1") == [{"group": "inner"}]
    fleet.says("groups", "remove", model, "inner", "sn", "A1", "A2")
    file = tmp_path / "members.csv"
    file.write_text('type,member,expire,meta\r\nsn,A3,,"a, b"\r\ncontent,fw,1896091200\r\n')
    fleet.says("groups", "import", model, "inner", file)
    assert fleet.told("content", "groups", model, "fw") == [{"group": "inner"}]
    assert [one["meta"] for one in fleet.told("groups", "members", model, "inner")] == ["a, b", ""]
    fleet.says("groups", "remove-listed", model, "inner", file)
    assert fleet.told("groups", "members", model, "inner") == []
    for wrong in ("cats,A1", "sn", "sn,A1,soon", "sn,A1,0,x,y"):
        file.write_text(f"sn,A1\n{wrong}\n")
        assert "line 2" in fleet.fails(2, "groups", "import", model, "inner", file)
    assert fleet.told("groups", "members", model, "inner") == []
    for wrong in ("soon", "-1", "1969-12-31", "1e9"):
        said = fleet.fails(2, "groups", "add", model, "inner", "sn", "A1", "--expire", wrong)
        assert "neither Unix seconds" in said
    fleet.says("groups", "delete", model, "outer", "--yes")
    assert [one["group"] for one in fleet.told("groups", "list", model)] == ["inner"]
    fleet.says("groups", "delete", model, "inner", "--yes", "--by-form")
    assert fleet.told("groups", "list", model) == []


def test_content(fleet: Served, tmp_path: Path) -> None:
    model, owner = fleet.model(), fleet.grants["acme"]["owner_rid"]
    source, other = tmp_path / "fw.bin", tmp_path / "empty.txt"
    source.write_bytes(bytes(range(256)) * 4000)
    other.write_bytes(b"")
    [facts] = fleet.told("content", "upload", model, source, "--protected", "--meta", "v1")
    assert facts == {"model": model, "id": "fw.bin", "type": "application/octet-stream", "size": 1_024_000}
    fleet.says("content", "upload", model, other, "--id", "notes")
    [shown] = fleet.told("content", "show", model, "notes")
    assert shown.pop("updated") > 1_700_000_000
    assert shown == {"id": "notes", "type": "text/plain", "size": 0, "meta": "", "protected": False}
    assert "can't be changed" in fleet.fails(1, "content", "upload", model, other, "--id", "notes", "--meta", "v2")
    fleet.says("content", "upload", model, source, "--id", "notes", "--type", "text/x-odd; charset=utf-8")
    assert fleet.told("content", "show", model, "notes")[0]["type"] == "text/x-odd; charset=utf-8"
    fleet.says("content", "download", model, "fw.bin", "--into", tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == source.read_bytes()
    assert "a regular file" in fleet.fails(2, "content", "upload", model, "/dev/null", "--id", "notes")
    assert "--force replaces it" in fleet.fails(2, "content", "download", model, "fw.bin", "--into", other)
    fleet.says("content", "download", model, "fw.bin", "--into", other, "--force")
    assert other.read_bytes() == source.read_bytes()

    fleet.says("serials", "add", model, "A1", "A2")
    fleet.says("groups", "create", model, "chosen")
    fleet.says("groups", "add", model, "chosen", "sn", "A1")
    fleet.says("groups", "add", model, "chosen", "content", "fw.bin")
    assert {row["id"] for row in fleet.told("content", "list", model)} == {"fw.bin", "notes"}
    assert {row["id"] for row in fleet.told("content", "list", model, "--serial", "A1")} == {"fw.bin", "notes"}
    assert fleet.told("content", "list", model, "--serial", "A2") == [{"id": "notes"}]
    assert "protected" not in fleet.told("content", "show", model, "fw.bin", "--serial", "A1")[0]
    fleet.says("content", "download", model, "fw.bin", "--serial", "A1", "--into", tmp_path / "a1")
    refused = ["content", "download", model, "fw.bin", "--serial", "A2", "--into", tmp_path / "a2"]
    assert "403" in fleet.fails(1, *refused) and not (tmp_path / "a2").exists()

    fleet.says("serials", "enable", model, "A1", "--owner", owner)
    fleet.says("device", "activate", model, "A1", "--into", tmp_path / "key")
    as_device = ["--key-file", tmp_path / "key"]
    assert {row["id"] for row in fleet.told("device", "list", model, *as_device)} == {"fw.bin", "notes"}
    assert fleet.told("device", "info", model, "fw.bin", *as_device)[0]["size"] == 1_024_000
    fleet.says("device", "download", model, "fw.bin", *as_device, "--into", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == source.read_bytes()

    fleet.says("content", "delete", model, "fw.bin", "--yes")
    assert fleet.told("content", "list", model) == [{"id": "notes"}]
    fleet.says("content", "delete", model, "notes", "--yes", "--by-form")
    assert fleet.told("content", "list", model) == []
    assert "404" in fleet.fails(1, "content", "show", model, "fw.bin")


@pytest.mark.slow
def test_a_download_that_broke_off_goes_on_from_there(fleet: Served, tmp_path: Path) -> None:
    model, source, copy = fleet.model(), tmp_path / "fw.bin", tmp_path / "copy.bin"
    source.write_bytes(bytes(range(256)) * 4000)
    fleet.says("content", "upload", model, source)
    download = ["content", "download", model, "fw.bin", "--into", copy]

    def judge(asked: Asked, before: int) -> Fate:
        return Fate.HALVED if "download=true" in asked.path else Fate.PASS

    with CuttingProxy(fleet.url, judge) as proxy:
        fleet.fails(1, *download, url=proxy.url)
    assert not copy.exists()
    with CuttingProxy(fleet.url) as proxy:
        fleet.says(*download, url=proxy.url)
        [part] = [asked.range for asked in proxy.asked if "download=true" in asked.path]
    assert part is not None and part.startswith("bytes=") and int(part[6:-1]) > 500_000
    assert copy.read_bytes() == source.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.bin", "fw.bin"]


def test_shares(fleet: Served) -> None:
    model, owner = fleet.model(), fleet.grants["beta"]["owner_rid"]
    fleet.says("serials", "add", model, "A1", "A2")
    assert fleet.run("shares", "test", model, "beta").returncode == 1
    fleet.says("shares", "add", model, "beta")
    assert fleet.told("shares", "test", model, "beta") == [{"model": model, "vendor": "beta", "shared": True}]
    assert fleet.told("shares", "list", model) == [{"vendor": "beta"}]
    assert {"vendor": "acme", "model": model} in fleet.told("models", "list", "--shared", vendor="beta")
    theirs = ["--shared-by", "acme"]
    fleet.says("serials", "enable", model, "A1", "--owner", owner, *theirs, vendor="beta")
    for asked in (["--shared-with", "beta"], None):
        vendor, more = ("acme", asked) if asked else ("beta", theirs)
        rows = fleet.told("serials", "list", model, *more, vendor=vendor)
        assert [(row["serial"], row["status"]) for row in rows] == [("A1", "notactivated")]
    fleet.says("serials", "disable", model, "A1", *theirs, vendor="beta")
    fleet.says("serials", "regenerate", model, "A1", "--yes", *theirs, vendor="beta")
    assert fleet.told("serials", "log", model, "A1", *theirs, vendor="beta") == []
    fleet.says("serials", "remap", model, "A1", "A2", "--yes", *theirs, vendor="beta")
    assert fleet.told("serials", "show", model, "A2", *theirs, vendor="beta")[0]["status"] == "notactivated"
    fleet.says("shares", "remove", model, "beta")
    assert fleet.told("shares", "list", model) == []
    fleet.says("shares", "add", model, "beta")
    fleet.says("shares", "remove", model, "beta", "--by-form")
    assert fleet.told("shares", "list", model) == []
    assert "403" in fleet.fails(1, "serials", "show", model, "A2", *theirs, vendor="beta")


def test_the_vendors_name(fleet: Served) -> None:
    assert fleet.told("vendor", "show", vendor="beta") == [{"vendor": "beta"}]
    fleet.says("vendor", "register", "beta", vendor="beta")
    fleet.says("vendor", "unregister", "beta", "--yes", vendor="beta")
    assert "404" in fleet.fails(1, "vendor", "show", vendor="beta")
    assert fleet.says("vendor", "register", "beta", vendor="beta") == "beta: registered\n"
    assert "409" in fleet.fails(1, "vendor", "register", "gamma", vendor="beta")


def unanswered(asked: Asked, before: int) -> Fate:
    return Fate.PASS if asked.method == "GET" else Fate.UNANSWERED


Words = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("words", "look"),
    [
        (lambda model: ["serials", "add", model, "B1"], "serials show {model} B1"),
        (lambda model: ["serials", "disable", model, "A1"], "serials show {model} A1"),
        (lambda model: ["serials", "regenerate", model, "A1", "--yes"], "serials show {model} A1"),
        (lambda model: ["groups", "create", model, "two words"], "groups show {model} 'two words'"),
        (lambda model: ["models", "delete", model, "--yes"], "models list"),
    ],
)
def test_after_a_change_without_an_answer_it_says_where_to_look(words: Words, look: str, fleet: Served) -> None:
    model = fleet.model()
    fleet.says("serials", "add", model, "A1")
    fleet.says("serials", "enable", model, "A1", "--owner", fleet.grants["acme"]["owner_rid"])
    with CuttingProxy(fleet.url, unanswered) as proxy:
        said = fleet.fails(1, *words(model), url=proxy.url)
        assert [asked.method for asked in proxy.asked if asked.method != "GET"] != [] and len(proxy.asked) <= 2
    assert f"it may have been done all the same: look with `station fleet {look.format(model=model)}` first" in said
