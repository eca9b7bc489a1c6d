"""What the API document leaves to a setting (section 14), what it bounds (1.10), and what must not be done twice."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from conformance_far_end import FarEnd, Scene, Wire
from conformance_words import (
    IN_RANGE,
    JSON,
    Answer,
    Ask,
    activation,
    enabled,
    get,
    lines,
    listed,
    post,
    put,
    refused,
)

from station.fleet.server import Options, set_window


@pytest.fixture
def chosen(tmp_path: Path) -> Iterator[Scene]:
    """A scene on a fleet where every setting is the other one."""
    options = Options(
        window_s=0,
        content_bytes=1000,
        unknown_activation=HTTPStatus.FORBIDDEN,
        wrapped_ranges=True,
        behind_proxy=True,
    )
    far_end = FarEnd(tmp_path, options)
    yield far_end.scene()
    far_end.close()


def test_an_unknown_activation_may_be_403(chosen: Scene) -> None:
    chosen.do(*listed("A1"))
    for sn, model, status in [("A2", "g1", 403), ("A1", "nope", 403), ("A1", "g1", 409)]:
        form = f"vendor=$vendor&model={model}&sn={sn}"
        chosen.expect(post("/provision/activate", form, who="nobody"), refused(status))


def test_a_window_may_be_shorter(chosen: Scene) -> None:
    chosen.do(*enabled())
    chosen.expect(get("model/g1/A1"), Answer(200, "expired,$rid,", "text/csv; charset=utf-8"))
    chosen.expect(activation(), refused(409))


def test_a_model_may_have_a_window_of_its_own(chosen: Scene) -> None:
    chosen.do(*listed("A1", "A2"))
    set_window(chosen.far_end.database, chosen.words["vendor"], "g1", 60)
    for form, sn in [("enable=true&owner=$owner", "A1"), ("enable=true", "A1"), ("enable=true&oldsn=A1", "A2")]:
        chosen.do(post(f"model/g1/{sn}", form), activation(sn))
    set_window(chosen.far_end.database, chosen.words["vendor"], "g1", None)
    chosen.do(post("model/g1/A2", "enable=true"))
    chosen.expect(activation("A2"), refused(409))


def test_ranges_may_be_wrapped(chosen: Scene) -> None:
    chosen.do(IN_RANGE)
    body = '{"ranges":[{"format":"base10","length":4,"casing":null,"first":10,"last":19}]}'
    chosen.expect(get("model/g1/?show=ranges"), Answer(200, body, JSON))


def test_content_may_be_bounded(chosen: Scene) -> None:
    chosen.do(post("content/g1/", "id=fw&meta="), post("content/g1/fw", b"x" * 1000, "text/plain"))
    wire = Wire(chosen.far_end.server.url)
    try:
        reply = wire.send(chosen.raw(post("content/g1/fw", b"y" * 1001, "text/plain")))
    finally:
        wire.socket.close()
    assert reply.startswith(b"HTTP/1.1 413 ")
    chosen.expect(get("content/g1/fw?download=true"), Answer(200, b"x" * 1000, "text/plain"))


def test_the_log_may_name_the_peer_of_a_proxy(far_end: FarEnd, tmp_path: Path) -> None:
    proxied = FarEnd(tmp_path, Options(behind_proxy=True))
    try:
        for end, peer in [(proxied, "10.1.2.3"), (far_end, "127.0.0.1")]:
            scene = end.scene()
            scene.do(*enabled())
            asked = scene.raw(activation()).replace(
                b"\r\nContent-Length", b"\r\nX-Forwarded-For: 9.9.9.9, 10.1.2.3\r\nContent-Length", 1
            )
            assert end.wire.send(asked).startswith(b"HTTP/1.1 200 ")
            scene.expect(get("model/g1/A1?show=log"), lines(f"$NOW,{peer},vendor=$vendor&model=g1&sn=A1"))
    finally:
        proxied.close()


KIB = "x" * 1024
FULL = [
    post("model/g1/", f"sn={'s' * 128}&extra={KIB}"),
    post("model/", f"model={'m' * 64}&rid=$template"),
    post("content/g1/", f"id={'c' * 128}&meta={KIB}"),
    post("group/g1/", f"id=g&meta={KIB}"),
]


def over(ask: Ask, old: str, new: str) -> Ask:
    assert isinstance(ask.body, str) and old in ask.body
    return post(ask.target, ask.body.replace(old, new, 1), ask.type)


@pytest.mark.parametrize("ask", FULL, ids=["serial number", "model", "content", "group"])
def test_what_is_as_long_as_it_may_be_is_taken(scene: Scene, ask: Ask) -> None:
    scene.expect(ask, Answer(205))


@pytest.mark.parametrize(
    "ask",
    [
        over(FULL[0], "s" * 128, "s" * 129),
        over(FULL[0], KIB, KIB + "x"),
        over(FULL[1], "m" * 64, "m" * 65),
        over(FULL[2], "c" * 128, "c" * 129),
        over(FULL[2], "c" * 128, "%C3%BC" * 65),
        over(FULL[2], KIB, KIB + "x"),
        over(FULL[3], KIB, KIB + "x"),
        put("model/g1", "rid=$template&x=" + "x" * (10 << 20)),
    ],
    ids=[
        "serial number",
        "extra",
        "model",
        "content",
        "content in bytes",
        "meta of content",
        "meta of group",
        "a body",
    ],
)
def test_413_for_what_is_longer(far_end: FarEnd, scene: Scene, ask: Ask) -> None:
    wire = Wire(far_end.server.url)
    try:
        assert wire.send(scene.raw(ask)).startswith(b"HTTP/1.1 413 ")
    finally:
        wire.socket.close()
    scene.expect(get("model/"), lines("g1"))


def test_of_racing_devices_one_gets_the_key(far_end: FarEnd, scene: Scene) -> None:
    wires = [Wire(far_end.server.url) for _ in range(8)]
    try:
        for sn in ("A1", "A2", "A3"):
            scene.do(*enabled(sn))
            asked = scene.raw(activation(sn))
            for wire in wires:
                wire.socket.sendall(asked)
            codes = sorted(wire.socket.recv(1 << 16)[9:12] for wire in wires)
            assert codes == [b"200", *[b"409"] * 7]
            scene.expect(get(f"model/g1/{sn}?show=log"), lines(f"$NOW,127.0.0.1,vendor=$vendor&model=g1&sn={sn}"))
    finally:
        for wire in wires:
            wire.socket.close()
