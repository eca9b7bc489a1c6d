"""Serial numbers: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from client_under_test import Start
from client_wire import (
    CSV,
    EMPTY,
    NOTHING,
    RID,
    TEXT,
    Case,
    assert_plays,
    assert_refuses,
    numbers,
    ok,
    refusal,
)
from scripted_fleet import answer, hang_up, hear

from station.fleet.client import (
    Activation,
    Client,
    Garbled,
    NameUnsafe,
    Page,
    SerialInfo,
    SerialRow,
    SerialStatus,
    Unanswered,
)

ALL = "/provision/manage/model/G1/"
ONE = "/provision/manage/model/G1/00%3A04"
SN = "00:04"
INFO = SerialInfo(SerialStatus.ACTIVATED, RID, "")

CASES = [
    Case(
        "M33",
        lambda c: list(c.serials.list("G1")),
        f"GET {ALL}?offset=0&limit=500&status=true",
        ok(f'1,,,\r\n2,activated,{RID},"a,""b"\r\n'),
        [SerialRow("1", SerialStatus.UNUSED, None, ""), SerialRow("2", SerialStatus.ACTIVATED, RID, 'a,"b')],
    ),
    Case(
        "M33-shared",
        lambda c: list(c.serials.list("G1", shared_with="acme")),
        f"GET {ALL}?offset=0&limit=500&shared=acme&status=true",
        ok(f"2,activated,{RID},x"),
        [SerialRow("2", SerialStatus.ACTIVATED, RID, "x")],
    ),
    Case(
        "M33-page",
        lambda c: c.serials.page("G1", 40, 20, shared_with="acme"),
        f"GET {ALL}?offset=40&limit=20&shared=acme&status=true",
        ok("1,,,\n"),
        Page((SerialRow("1", SerialStatus.UNUSED, None, ""),), 40, 20),
    ),
    Case(
        "M35",
        lambda c: c.serials.add("G1", SN, "st=uid;hw=1 2"),
        f"POST {ALL}",
        body="sn=00%3A04&extra=st%3Duid%3Bhw%3D1+2",
    ),
    Case("M36", lambda c: c.serials.add_many("G1", [SN, "2"]), f"POST {ALL}", body="sn%5B%5D=00%3A04&sn%5B%5D=2"),
    Case(
        "M37",
        lambda c: c.serials.add_rows("G1", iter([(SN, ""), ("2", 'a,b "c"'), ("3", "d\r\ne"), ("4", " f g ")])),
        f"POST {ALL}",
        body='00:04,\r\n2,"a,b ""c"""\r\n3,"d\r\ne"\r\n4, f g \r\n',
        kind=CSV,
    ),
    Case("M39", lambda c: c.serials.remove("G1", SN), f"POST {ALL}", body="delete=true&sn=00%3A04"),
    Case(
        "M40",
        lambda c: c.serials.remove_many("G1", [SN, "2"]),
        f"POST {ALL}",
        body="delete=true&sn%5B%5D=00%3A04&sn%5B%5D=2",
    ),
    Case("M41", lambda c: c.serials.remove_listed("G1", [SN, "2"]), f"DELETE {ALL}", body="00:04\r\n2\r\n", kind=CSV),
    Case(
        "M43",
        lambda c: c.serials.info("G1", SN),
        f"GET {ONE}",
        ok(f"activated,{RID},"),
        INFO,
        no_refusal="409 Conflict",
    ),
    Case(
        "M44",
        lambda c: list(c.serials.groups("G1", SN)),
        f"GET {ONE}?offset=0&limit=500&show=groups",
        ok("line 1\r\nall\r\n"),
        ["line 1", "all"],
    ),
    Case(
        "M45",
        lambda c: c.serials.log("G1", SN),
        f"GET {ONE}?show=log",
        ok('1416281778,127.0.0.1,model=G1&vendor=weaver&sn=00:04\r\n1416281779,::1,"a,""b"\r\n1,10.0.0.1,c,d,\r\n'),
        [
            Activation(1416281778, "127.0.0.1", "model=G1&vendor=weaver&sn=00:04"),
            Activation(1416281779, "::1", 'a,"b'),
            Activation(1, "10.0.0.1", "c,d,"),
        ],
    ),
    Case(
        "M46", lambda c: c.serials.enable("G1", SN, RID), f"POST {ONE}", ok(RID), RID, body=f"enable=true&owner={RID}"
    ),
    Case("M47", lambda c: c.serials.remap("G1", "a+1", SN), f"POST {ONE}", body="enable=true&oldsn=a%2B1"),
    Case("M48", lambda c: c.serials.regenerate("G1", SN), f"POST {ONE}", body="enable=true"),
    Case("M49", lambda c: c.serials.disable("G1", SN), f"POST {ONE}", body="disable=true"),
    Case("M50", lambda c: c.serials.delete("G1", SN), f"DELETE {ONE}"),
]

SHARED = [
    Case(
        "M33",
        lambda c: list(c.serials.shared_by("acme").list("G1")),
        f"GET {ALL}?offset=0&limit=500&status=true",
        ok(f"2,expired,{RID},"),
        [SerialRow("2", SerialStatus.EXPIRED, RID, "")],
        vendor="acme",
    ),
    Case(
        "M33-page",
        lambda c: c.serials.shared_by("acme").page("G1"),
        f"GET {ALL}?offset=0&limit=500&status=true",
        NOTHING,
        Page((), 0, 500),
        vendor="acme",
    ),
    Case(
        "M43",
        lambda c: c.serials.shared_by("acme").info("G1", SN),
        f"GET {ONE}",
        ok(f"activated,{RID},"),
        INFO,
        vendor="acme",
        no_refusal="409 Conflict",
    ),
    Case("M45", lambda c: c.serials.shared_by("acme").log("G1", SN), f"GET {ONE}?show=log", NOTHING, [], vendor="acme"),
    Case(
        "M46",
        lambda c: c.serials.shared_by("acme").enable("G1", SN, RID),
        f"POST {ONE}",
        ok(RID),
        RID,
        body=f"enable=true&owner={RID}",
        vendor="acme",
    ),
    Case(
        "M47",
        lambda c: c.serials.shared_by("acme").remap("G1", "1", SN),
        f"POST {ONE}",
        body="enable=true&oldsn=1",
        vendor="acme",
    ),
    Case(
        "M48",
        lambda c: c.serials.shared_by("acme").regenerate("G1", SN),
        f"POST {ONE}",
        body="enable=true",
        vendor="acme",
    ),
    Case(
        "M49",
        lambda c: c.serials.shared_by("acme").disable("G1", SN),
        f"POST {ONE}",
        body="disable=true",
        vendor="acme",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("case", SHARED, ids=numbers)
def test_a_procedure_on_a_model_that_another_vendor_shares(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", SHARED, ids=numbers)
def test_a_procedure_on_a_shared_model_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


def test_a_guest_is_offered_nothing_that_would_fall_on_its_own_model(start: Start) -> None:
    client, _ = start()
    guest = client.serials.shared_by("acme")
    assert not {"add", "add_many", "add_rows", "remove", "remove_many", "remove_listed", "delete"} & {*dir(guest)}


@pytest.mark.parametrize("said", [EMPTY, NOTHING], ids=["200", "204"])
def test_nothing_is_a_list_too(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)] * 4)
    assert list(client.serials.list("G1")) == []
    assert client.serials.page("G1", 5, 5).is_last
    assert list(client.serials.groups("G1", SN)) == []
    assert client.serials.log("G1", SN) == []


@pytest.mark.parametrize(
    ("said", "info"),
    [
        (NOTHING, SerialInfo(SerialStatus.UNUSED)),
        (refusal("409 Conflict"), SerialInfo(SerialStatus.ORPHANED)),
        (ok(f"notactivated,{RID},x"), SerialInfo(SerialStatus.NOTACTIVATED, RID, "x")),
        (ok(f"expired,{RID},\r\n"), SerialInfo(SerialStatus.EXPIRED, RID, "")),
        (ok(f'locked,{RID},"a,b"\n'), SerialInfo(SerialStatus.LOCKED, RID, "a,b")),
        (ok(f"expired,{RID.upper()},X"), SerialInfo(SerialStatus.EXPIRED, RID, "X")),
        (ok(f"expired,{RID},a,b\r\n"), SerialInfo(SerialStatus.EXPIRED, RID, "a,b")),
        (ok(f'expired,{RID},{{"a":1,"b":2}}'), SerialInfo(SerialStatus.EXPIRED, RID, '{"a":1,"b":2}')),
        (ok(f'expired,"{RID}",'), SerialInfo(SerialStatus.EXPIRED, RID, "")),
    ],
    ids=["204-unused", "409-orphaned", "no-line-end", "crlf", "quoted-lf", "upper", "bare", "bare-json", "quoted-rid"],
)
def test_states_of_a_serial_number(start: Start, said: bytes, info: SerialInfo) -> None:
    # The second question, on the same connection, shows that the first answer was read to its very end.
    client, _ = start([answer(said), answer(ok(f"activated,{RID},"))])
    assert client.serials.info("G1", SN) == info
    assert client.serials.info("G1", SN) == INFO


def test_a_rid_is_written_in_lower_case(start: Start) -> None:
    client, fleet = start([answer(ok(RID.upper(), TEXT)), answer(ok(f"{SN},activated,{RID.upper()},\r\n"))])
    assert client.serials.enable("G1", SN, RID.upper()) == RID
    assert f"owner={RID}".encode() in fleet.heard[0]
    assert [row.rid for row in client.serials.list("G1")] == [RID]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c: c.serials.enable("G1", SN, RID), RID + "0"),
        (lambda c: c.serials.enable("G1", SN, RID), ""),
        (lambda c: c.serials.info("G1", SN), ""),
        (lambda c: c.serials.info("G1", SN), f"actived,{RID},"),
        (lambda c: c.serials.info("G1", SN), f"unused,{RID},"),
        (lambda c: c.serials.info("G1", SN), f"activated,{RID}"),
        (lambda c: c.serials.info("G1", SN), f"activated,{RID},a,b\r\nactivated,{RID},"),
        (lambda c: c.serials.info("G1", SN), "activated,123,"),
        (lambda c: c.serials.info("G1", SN), f'activated,{RID},"a'),
        (lambda c: c.serials.info("G1", SN), f"activated,{RID},\r\nactivated,{RID},"),
        (lambda c: list(c.serials.list("G1")), "1\r\n"),
        (lambda c: list(c.serials.list("G1")), f"1,actived,{RID},\r\n"),
        (lambda c: list(c.serials.list("G1")), ",,,\r\n"),
        (lambda c: list(c.serials.groups("G1", SN)), "a,b\r\n"),
        (lambda c: c.serials.log("G1", SN), "1416281778,127.0.0.1\r\n"),
        (lambda c: c.serials.log("G1", SN), "yesterday,127.0.0.1,x\r\n"),
    ],
)
def test_a_body_that_is_not_this_api(start: Start, call: Callable[[Client], Any], said: str) -> None:
    client, _ = start([answer(ok(said, TEXT))])
    with pytest.raises(Garbled):
        call(client)


def test_a_body_that_is_no_text(start: Start) -> None:
    client, _ = start([answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff")])
    with pytest.raises(Garbled):
        client.serials.info("G1", SN)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.serials.add("G1", SN),
        lambda c: c.serials.add_rows("G1", [(SN, "")]),
        lambda c: c.serials.enable("G1", SN, RID),
        lambda c: c.serials.remap("G1", "1", SN),
        lambda c: c.serials.regenerate("G1", SN),
        lambda c: c.serials.delete("G1", SN),
    ],
)
def test_a_change_is_never_sent_twice(start: Start, call: Callable[[Client], Any]) -> None:
    client, fleet = start([hear, hang_up])
    with pytest.raises(Unanswered):
        call(client)
    assert len(fleet.heard) == 1


@pytest.mark.parametrize("name", ["../x", "a&enable=true", "a%2Fb", "a\r\nX-Exosite-CIK: x", "a b", "ä", ""])
def test_an_unsafe_vendor_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    with pytest.raises(NameUnsafe):
        client.serials.shared_by(name)
    with pytest.raises(NameUnsafe):
        client.serials.list("G1", shared_with=name)
    with pytest.raises(NameUnsafe):
        client.serials.page("G1", shared_with=name)
