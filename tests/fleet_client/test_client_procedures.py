"""Every procedure: the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from client_under_test import TOKEN, Start
from scripted_fleet import answer

from station import __version__
from station.fleet.client import (
    Client,
    Garbled,
    ModelInfo,
    ModelOption,
    SerialInfo,
    SerialRow,
    SerialStatus,
)

KEY = "f00d" * 10
RID = "0123456789abcdef0123456789abcdef01234567"
CHANGED = b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"


def ok(body: str, kind: str = "text/csv; charset=utf-8") -> bytes:
    data = body.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n%s" % (len(data), kind.encode(), data)


def request(port: int, line: str, form: str | None = None, *, signed: bool = True) -> bytes:
    lines = [
        f"{line} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"User-Agent: provisioning-station/{__version__}",
        "Accept: */*",
        "Accept-Encoding: identity",
    ]
    if signed:
        lines.append(f"X-Exosite-Token: {TOKEN}")
    if form is not None:
        lines.append("Content-Type: application/x-www-form-urlencoded; charset=utf-8")
    if not line.startswith("GET"):
        lines.append(f"Content-Length: {len(form or '')}")
    return "\r\n".join([*lines, "", form or ""]).encode()


@pytest.mark.parametrize(
    ("call", "line", "form", "said", "result"),
    [
        pytest.param(
            lambda c: c.models.create("G 1", ModelInfo(rid=RID)),
            "POST /provision/manage/model/",
            f"model=G+1&rid={RID}",
            CHANGED,
            None,
            id="M28-rid",
        ),
        pytest.param(
            lambda c: c.models.create(
                "G1", ModelInfo(code="a&b", options=frozenset({ModelOption.NO_HISTORICAL, ModelOption.NO_ALIASES}))
            ),
            "POST /provision/manage/model/",
            "model=G1&code=a%26b&options%5B%5D=noaliases&options%5B%5D=nohistorical",
            CHANGED,
            None,
            id="M28-code",
        ),
        pytest.param(
            lambda c: c.models.info("testing+14"),
            "GET /provision/manage/model/testing%2B14",
            None,
            ok(f"rid={RID}&options[]=noaliases", "application/x-www-form-urlencoded; charset=utf-8"),
            ModelInfo(rid=RID, options=frozenset({ModelOption.NO_ALIASES})),
            id="M30",
        ),
        pytest.param(
            lambda c: list(c.serials.list("G1")),
            "GET /provision/manage/model/G1/?offset=0&limit=500&status=true",
            None,
            ok(f'1,,,\r\n2,activated,{RID},"a,""b"\r\n'),
            [
                SerialRow("1", SerialStatus.UNUSED, None, ""),
                SerialRow("2", SerialStatus.ACTIVATED, RID, 'a,"b'),
            ],
            id="M33",
        ),
        pytest.param(
            lambda c: c.serials.add("G1", "00:04:a3", "st=uid;hw=1 2"),
            "POST /provision/manage/model/G1/",
            "sn=00%3A04%3Aa3&extra=st%3Duid%3Bhw%3D1+2",
            CHANGED,
            None,
            id="M35",
        ),
        pytest.param(
            lambda c: c.serials.info("G 1", "00:ä~"),
            "GET /provision/manage/model/G%201/00%3A%C3%A4~",
            None,
            ok(f"notactivated,{RID},st=uid"),
            SerialInfo(SerialStatus.NOTACTIVATED, RID, "st=uid"),
            id="M43",
        ),
        pytest.param(
            lambda c: c.serials.enable("G1", "7", RID),
            "POST /provision/manage/model/G1/7",
            f"enable=true&owner={RID}",
            ok(RID),
            RID,
            id="M46",
        ),
        pytest.param(
            lambda c: c.serials.regenerate("G1", "7"),
            "POST /provision/manage/model/G1/7",
            "enable=true",
            CHANGED,
            None,
            id="M48",
        ),
        pytest.param(
            lambda c: c.serials.disable("G1", "7"),
            "POST /provision/manage/model/G1/7",
            "disable=true",
            CHANGED,
            None,
            id="M49",
        ),
        pytest.param(
            lambda c: c.serials.delete("G1", "7"),
            "DELETE /provision/manage/model/G1/7",
            None,
            CHANGED,
            None,
            id="M50",
        ),
    ],
)
def test_a_managing_procedure(
    start: Start, call: Callable[[Client], Any], line: str, form: str | None, said: bytes, result: Any
) -> None:
    client, fleet = start([answer(said)])
    assert call(client) == result
    assert fleet.heard == [request(fleet.port, line, form)]


def test_D1_carries_no_credential(start: Start) -> None:
    def no_token() -> str:
        raise AssertionError("nobody may ask for the token")

    client, fleet = start([answer(ok(KEY, "text/plain; charset=utf-8"))], token=no_token)
    assert client.device.activate("G1", "7") == KEY
    form = "vendor=weaver&model=G1&sn=7"
    assert fleet.heard == [request(fleet.port, "POST /provision/activate", form, signed=False)]


@pytest.mark.parametrize(
    ("said", "info"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", SerialInfo(SerialStatus.UNUSED)),
        (b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", SerialInfo(SerialStatus.ORPHANED)),
        (ok(f"expired,{RID},\r\n"), SerialInfo(SerialStatus.EXPIRED, RID, "")),
        (ok(f'locked,{RID},"a,b"'), SerialInfo(SerialStatus.LOCKED, RID, "a,b")),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: 51\r\n\r\nactivated,%s," % RID.encode(),
            SerialInfo(SerialStatus.ACTIVATED, RID, ""),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nexpired,\r\n29\r\n%s,\r\n0\r\n\r\n"
            % RID.encode(),
            SerialInfo(SerialStatus.EXPIRED, RID, ""),
        ),
    ],
    ids=["204-unused", "409-orphaned", "line-end", "quoted", "lower-case-headers", "chunked"],
)
def test_states_of_a_serial_number(start: Start, said: bytes, info: SerialInfo) -> None:
    # The second question, on the same connection, shows that the first answer was read to its very end.
    client, _ = start([answer(said), answer(ok(f"activated,{RID},x"))])
    assert client.serials.info("G1", "7") == info
    assert client.serials.info("G1", "7") == SerialInfo(SerialStatus.ACTIVATED, RID, "x")


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        (f"1,{RID},x\n", SerialRow("1", None, RID, "x")),
        ("1,,x", SerialRow("1", None, None, "x")),
        ("", None),
    ],
)
def test_lists_of_older_fleets(start: Start, rows: str, row: SerialRow | None) -> None:
    client, _ = start([answer(ok(rows))])
    assert list(client.serials.list("G1")) == ([row] if row else [])


def test_a_list_is_walked_to_its_short_page(start: Start) -> None:
    numbers = [f"{n:04}" for n in range(501)]
    pages = ["".join(f"{n},,,\r\n" for n in part) for part in (numbers[:500], numbers[500:])]
    client, fleet = start([answer(ok(page)) for page in pages])
    assert [row.serial for row in client.serials.list("G1")] == numbers
    assert b"?offset=500&limit=500&" in fleet.heard[1]


def test_a_list_may_end_with_a_page_of_nothing(start: Start) -> None:
    page = "".join(f"{n},,,\r\n" for n in range(500))
    client, _ = start([answer(ok(page)), answer(b"HTTP/1.1 204 No Content\r\n\r\n")])
    assert len(list(client.serials.list("G1"))) == 500


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda c: c.device.activate("G1", "7"), KEY[:-1]),
        (lambda c: c.device.activate("G1", "7"), ""),
        (lambda c: c.serials.enable("G1", "7", RID), RID + "0"),
        (lambda c: c.serials.info("G1", "7"), f"actived,{RID},"),
        (lambda c: c.serials.info("G1", "7"), f"unused,{RID},"),
        (lambda c: c.serials.info("G1", "7"), f"activated,{RID}"),
        (lambda c: c.serials.info("G1", "7"), "activated,123,"),
        (lambda c: c.serials.info("G1", "7"), f'activated,{RID},"a'),
        (lambda c: c.serials.info("G1", "7"), f"activated,{RID},\r\nactivated,{RID},"),
        (lambda c: c.serials.info("G1", "7"), ""),
        (lambda c: list(c.serials.list("G1")), "1\r\n"),
        (lambda c: list(c.serials.list("G1")), f"1,actived,{RID},\r\n"),
        (lambda c: c.models.info("G1"), "rid=123"),
        (lambda c: c.models.info("G1"), f"rid={RID}&code=x"),
        (lambda c: c.models.info("G1"), f"rid={RID}&options[]=everything"),
        (lambda c: c.models.info("G1"), "Hello"),
    ],
)
def test_a_body_that_is_not_this_api(start: Start, call: Callable[[Client], Any], body: str) -> None:
    client, _ = start([answer(ok(body, "text/plain"))])
    with pytest.raises(Garbled) as caught:
        call(client)
    assert KEY.lower() not in (str(caught.value) + repr(caught.value)).lower()


def test_a_body_that_is_no_text(start: Start) -> None:
    client, _ = start([answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff")])
    with pytest.raises(Garbled):
        client.serials.info("G1", "7")


def test_a_key_in_upper_case_is_not_lost(start: Start) -> None:
    client, _ = start([answer(ok(KEY.upper()))])
    assert client.device.activate("G1", "7") == KEY


def test_a_key_with_a_line_end_is_not_lost(start: Start) -> None:
    client, _ = start([answer(ok(KEY + "\r\n"))])
    assert client.device.activate("G1", "7") == KEY


@pytest.mark.parametrize(("rid", "code"), [(None, None), (RID, "x")])
def test_a_model_is_made_of_one_thing(rid: str | None, code: str | None) -> None:
    with pytest.raises(ValueError, match="either"):
        ModelInfo(rid, code)
