"""Requests as other people's clients send them, to the byte (API document, sections 1.3, 1.7, 1.11 and 11)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

import pytest
from conformance_far_end import FarEnd, Scene, Wire
from conformance_words import IN_RANGE, active, enabled, filled, get, listed, post

FORM_TYPE = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture
def wire(far_end: FarEnd) -> Iterator[Wire]:
    """A connection of the stranger's own."""
    wire = Wire(far_end.server.url)
    yield wire
    wire.socket.close()


def raw(scene: Scene, line: str, *headers: str, body: str | bytes = b"") -> bytes:
    """Return a request with exactly these lines, the words filled in; ``{length}`` is that of the body."""
    data = filled(body, scene.words).encode() if isinstance(body, str) else body
    head = "\r\n".join([line, *headers, "", ""]).replace("{length}", str(len(data)))
    return filled(head, scene.words).encode() + data


def code(reply: bytes) -> int:
    assert reply.startswith(b"HTTP/1.1 "), reply
    return int(reply[9:12])


def body(reply: bytes) -> bytes:
    return reply.partition(b"\r\n\r\n")[2]


def dribble(wire: Wire, pieces: Iterable[bytes]) -> None:
    """Send each piece as a segment of its own."""
    for piece in pieces:
        wire.socket.sendall(piece)
        time.sleep(0.002)  # an ordinary device's pace; there is nothing to wait for


def pyonep(scene: Scene, method: str, target: str, *, type: str = "", key: str = "$token", body: str = "") -> bytes:
    typed = [f"Content-Type: {type}"] if type else []
    return raw(
        scene,
        f"{method} {target} HTTP/1.1",
        "Host: m2.exosite.com",
        "Accept-Encoding: identity",
        *(["Content-Length: {length}"] if body or method != "GET" else []),
        f"X-Exosite-Token: {key}",
        *typed,
        "Accept: text/plain, text/csv, application/x-www-form-urlencoded",
        body=body,
    )


def test_pyonep_activates_with_an_empty_token(scene: Scene, wire: Wire) -> None:
    scene.do(*enabled())
    ask = pyonep(scene, "POST", "/provision/activate", type=FORM_TYPE, key="", body="vendor=$vendor&model=g1&sn=A1")
    reply = wire.send(ask)
    assert code(reply) == 200 and len(body(reply)) == 40
    assert code(wire.send(ask)) == 409


def test_pyonep_manages(scene: Scene, wire: Wire) -> None:
    scene.do(*active())
    model, device = "/provision/manage/model/", "/provision/download?vendor=$vendor&model=g1"
    steps = [
        ("POST", f"{model}g1/", FORM_TYPE, "$token", "add=true&sn%5B%5D=B1&sn%5B%5D=B2", 205),
        ("POST", f"{model}g1/", "text/csv; charset=utf-8", "$token", "C1,one\r\nC2,two", 205),
        ("GET", f"{model}g1/?offset=0&limit=1000&status=true", "", "$token", "", 200),
        ("POST", f"{model}g1/", FORM_TYPE, "$token", "remove=true&sn%5B%5D=B1&sn%5B%5D=C1", 205),
        ("PUT", f"{model}g1", "", "$token", "rid=$template&options%5B%5D=nohistorical", 205),
        ("POST", "/provision/manage/content/g1/", FORM_TYPE, "$token", "id=fw&meta=some+text", 205),
        ("POST", "/provision/manage/content/g1/fw", "text/plain", "$token", "firmware", 205),
        ("GET", f"{device}&id=fw&info=true", "", "$cik", "", 200),
        ("GET", "/provision/register", "", "$vendor_cik", "", 200),
        ("DELETE", f"{model}g1/C2", "", "$token", "", 205),
        ("DELETE", f"{model}g1", "", "$token", "delete=true&model=g1&confirm=true", 205),
        ("POST", "/provision/register", FORM_TYPE, "$vendor_cik", "delete=true&vendor=$vendor", 205),
    ]
    for method, target, type, key, form, status in steps:
        reply = wire.send(pyonep(scene, method, target, type=type, key=key, body=form))
        assert code(reply) == status, (method, target, reply)


def test_exoline_puts_content(scene: Scene, wire: Wire) -> None:
    content = "/provision/manage/content/g1/"
    assert code(wire.send(pyonep(scene, "GET", f"{content}a.txt"))) == 404
    entry = pyonep(scene, "POST", content, type=FORM_TYPE, body="id=a.txt&meta=")
    assert code(wire.send(entry)) == 205
    for text in ("one", "three"):
        assert code(wire.send(pyonep(scene, "POST", f"{content}a.txt", type="false", body=text))) == 205
    info = body(wire.send(pyonep(scene, "GET", f"{content}a.txt"))).decode()
    assert re.fullmatch(r"false,5,\d{10},,false", info) and len(info.split(",")) == 5
    assert body(wire.send(pyonep(scene, "GET", f"{content}a.txt?download=true"))) == b"three"
    fields = body(wire.send(pyonep(scene, "GET", f"{content}a.txt"))).decode().split(",")
    assert int(fields[1]) == 5 and int(fields[2]) > 1.7e9


def test_exoline_pages_a_partition(scene: Scene, wire: Wire) -> None:
    scene.do(*listed(*"gfedcba"))
    pages = [
        body(wire.send(pyonep(scene, "GET", f"/provision/manage/model/g1/?offset={n}&limit=6"))).decode()
        for n in (0, 6)
    ]
    assert [line.split(",") for line in "".join(pages).splitlines()] == [[x, "", ""] for x in "gfedcba"]


def test_exoline_enables_and_orphans(scene: Scene, wire: Wire) -> None:
    """Owner by RPC, range member, then a drop behind the back of provisioning: 409, M50, and add again."""
    assert scene.rpc("cik", "lookup", "alias", "")["result"] != scene.words["owner"]
    scene.do(IN_RANGE, post("model/g1/0011", "enable=true&owner=$owner", keep="rid"))
    assert scene.rpc("cik", "drop", "$rid")["status"] == "ok"
    target = "/provision/manage/model/g1/0011"
    codes = [code(wire.send(pyonep(scene, method, target))) for method in ("GET", "DELETE", "GET")]
    assert codes == [409, 205, 204]


def arduino(scene: Scene, sn: str) -> list[bytes]:
    """One ``println`` a segment, and one more behind the body."""
    form = filled(f"vendor=$vendor&model=g1&sn={sn}", scene.words)
    return [
        b"POST /provision/activate HTTP/1.1\r\n",
        b"Host: m2.exosite.com\r\n",
        b"User-Agent: Exosite-Activator/2.4 (Arduino)\r\n",
        b"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n",
        f"Content-Length: {len(form)}\r\n".encode(),
        b"\r\n",
        form.encode(),
        b"\r\n",
    ]


def test_arduino_reads_a_reply_of_198_bytes_and_goes_on_behind_its_extra_line_end(scene: Scene, wire: Wire) -> None:
    scene.do(*enabled("A1"), *enabled("A2"))
    for sn, status in [("A1", 200), ("A2", 200), ("A1", 409), ("A3", 404)]:
        dribble(wire, arduino(scene, sn))
        reply = wire.socket.recv(200 if status == 200 else 400)
        assert code(reply) == status
        if status == 200:
            assert len(reply) <= 198 and reply.startswith(b"HTTP/1.1 200 OK\r\n")
            assert re.fullmatch(rb"[0-9a-f]{40}", body(reply))


def test_line_ends_before_a_request_are_skipped(scene: Scene, wire: Wire) -> None:
    scene.do(*enabled())
    assert code(wire.send(b"\r\n\r\n" + b"".join(arduino(scene, "A1")))) == 200


def test_libexosite_searches_the_length_by_its_spelling_and_is_left_alone(scene: Scene, wire: Wire) -> None:
    scene.do(*enabled())
    reply = wire.send(
        raw(
            scene,
            "POST /provision/activate HTTP/1.1",
            "Host: m2.exosite.com",
            "Connection: Close ",
            "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
            "Content-Length: {length}",
            body="vendor=$vendor&model=g1&sn=A1",
        )
    )
    assert len(reply) <= 512 and b"\r\nContent-Length: 40\r\n" in reply and b"\r\nConnection: close\r\n" in reply
    assert re.fullmatch(rb"[0-9a-f]{40}", body(reply))
    assert wire.socket.recv(1) == b""


def test_provision_examples_take_what_one_recv_brings(scene: Scene, wire: Wire) -> None:
    scene.do(*listed("A1"))
    request = raw(
        scene,
        "GET /provision/manage/model/g1/? HTTP/1.1",
        "Host: m2.exosite.com",
        "X-Exosite-CIK: $vendor_cik",
        "Connection: Close ",
        "content-length:{length}",
    )
    dribble(wire, (line + b"\r\n" for line in request.split(b"\r\n")[:-1]))
    reply = wire.socket.recv(1024)
    assert reply.split(b"\r\n\r\n")[1] == b"A1,,\r\n" and b"HTTP/1.1 4" not in reply


def test_provision_examples_see_a_failure_by_its_text(scene: Scene, wire: Wire) -> None:
    reply = wire.send(
        raw(
            scene,
            "POST /provision/manage/model/g1/A9 HTTP/1.1",
            "Host: m2.exosite.com",
            "X-EXOSITE-CIK: $vendor_cik",
            "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
            "content-length:{length}",
            body="enable=true",
        )
    )
    assert reply.count(b"HTTP/1.1 404 Not Found") == 2


def test_goonep_puts_parameters_into_the_body_of_a_get(scene: Scene, wire: Wire) -> None:
    scene.do(*listed(*"123456"))
    headers = ("Host: m2.exosite.com", "X-Exosite-Token: $token", "Content-Length: {length}")
    reply = wire.send(raw(scene, "GET /provision/manage/model/g1/ HTTP/1.1", *headers, body="?offset=0&limit=1000"))
    assert body(reply) == b"".join(b"%d,,\r\n" % n for n in range(1, 6))
    assert code(wire.send(raw(scene, "GET /provision/manage/model/g1/1 HTTP/1.1", *headers, body="sn=1"))) == 204


def test_goonep_compares_the_body_of_an_error(scene: Scene, wire: Wire) -> None:
    reply = wire.send(raw(scene, "GET /provision/manage/model/g1/A1 HTTP/1.1", "Host: x", "X-Exosite-Token: $token"))
    assert body(reply).strip() == b"HTTP/1.1 404 Not Found"


@pytest.mark.parametrize("name", ["sn[]", "sn%5B%5D"])
def test_java_and_goonep_send_raw_blanks_and_brackets(scene: Scene, wire: Wire, name: str) -> None:
    head = ("Host: m2.exosite.com", "X-Exosite-Token: $token", "Content-type: application/x-www-form-urlencoded")
    counted = (*head, "Content-Length: {length}")
    model, content = "/provision/manage/model/g1/", "/provision/manage/content/g1/"
    entry = raw(scene, f"POST {content} HTTP/1.1", *counted, body="id=a&meta=This is text ü")
    assert code(wire.send(entry)) == 205
    info = wire.send(raw(scene, f"GET {content}a HTTP/1.1", *head))
    assert "This is text ü" in body(info).decode()
    for form, status in [(f"add=true&{name}=A1&{name}=A2", 205), (f"remove=true&{name}=A1", 205)]:
        assert code(wire.send(raw(scene, f"POST {model} HTTP/1.1", *counted, body=form))) == status
    assert body(scene.ask(get("model/g1/"))) == b"A2,,\r\n"
    gone = raw(scene, f"DELETE {model}A2 HTTP/1.1", *counted, body="delete=true")
    assert code(wire.send(gone)) == 205


def test_cpponep_sends_no_body_with_put_and_delete(scene: Scene, wire: Wire) -> None:
    scene.do(*listed("A1"))
    head = ("Host: m2.exosite.com", "X-Exosite-CIK: $vendor_cik")
    assert code(wire.send(raw(scene, "PUT /provision/manage/model/g1 HTTP/1.1", *head))) == 400
    assert code(wire.send(raw(scene, "DELETE /provision/manage/model/g1/A1 HTTP/1.1", *head))) == 205


FORM_LINE = "Content-Type: application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize("types", [(FORM_LINE, "Content-Type: text/plain"), ("Content-Type: text/plain", FORM_LINE)])
def test_cpponep_and_goonep_upload_with_two_types(scene: Scene, wire: Wire, types: tuple[str, str]) -> None:
    scene.do(post("content/g1/", "id=fw&meta="))
    head = ("Host: m2.exosite.com", "X-Exosite-CIK: $vendor_cik", *types, "Content-Length: {length}")
    assert code(wire.send(raw(scene, "POST /provision/manage/content/g1/fw HTTP/1.1", *head, body=b"a=b"))) == 205
    assert b"\r\nContent-Type: text/plain\r\n" in scene.ask(get("content/g1/fw?download=true"))


def test_curl_waits_to_be_told_to_go_on(scene: Scene, wire: Wire) -> None:
    scene.do(post("content/g1/", "id=fw&meta="))
    blob = bytes(range(256)) * 512
    head = raw(
        scene,
        "POST /provision/manage/content/g1/fw HTTP/1.1",
        "Host: m2.exosite.com",
        "X-Exosite-Token: $token",
        "Content-Type: application/octet-stream",
        f"Content-Length: {len(blob)}",
        "Expect: 100-continue",
    )
    assert wire.send(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert code(wire.send(blob)) == 205
    sizes = body(scene.ask(get("content/g1/fw"))).split(b",")
    assert sizes[1] == b"131072"


def test_firmware_reads_a_blob_piece_by_piece(scene: Scene, wire: Wire) -> None:
    blob = bytes(n * 7 % 256 for n in range(2500))
    scene.do(*active(), post("content/g1/", "id=fw&meta="), post("content/g1/fw", blob, "application/octet-stream"))
    pieces, total = [], 1
    while sum(map(len, pieces)) < total:
        first = sum(map(len, pieces))
        reply = wire.send(
            raw(
                scene,
                "GET /provision/download?vendor=$vendor&model=g1&id=fw HTTP/1.1",
                "Host: m2.exosite.com",
                "X-Exosite-CIK: $cik",
                f"Range: bytes={first}-{first + 1023}",
            )
        )
        assert reply.startswith(b"HTTP/1.1 206 Partial Content\r\n")
        span = re.search(rb"\r\nContent-Range: bytes (\d+)-(\d+)/(\d+)\r\n", reply)
        assert span and int(span[1]) == first and int(span[2]) == first + len(body(reply)) - 1
        total = int(span[3])
        pieces.append(body(reply))
    assert b"".join(pieces) == blob and len(pieces) == 3


def test_murano_tools_post_ranges_as_json(scene: Scene, wire: Wire) -> None:
    ranges = b'{"ranges":[{"format":"base16","length":null,"casing":"upper","first":10,"last":20}]}'
    head = ("Host: m2.exosite.com", "X-Exosite-Token: $token", "Content-Type: application/json")
    posted = raw(scene, "POST /provision/manage/model/g1/ HTTP/1.1", *head, "Content-Length: {length}", body=ranges)
    assert code(wire.send(posted)) == 205
    assert code(scene.ask(get("model/g1/1F"))) == 404
    assert code(scene.ask(get("model/g1/F"))) == 204


def test_platform_scripts_name_themselves_and_enable_again_what_expired(scene: Scene, wire: Wire) -> None:
    scene.do(*enabled(), post("model/g1/A1", "disable=true"))
    head = ("Host: $vendor.m2.exosite.com", "X-Exosite-CIK: $vendor_cik", "X-Exosite-Vendor: $vendor")
    shown = wire.send(raw(scene, "GET /provision/manage/model/g1/A1 HTTP/1.1", *head))
    assert body(shown).startswith(b"expired,")
    form = (*head, "Content-Type: application/x-www-form-urlencoded", "Content-Length: {length}")
    assert code(wire.send(raw(scene, "POST /provision/manage/model/g1/A1 HTTP/1.1", *form, body="enable=true"))) == 205
    assert body(wire.send(raw(scene, "GET /provision/manage/model/g1/A1 HTTP/1.1", *head))).startswith(b"notactivated,")


def test_renesas_boards_tell_their_versions(scene: Scene, wire: Wire) -> None:
    scene.do(*enabled("00:04:a3:ab:cd:ef"))
    form = "vendor=$vendor&model=g1&sn=00:04:a3:ab:cd:ef&osn=uC/OS-III&osv=30400&mfr=Renesas"
    head = ("Host: m2.exosite.com", f"Content-Type: {FORM_TYPE}", "Content-Length: {length}")
    assert code(wire.send(raw(scene, "POST /provision/activate HTTP/1.1", *head, body=form))) == 200


@pytest.mark.parametrize("accept", ["*/*", "*", "image/png", ""])
def test_nobody_is_refused_for_what_it_accepts(scene: Scene, wire: Wire, accept: str) -> None:
    head = ("Host: m2.exosite.com", "X-Exosite-Token: $token", f"Accept: {accept}")
    assert code(wire.send(raw(scene, "GET /provision/manage/model/ HTTP/1.1", *head))) == 200


def test_python_is_not_kept_waiting_behind_a_205(scene: Scene, wire: Wire) -> None:
    """``http.client`` reads a body after 205 until the connection closes, unless it is told that there is none."""
    replies = [
        wire.send(pyonep(scene, "POST", "/provision/manage/model/g1/", type=FORM_TYPE, body=f"sn={n}"))
        for n in range(3)
    ]
    assert all(reply.endswith(b"\r\nContent-Length: 0\r\n\r\n") for reply in replies)
