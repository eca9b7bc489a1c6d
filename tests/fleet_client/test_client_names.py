"""A name reaches what it names, or nothing: it is encoded, or refused before a byte is sent."""

from __future__ import annotations

import pytest
from client_under_test import Start

from drivers.errors import Blame
from station.fleet.client import Client, ModelInfo, NameUnsafe

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
        lambda: client.serials.add(name, "7"),
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


@pytest.mark.parametrize("owner", ["", "0", RID.upper(), RID + "&x", RID + "\n"])
def test_enable_without_an_owner_would_kill_a_key_and_is_not_sent(start: Start, owner: str) -> None:
    client, _ = start()
    with pytest.raises(NameUnsafe):
        client.serials.enable("G1", "7", owner)
    with pytest.raises(NameUnsafe):
        client.models.create("G1", ModelInfo(rid=owner))


def test_names_of_128_characters_are_sent(client_of_nothing: Client) -> None:
    from station.fleet.client.errors import Unreachable

    with pytest.raises(Unreachable):
        client_of_nothing.serials.delete("m" * 128, "s" * 128)


@pytest.fixture
def client_of_nothing() -> Client:
    """A client whose fleet isn't there."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    return Client(f"http://127.0.0.1:{port}", "weaver", lambda: "t")
