"""Models: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

import pytest
from client_under_test import Start
from client_wire import EMPTY, NOTHING, RID, Case, assert_plays, assert_refuses, numbers, ok
from scripted_fleet import answer

from station.fleet.client import Garbled, ModelInfo, ModelOption, NameUnsafe, SharedModel

ALL = "/provision/manage/model/"
INFO = "application/x-www-form-urlencoded; charset=utf-8"
BARE = ModelInfo(rid=RID)
OPTIONS = frozenset({ModelOption.NO_HISTORICAL, ModelOption.NO_ALIASES})

CASES = [
    Case("M26", lambda c: c.models.list(), f"GET {ALL}", ok('G1\r\n"a, b"\r\nG 2\r\n'), ["G1", "a, b", "G 2"]),
    Case(
        "M27",
        lambda c: c.models.shared(),
        f"GET {ALL}?show=shared",
        ok("acme,G1\nacme,G2"),
        [SharedModel("acme", "G1"), SharedModel("acme", "G2")],
    ),
    Case("M28-rid", lambda c: c.models.create("G 1", BARE), f"POST {ALL}", body=f"model=G+1&rid={RID}"),
    Case(
        "M28-code",
        lambda c: c.models.create("G1", ModelInfo(code="a&b", options=OPTIONS)),
        f"POST {ALL}",
        body="model=G1&code=a%26b&options%5B%5D=noaliases&options%5B%5D=nohistorical",
    ),
    Case("M29", lambda c: c.models.remove("G 1"), f"POST {ALL}", body="delete=true&model=G+1"),
    Case(
        "M30",
        lambda c: c.models.info("testing+14"),
        f"GET {ALL}testing%2B14",
        ok(f"rid={RID}&options[]=noaliases", INFO),
        ModelInfo(rid=RID, options=frozenset({ModelOption.NO_ALIASES})),
    ),
    Case("M31-rid", lambda c: c.models.update("G 1", BARE), f"PUT {ALL}G%201", body=f"rid={RID}"),
    Case(
        "M31-code",
        lambda c: c.models.update("G1", ModelInfo(code="x", options=OPTIONS)),
        f"PUT {ALL}G1",
        body="code=x&options%5B%5D=noaliases&options%5B%5D=nohistorical",
    ),
    Case("M32", lambda c: c.models.delete("G 1"), f"DELETE {ALL}G%201"),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_nothing_is_a_list_too(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)] * 2)
    assert client.models.list() == []
    assert client.models.shared() == []


@pytest.mark.parametrize(
    ("said", "info"),
    [
        (f"rid={RID}", BARE),
        (f"rid={RID}\r\n", BARE),
        (f"rid={RID}&options%5B%5D=noaliases", ModelInfo(rid=RID, options=frozenset({ModelOption.NO_ALIASES}))),
        (f"rid={RID}&options=nocomments", ModelInfo(rid=RID, options=frozenset({ModelOption.NO_COMMENTS}))),
        ("code=a%26b&options[]=", ModelInfo(code="a&b")),
        (f"options[]=nohistorical&code={RID}&options[]=noaliases", ModelInfo(code=RID, options=OPTIONS)),
    ],
)
def test_a_model_however_it_is_written(start: Start, said: str, info: ModelInfo) -> None:
    client, _ = start([answer(ok(said, INFO))])
    assert client.models.info("G1") == info


@pytest.mark.parametrize(
    "said", ["", "rid=123", f"rid={RID}&code=x", f"rid={RID}&options[]=everything", "code=%FF", "Hello"]
)
def test_a_model_that_is_none(start: Start, said: str) -> None:
    client, _ = start([answer(ok(said, INFO))])
    with pytest.raises(Garbled):
        client.models.info("G1")


def test_a_list_that_is_none(start: Start) -> None:
    client, _ = start([answer(ok("G1,G2\r\n")), answer(ok("acme\r\n")), answer(ok(",G1"))])
    with pytest.raises(Garbled):
        client.models.list()
    for _ in range(2):
        with pytest.raises(Garbled):
            client.models.shared()


@pytest.mark.parametrize("name", ["../x", "a&rid=b", "a%2Fb", "a\nb", ""])
def test_an_unsafe_name_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    for call in (
        lambda: client.models.create(name, BARE),
        lambda: client.models.remove(name),
        lambda: client.models.info(name),
        lambda: client.models.update(name, BARE),
        lambda: client.models.delete(name),
        lambda: client.models.update("G1", ModelInfo(rid=name)),
    ):
        with pytest.raises(NameUnsafe):
            call()
