"""Links over real ptys, sockets and an RFC 2217 server."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
import serial.rfc2217
from board_script import Board, open_link
from pydantic import ValidationError

from drivers.errors import Cancelled, PortBusy, PortDenied, PortError, PortLost, PortMissing, PortStuck, PortUnusable
from drivers.link import PENDING_LIMIT, Link
from drivers.opening import port_complaint, port_present
from drivers.transcript import LIMIT, Transcript
from drivers.uart import LinkOptions, Pace


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def read_all(link: Link, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := link.read(soon())):
        data += more
    return data


# ------------------------------------------------------------------ opening


def test_a_port_that_is_not_there_is_missing(tmp_path: Path) -> None:
    port = str(tmp_path / "ttyUSB0")
    assert not port_present(port)
    with pytest.raises(PortMissing, match="ttyUSB0 is not there"):
        Link.open(port, LinkOptions())


def test_a_link_to_a_port_that_vanished_is_missing(tmp_path: Path) -> None:
    board, path = Board(), tmp_path / "slot-1"
    path.symlink_to(board.port)
    assert port_present(str(path))
    board.hang_up()
    assert not port_present(str(path))
    with pytest.raises(PortMissing):
        Link.open(str(path), LinkOptions())
    board.close()


def test_a_port_in_use_is_busy() -> None:
    with open_link() as (board, link):
        with pytest.raises(PortBusy, match="in use"):
            Link.open(board.port, LinkOptions())
        link.close()
        Link.open(board.port, LinkOptions()).close()


def test_a_file_that_is_no_port_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no port")
    with pytest.raises(PortUnusable):
        Link.open(str(tmp_path / "notes.txt"), LinkOptions())


def test_a_port_of_somebody_else_is_denied() -> None:
    board = Board()
    os.chmod(board.port, 0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(PortDenied, match="may not be opened"):
            Link.open(board.port, LinkOptions())
    finally:
        os.seteuid(user)
        board.close()


ADDRESS = "needs a host and a port number from 1 to 65535"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("foo://bar", "there is no foo://, only a path"),
        ("spy:///dev/ttyS0", "there is no spy://"),
        ("socket://127.0.0.1", ADDRESS),
        ("rfc2217://127.0.0.1", ADDRESS),
        ("socket://127.0.0.1:abc", ADDRESS),
        ("socket://127.0.0.1:0", ADDRESS),
        ("socket://127.0.0.1:65536", ADDRESS),
        ("socket://:4000", ADDRESS),
        ("socket://[::1:4000", ADDRESS),
        ("socket://127.0.0.1:1?no=1", "socket:// has no option no"),
        ("socket://127.0.0.1:1?logging=debug", "socket:// has no option logging"),
        ("rfc2217://127.0.0.1:1?timeout=3&no", "rfc2217:// has no option no"),
    ],
)
def test_a_url_with_a_mistake_is_explained_and_unusable(url: str, complaint: str) -> None:
    assert complaint in str(port_complaint(url))
    with pytest.raises(PortUnusable) as caught:
        Link.open(url, LinkOptions())
    assert caught.value.text == f"{url}: {port_complaint(url)}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "port",
    ["/dev/serial/by-path/x", "COM3", "socket://[::1]:4000", "SOCKET://h:1", "rfc2217://h:65535?ign_set_control"],
)
def test_a_port_that_is_spelt_well_gets_no_complaint(port: str) -> None:
    assert port_complaint(port) is None


def test_a_host_that_nobody_knows_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)  # no test may depend on a name server
    with pytest.raises(PortMissing, match="no host of this name"):
        Link.open("socket://nobody.invalid:4000", LinkOptions())


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_an_address_where_nothing_listens_is_missing(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(PortMissing):
        Link.open(address, LinkOptions())


@pytest.mark.parametrize("wrong", [{"baud": 0}, {"baud": "fast"}, {"speed": 9600}, {"pace": {"bytes": 0, "gap_s": 1}}])
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LinkOptions.model_validate(wrong)


# ------------------------------------------------------------------ bytes


def test_bytes_go_both_ways_unchanged() -> None:
    every = bytes(range(256))
    with open_link() as (board, link):
        link.write(every, soon())
        assert board.hear(256) == every
        board.say(every)
        assert read_all(link, 256) == every


def test_a_read_after_its_deadline_takes_what_is_there_and_does_not_wait() -> None:
    with open_link() as (board, link):
        assert link.read(0) == b""
        board.say(b"here")
        assert link.read(0) == b"here"
        board.say(b"gone")
        assert link.drain() == b"gone"
        assert link.read(0) == b""


def test_a_large_write_to_a_board_that_echoes_does_not_hang_and_keeps_the_newest_input() -> None:
    data = b"".join(b"%07d\n" % i for i in range(25_600))
    with open_link() as (board, link):

        def echo() -> None:
            for _ in range(0, len(data), 256):
                board.say(board.hear(256))

        far_end = threading.Thread(target=echo)
        far_end.start()
        link.write(data, soon())
        rest = b""
        while not rest.endswith(data[-256:]) and (more := link.read(soon())):
            rest += more
        far_end.join()
        assert data.endswith(rest)


def test_pending_input_is_bounded() -> None:
    with open_link() as (_, link):
        for _ in range(30):
            link._keep(b"x" * 4096)
        assert len(link.read(0)) == PENDING_LIMIT


def test_a_port_that_takes_nothing_is_stuck() -> None:
    with open_link() as (_, link), pytest.raises(PortStuck) as stuck:
        link.write(b"x" * 1_000_000, soon(0.1))
    assert stuck.value.code == "port-stuck"


def test_pacing_pauses_between_pieces() -> None:
    options = LinkOptions(pace=Pace(bytes=10, gap_s=0.01))
    with open_link(options) as (board, link):
        started = time.monotonic()
        link.write(b"x" * 95, soon())
        assert time.monotonic() - started >= 9 * 0.01
        assert board.hear(95) == b"x" * 95
        assert link.wire_s(95) == pytest.approx(95 * 10 / 115200 + 9 * 0.01)


# ------------------------------------------------------------------ ends


def test_a_hang_up_while_reading_is_a_lost_port() -> None:
    with open_link() as (board, link):
        threading.Timer(0.02, board.hang_up).start()
        with pytest.raises(PortLost):
            link.read(soon())
        with pytest.raises(PortLost):
            link.write(b"x", soon())
        with pytest.raises(PortLost):
            link.drain()
        link.close()
        link.close()


def test_a_closed_link_is_lost() -> None:
    with open_link() as (_, link):
        link.close()
        link.cancel()
    with pytest.raises(Cancelled):
        link.read(0)
    with open_link() as (_, link):
        link.close()
        with pytest.raises(PortLost, match="closed"):
            link.read(0)


def test_cancelling_ends_a_read_and_everything_later() -> None:
    with open_link() as (board, link):
        threading.Timer(0.02, link.cancel).start()
        with pytest.raises(Cancelled):
            link.read(soon(1000))
        board.say(b"too late")
        with pytest.raises(Cancelled):
            link.read(soon())
        with pytest.raises(Cancelled):
            link.write(b"x", soon())


def test_cancelling_ends_a_write() -> None:
    with open_link() as (_, link):
        threading.Timer(0.02, link.cancel).start()
        with pytest.raises(Cancelled):
            link.write(b"x" * 1_000_000, soon(1000))


def test_cancelling_ends_a_pause() -> None:
    with open_link(LinkOptions(pace=Pace(bytes=1, gap_s=1))) as (_, link):
        threading.Timer(0.02, link.cancel).start()
        with pytest.raises(Cancelled):
            link.write(b"x" * 100, soon(200))


# ------------------------------------------------------------------ networks


@contextmanager
def echoing_socket(closes_after: int) -> Iterator[str]:
    """A TCP port that echoes ``closes_after`` bytes in all and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                left = closes_after
                while left and (data := connection.recv(left)):
                    connection.sendall(data)
                    left -= len(data)

        far_end = threading.Thread(target=serve)
        far_end.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        far_end.join()


def test_a_socket_carries_bytes_and_its_end_is_a_lost_port() -> None:
    data = bytes(range(256)) * 400
    with echoing_socket(len(data)) as port, Link.open(port, LinkOptions()) as link:
        for start in range(0, len(data), 10_240):
            piece = data[start : start + 10_240]
            link.write(piece, soon())
            assert read_all(link, len(piece)) == piece
        with pytest.raises(PortLost):
            link.read(soon())


def test_a_socket_that_was_reset_is_closed_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = Link.open(f"socket://127.0.0.1:{server.getsockname()[1]}", LinkOptions())
        connection, _ = server.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        with pytest.raises(PortLost):
            link.read(soon())
        link.close()


@contextmanager
def rfc2217_echo() -> Iterator[tuple[str, threading.Event]]:
    """An RFC 2217 server in front of an echo; it hangs up when the event is set."""
    hang_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, serial.serial_for_url("loop://") as device, connection.makefile("wb", buffering=0) as out:
                connection.settimeout(0.02)
                manager = serial.rfc2217.PortManager(device, out)
                while not hang_up.is_set():
                    try:
                        data = connection.recv(1024)
                    except TimeoutError:
                        continue
                    if not data:
                        return
                    if came := b"".join(manager.filter(data)):
                        out.write(b"".join(manager.escape(came)))

        far_end = threading.Thread(target=serve)
        far_end.start()
        yield f"rfc2217://127.0.0.1:{server.getsockname()[1]}", hang_up
        far_end.join()


# pyserial 3.5 calls methods of threads that are deprecated since Python 3.10.
rfc2217 = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")


@rfc2217
def test_rfc2217_carries_bytes_and_its_end_is_a_lost_port() -> None:
    data = bytes(range(256)) * 4
    with rfc2217_echo() as (port, hang_up), Link.open(port, LinkOptions()) as link:
        assert link.read(0) == b""
        link.write(data, soon())
        assert read_all(link, len(data)) == data
        hang_up.set()
        with pytest.raises(PortLost):
            link.read(soon())


@rfc2217
@pytest.mark.parametrize("negotiates", [b"", b"\xff\xfd\x2c\xff\xfb\x2c\xff\xfb\x00\xff\xfd\x00\xff\xfb\x03"])
def test_a_terminal_server_that_hangs_up_because_its_port_is_not_there_is_not_waited_for(negotiates: bytes) -> None:
    """As ser2net does, after it has let everybody in; pyserial would wait 3 s for what it has asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(negotiates + b"Device open failure: Value or file not found\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1024):  # its questions are taken, and answered never
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(PortMissing, match="hung up while it was being opened"):
            Link.open(f"rfc2217://127.0.0.1:{server.getsockname()[1]}", LinkOptions())
        thread.join()


@rfc2217
@pytest.mark.parametrize(
    ("says", "fault", "text"),
    [
        (b"", PortMissing, "does not answer"),
        (b"\xff\xfe\x2c\xff\xfc\x2c", PortUnusable, "can't be used with these link settings"),
    ],
)
def test_a_terminal_server_that_says_nothing_has_not_refused_the_settings(
    says: bytes, fault: type[PortError], text: str
) -> None:
    """It may be stuck, or busy with giving its port back, and the kernel connects for it all the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(says)
                while connection.recv(1024):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(fault, match=text):
            Link.open(f"rfc2217://127.0.0.1:{server.getsockname()[1]}?timeout=0.2", LinkOptions())
        thread.join()


@rfc2217
@pytest.mark.parametrize("first", [True, False])
def test_a_terminal_server_is_given_time_to_notice_the_end_unless_it_hung_up_first(
    first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board that comes back has booted if the next try is late."""
    naps: list[float] = []
    with rfc2217_echo() as (port, hang_up), Link.open(port, LinkOptions()) as link:
        monkeypatch.setattr("serial.rfc2217.time.sleep", naps.append)
        if first:
            hang_up.set()
            with pytest.raises(PortLost):
                read_all(link, 1)
        link.close()
        monkeypatch.undo()
    assert naps == ([] if first else [0.3])


@rfc2217
def test_rfc2217_is_cancelled() -> None:
    with rfc2217_echo() as (port, _), Link.open(port, LinkOptions()) as link:
        threading.Timer(0.02, link.cancel).start()
        with pytest.raises(Cancelled):
            link.read(soon(1000))


# ------------------------------------------------------------------ transcript

KEY = "0123456789abcdef0123456789abcdef01234567"


def test_the_transcript_tells_what_was_said_in_order() -> None:
    with open_link() as (board, link):
        link.write(b"hello\r", soon())
        board.say(b"hi\r\n")
        read_all(link, 4)
        link.write(b"bye\r", soon())
        assert [(p.direction, p.data) for p in link.transcript] == [
            (">", b"hello\r"),
            ("<", b"hi\r\n"),
            (">", b"bye\r"),
        ]
        times = [p.seconds for p in link.transcript]
        assert times == sorted(times) and times[0] >= 0


@pytest.mark.parametrize("between", [b"", b"\r\n", b" \r", b"\x08", b"\x1b[80C\r\n"])
def test_a_secret_is_masked_even_in_pieces(between: bytes) -> None:
    transcript = Transcript()
    transcript.add("<", b"before " + KEY[:7].encode() + between)
    transcript.add(">", b"typed " + KEY.encode() + b" too")
    transcript.add("<", KEY[7:].encode() + b" after")
    transcript.hide(KEY)
    shown = [(p.direction, p.data) for p in transcript.passages()]
    assert shown == [("<", b"before ***"), (">", b"typed *** too"), ("<", b" after")]


@pytest.mark.parametrize("damaged", [KEY[:30], KEY[9:], KEY[:15] + KEY[16:], KEY[:20] + "\ufffd" + KEY[21:]])
def test_a_damaged_secret_is_masked_too(damaged: str) -> None:
    transcript = Transcript()
    transcript.hide(KEY)
    shown = transcript.mask(f"key={damaged};".encode())
    assert shown.startswith(b"key=***") and shown.endswith(b";")
    assert not any(KEY[i : i + 8].encode() in shown for i in range(len(KEY) - 7))


def test_short_secrets_and_secrets_of_different_lengths_are_masked() -> None:
    transcript = Transcript()
    for secret in ("", "pin4", "correct horse"):
        transcript.hide(secret)
    assert transcript.mask(b"a pin4 and a correct horse") == b"a *** and a ***"


def test_the_transcript_is_bounded_by_bytes_and_by_passages() -> None:
    transcript = Transcript()
    for i in range(20_000):
        transcript.add(">" if i % 2 else "<", b"x")
    assert len(transcript.passages()) < 2_000
    for _ in range(200):
        transcript.add("<", b"y" * 4096)
    kept = transcript.passages()
    assert LIMIT / 2 < sum(len(p.data) for p in kept) <= LIMIT
    assert {p.direction for p in kept} == {"<"}
