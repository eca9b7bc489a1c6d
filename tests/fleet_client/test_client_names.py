"""A name reaches what it names, or nothing: it is encoded, or refused before a byte is sent."""

from __future__ import annotations

import csv
import io
from urllib.parse import parse_qsl, unquote

import pytest
from client_under_test import Start
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import Blame
from station.fleet.client import (
    Client,
    GroupMember,
    MemberType,
    ModelInfo,
    NameUnsafe,
    Reply,
    Request,
    TooLong,
    Unreachable,
)
from station.fleet.client.groups import Groups
from station.fleet.client.models import Models
from station.fleet.client.serials import Serials
from station.fleet.client.tokens import Tokens

RID = "0123456789abcdef0123456789abcdef01234567"

UNSAFE = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "a%2Fb",
    "a&enable=true",
    "a,b",
    'a"b',
    "a\r\nX-Exosite-CIK: x",
    "a\nb",
    "a\x00",
    "a\x7f",
    "a\u2028b",
    "a\udc80",
    "x" * 129,
]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_is_refused_everywhere(start: Start, name: str) -> None:
    client, _ = start()  # whose script knows no connection
    for call in (
        lambda: client.device.activate(name, "7"),
        lambda: client.device.activate("G1", name),
        lambda: client.models.create(name, ModelInfo(rid=RID)),
        lambda: client.models.info(name),
        lambda: client.serials.list(name),
        lambda: client.serials.page(name),
        lambda: client.serials.add(name, "7"),
        lambda: client.serials.add_many(name, ["7"]),
        lambda: client.serials.add_many("G1", ["7", name]),
        lambda: client.serials.add_rows(name, [("7", "")]),
        lambda: client.serials.add_rows("G1", [("7", ""), (name, "")]),
        lambda: client.serials.remove(name, "7"),
        lambda: client.serials.remove("G1", name),
        lambda: client.serials.remove_many(name, ["7"]),
        lambda: client.serials.remove_many("G1", ["7", name]),
        lambda: client.serials.remove_listed(name, ["7"]),
        lambda: client.serials.remove_listed("G1", ["7", name]),
        lambda: client.serials.groups(name, "7"),
        lambda: client.serials.groups("G1", name),
        lambda: client.serials.log(name, "7"),
        lambda: client.serials.log("G1", name),
        lambda: client.serials.remap(name, "7", "8"),
        lambda: client.serials.remap("G1", name, "8"),
        lambda: client.serials.remap("G1", "7", name),
        lambda: client.serials.add("G1", name),
        lambda: client.serials.info(name, "7"),
        lambda: client.serials.info("G1", name),
        lambda: client.serials.enable("G1", name, RID),
        lambda: client.serials.regenerate("G1", name),
        lambda: client.serials.disable("G1", name),
        lambda: client.serials.delete("G1", name),
    ):
        with pytest.raises(NameUnsafe) as caught:
            call()
        assert caught.value.blame is Blame.STATION
        assert str(caught.value).isascii() and str(caught.value).isprintable()


def test_a_blank_is_for_models_alone(start: Start) -> None:
    client, _ = start()
    with pytest.raises(NameUnsafe, match="blank"):
        client.serials.add("G 1", "A 1")


@pytest.mark.parametrize("owner", ["", "0", RID[1:], RID + "&x", RID + "\n"])
def test_enable_without_an_owner_would_kill_a_key_and_is_not_sent(start: Start, owner: str) -> None:
    client, _ = start()
    with pytest.raises(NameUnsafe):
        client.serials.enable("G1", "7", owner)
    with pytest.raises(NameUnsafe):
        client.models.create("G1", ModelInfo(rid=owner))
    with pytest.raises(NameUnsafe):
        client.models.update("G1", ModelInfo(rid=owner))


def test_names_of_128_characters_are_sent(client_of_nothing: Client) -> None:
    with pytest.raises(Unreachable):
        client_of_nothing.serials.delete("m" * 128, "s" * 128)


@pytest.fixture
def client_of_nothing() -> Client:
    """A client whose fleet isn't there."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    return Client(f"http://127.0.0.1:{port}", "weaver", lambda: "t")


@pytest.mark.parametrize(("text", "kind"), [("a\0b", NameUnsafe), ("a\udc80", NameUnsafe), ("x" * 1025, TooLong)])
def test_a_text_that_can_not_be_kept_is_not_sent_and_not_shown(
    start: Start, text: str, kind: type[NameUnsafe | TooLong]
) -> None:
    client, _ = start()
    for call in (
        lambda: client.serials.add("G1", "7", text),
        lambda: client.serials.add_rows("G1", [("7", text)]),
        lambda: client.groups.create("G1", "a", text),
        lambda: client.groups.add("G1", "a", MemberType.SN, ["7"], meta=text),
        lambda: client.groups.add_listed("G1", "a", [GroupMember(MemberType.SN, "7", 0, text)]),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert text not in str(caught.value) and caught.value.blame is Blame.STATION


class Ear:
    """A fleet that keeps what it is asked, and says yes."""

    def __init__(self) -> None:
        self.heard: list[Request] = []

    def send(self, request: Request) -> Reply:
        self.heard.append(request)
        return Reply(request.asked, 205, {}, b"")

    def segments(self) -> list[str]:
        """The segments of the last path, as a server reads them."""
        return [unquote(segment, errors="strict") for segment in self.heard[-1].path.split("/")]

    def form(self) -> list[tuple[str, str]]:
        return parse_qsl((self.heard[-1].body or b"").decode("ascii"), keep_blank_values=True, strict_parsing=True)

    def records(self) -> list[list[str]]:
        return list(csv.reader(io.StringIO((self.heard[-1].body or b"").decode(), newline=""), strict=True))


def legal(least: str) -> st.SearchStrategy[str]:
    """Names of printable characters from ``least`` on, without those that the API document or we forbid."""
    characters = st.characters(min_codepoint=ord(least), exclude_categories=["C", "Z"], exclude_characters='/\\?#%&,"')
    blank = st.just(" ") if least == " " else st.nothing()
    return st.text(characters | blank, min_size=1, max_size=128).filter(lambda name: name not in (".", ".."))


NAMES, SERIALS = legal(" "), legal("!")
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from(',"\r\n &='), max_size=250
)
UNHURRIED = settings(deadline=None)


@UNHURRIED
@given(NAMES, SERIALS)
def test_names_survive_a_path(name: str, serial: str) -> None:
    ear = Ear()
    Models(ear).delete(name)
    assert ear.segments() == ["", "provision", "manage", "model", name]
    Serials(ear).delete(name, serial)
    assert ear.segments() == ["", "provision", "manage", "model", name, serial]
    Groups(ear).delete(name, serial)
    assert ear.segments() == ["", "provision", "manage", "group", name, serial]
    Tokens(ear).delete(name)
    assert ear.segments() == ["", "provision", "admin", "auth", name]


@UNHURRIED
@given(NAMES, st.lists(SERIALS, min_size=2), TEXTS)
def test_names_and_texts_survive_a_form(name: str, serials: list[str], text: str) -> None:
    ear = Ear()
    Serials(ear).add("G1", serials[0], text)
    assert ear.form() == [("sn", serials[0]), ("extra", text)]
    Serials(ear).add_many("G1", serials)
    assert ear.form() == [("sn[]", serial) for serial in serials]
    Groups(ear).add("G1", "a", MemberType.CONTENT, [name], 7, text)
    assert ear.form() == [("type", "content"), ("id", name), ("expire", "7"), ("meta", text)]


@UNHURRIED
@given(st.lists(st.tuples(SERIALS, TEXTS), min_size=1), NAMES)
def test_names_and_texts_survive_csv(rows: list[tuple[str, str]], name: str) -> None:
    ear = Ear()
    Serials(ear).add_rows("G1", rows)
    assert ear.records() == [list(row) for row in rows]
    Serials(ear).remove_listed("G1", [serial for serial, _ in rows])
    assert ear.records() == [[serial] for serial, _ in rows]
    Groups(ear).add_listed("G1", "a", [GroupMember(MemberType.GROUP, name, 7, text) for _, text in rows])
    assert ear.records() == [["group", name, "7", text] for _, text in rows]
