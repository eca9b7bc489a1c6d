"""The list of ports, against a tree like sysfs, and who has one open, against real processes on real ptys."""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from board_script import Board
from port_holder import NOBODY, opened

from drivers import ports as module
from drivers.device import _unstoppable
from drivers.errors import PortBusy, PortDenied, PortUnusable
from drivers.holders import Roots, held, holders, rivals
from drivers.link import Link
from drivers.ports import Usb, denial, ports, steady_names
from drivers.uart import LinkOptions

# ------------------------------------------------------------------ a machine made of files


@pytest.fixture
def machine(tmp_path: Path) -> Roots:
    """A four-port adapter's first port, a board with USB of its own, a UART, a place without a UART, a console."""
    roots = Roots(*(tmp_path / name for name in ("sys", "dev", "proc", "lock")))
    for root in (roots.sys / "class" / "tty", roots.dev, roots.proc, roots.locks):
        root.mkdir(parents=True)
    adapter, board = (roots.sys / "devices" / "pci0" / "usb1" / name for name in ("1-1", "1-2"))
    usb(adapter, "0403", "6011", "FTDI", "Quad RS232-HS", "FT5ABC", "00")
    usb(board, "303a", "1001", "Espressif", "USB JTAG/serial", "34:85:18:00:00:01", "00")
    tty(roots, "ttyUSB10", adapter / "1-1:1.0" / "ttyUSB10", "ftdi_sio")
    tty(roots, "ttyUSB9", adapter / "1-1:1.0" / "ttyUSB9", "ftdi_sio")
    tty(roots, "ttyACM0", board / "1-2:1.0", "cdc_acm")
    uart = roots.sys / "devices" / "platform" / "serial8250" / "serial8250:0"
    tty(roots, "ttyS0", uart / "serial8250:0.0", "")
    driver(roots, uart / "serial8250:0.0", "port", "serial-base")
    driver(roots, uart.parent, "serial8250", "platform")
    tty(roots, "ttyS1", uart / "serial8250:0.1", "")
    for name, kind in (("ttyS0", "4"), ("ttyS1", "0")):
        (roots.sys / "class" / "tty" / name / "type").write_text(kind + "\n")
    (roots.sys / "class" / "tty" / "console").mkdir()
    for kind, name, target in (
        ("by-id", "usb-FTDI_Quad_RS232-HS_FT5ABC-if00-port0", "ttyUSB9"),
        ("by-path", "pci-0000:00:14.0-usb-0:1:1.0-port0", "ttyUSB9"),
        ("by-path", "pci-0000:00:14.0-usb-0:2:1.0", "ttyACM0"),
    ):
        (roots.dev / "serial" / kind).mkdir(parents=True, exist_ok=True)
        (roots.dev / "serial" / kind / name).symlink_to(f"../../{target}")
    return roots


def usb(device: Path, vid: str, pid: str, maker: str, product: str, serial: str, interface: str) -> None:
    (device / f"{device.name}:1.0").mkdir(parents=True)
    facts = {"idVendor": vid, "idProduct": pid, "manufacturer": maker, "product": product, "serial": serial}
    for name, text in facts.items():
        (device / name).write_text(text + "\n")
    (device / f"{device.name}:1.0" / "bInterfaceNumber").write_text(interface + "\n")


def tty(roots: Roots, name: str, device: Path, drives: str) -> None:
    device.mkdir(parents=True, exist_ok=True)
    (roots.sys / "class" / "tty" / name).mkdir()
    (roots.sys / "class" / "tty" / name / "device").symlink_to(device)
    (roots.dev / name).touch()
    if drives:
        driver(roots, device, drives, "usb-serial")


def driver(roots: Roots, device: Path, name: str, subsystem: str) -> None:
    for kind, target in (("drivers", name), ("bus", subsystem)):
        (roots.sys / kind / target).mkdir(parents=True, exist_ok=True)
    (device / "driver").symlink_to(roots.sys / "drivers" / name)
    (device / "subsystem").symlink_to(roots.sys / "bus" / subsystem)


def process(roots: Roots, pid: int, program: str, uid: int, *opens: Path | str) -> None:
    folder = roots.proc / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "comm").write_text(program + "\n")
    (folder / "status").write_text(f"Name:\t{program}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    for number, target in enumerate(opens):
        (folder / "fd" / str(number)).symlink_to(target)


def test_ports_are_listed_with_all_that_is_known_of_them(machine: Roots) -> None:
    found = {Path(port.path).name: port for port in ports(machine)}
    assert list(found) == ["ttyACM0", "ttyUSB9", "ttyUSB10", "ttyS0"]
    nine = found["ttyUSB9"]
    assert nine.usb == Usb("0403", "6011", "FTDI", "Quad RS232-HS", "FT5ABC", "00") and nine.driver == "ftdi_sio"
    by_id, by_path = machine.dev / "serial" / "by-id", machine.dev / "serial" / "by-path"
    assert nine.by_id == (str(by_id / "usb-FTDI_Quad_RS232-HS_FT5ABC-if00-port0"),)
    assert nine.by_path == (str(by_path / "pci-0000:00:14.0-usb-0:1:1.0-port0"),)
    assert found["ttyUSB10"].by_id == found["ttyUSB10"].by_path == ()
    assert (found["ttyACM0"].driver, found["ttyACM0"].by_id) == ("cdc_acm", ())
    assert (found["ttyS0"].driver, found["ttyS0"].usb) == ("serial8250", None)
    assert steady_names(nine.path, machine) == [*nine.by_path, *nine.by_id]


def test_a_machine_without_ports_has_an_empty_list(tmp_path: Path) -> None:
    assert ports(Roots(tmp_path / "sys", tmp_path / "dev", tmp_path / "proc", tmp_path / "lock")) == []


def test_holders_are_found_by_descriptor_and_named(machine: Roots) -> None:
    nine, ten = machine.dev / "ttyUSB9", machine.dev / "ttyUSB10"
    process(machine, 4242, "ModemManager", 0, "/dev/null", nine)
    process(machine, 300, "mini\x1bcom", 12345678, "socket:[1]", nine, nine)
    process(machine, 77, "cat", 0, f"{nine} (deleted)", ten)
    (machine.proc / "self").mkdir()
    found = held([str(nine), str(ten), str(machine.dev / "ttyACM0"), "/no/such/port"], machine)
    assert [str(who) for who in found[str(nine)].by] == [
        "mini?com (process 300, user 12345678)",
        f"ModemManager (process 4242, user {pwd.getpwuid(0).pw_name})",
    ]
    assert [who.pid for who in found[str(ten)].by] == [77]
    assert found[str(machine.dev / "ttyACM0")].by == found["/no/such/port"].by == ()
    assert {Path(port.path).name: len(port.held.by) for port in ports(machine)}["ttyUSB9"] == 2


def test_a_link_names_the_same_port(machine: Roots) -> None:
    process(machine, 77, "cat", 0, machine.dev / "ttyACM0")
    link = machine.dev / "serial" / "by-path" / "pci-0000:00:14.0-usb-0:2:1.0"
    assert [who.pid for who in holders(str(link), machine).by] == [77]


def test_processes_that_may_not_be_looked_into_are_said_not_guessed(
    machine: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only root may see, while the tests may be root's."""
    nine = machine.dev / "ttyUSB9"
    for pid, name in ((500, "secretive"), (501, "locker"), (502, "minicom"), (503, "stale")):
        process(machine, pid, name, 0, "/dev/null")
    listing = os.listdir

    def guarded(path: str | Path) -> list[str]:
        if any(f"/{pid}/fd" in str(path) for pid in (500, 501, 502)):
            raise PermissionError(errno.EACCES, "no", str(path))
        return listing(path)

    monkeypatch.setattr(os, "listdir", guarded)
    facts = nine.stat()
    where = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    (machine.proc / "locks").write_text(
        f"1: FLOCK  ADVISORY  WRITE 501 {where} 0 EOF\n"
        f"1: -> FLOCK  ADVISORY  WRITE 503 {where} 0 EOF\n"
        f"2: POSIX  ADVISORY  WRITE 500 {where} 0 EOF\n"
    )
    (machine.locks / "LCK..ttyUSB9").write_text("       502\n")
    found = holders(str(nine), machine)
    assert [who.program for who in found.by] == ["locker", "minicom"] and found.partial
    (machine.locks / "LCK..ttyUSB9").write_text("       503\n")  # it lives, and doesn't have the port open
    assert [who.program for who in holders(str(nine), machine).by] == ["locker"]
    (machine.locks / "LCK..ttyUSB9").write_text("       504\n")  # nobody
    assert [who.program for who in holders(str(nine), machine).by] == ["locker"]


# ------------------------------------------------------------------ real processes


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    os.chmod(board.port, 0o666)  # for processes of another user
    yield board
    with suppress(OSError):
        board.close()


def test_a_process_that_took_no_lock_is_named_and_the_port_refused(board: Board) -> None:
    with opened(board.port) as (pid, error):
        assert error == 0
        assert [who.pid for who in holders(board.port).by] == [pid]
        with pytest.raises(PortBusy) as caught:
            Link.open(board.port, LinkOptions())
        assert (
            f"{board.port} is in use by python" in caught.value.text and f"(process {pid}, user " in caught.value.text
        )
        user = pwd.getpwuid(os.geteuid()).pw_name
        assert (caught.value.details["pid"], caught.value.details["user"]) == (pid, user)
    assert holders(board.port).by == ()
    Link.open(board.port, LinkOptions()).close()


def test_the_far_end_of_a_pty_does_not_hold_it(board: Board) -> None:
    """This very process has both of its sides open."""
    assert holders(board.port).by == ()


def test_a_process_that_has_locked_the_port_is_named(board: Board) -> None:
    with opened(board.port, link=True) as (pid, error):
        assert error == 0
        with pytest.raises(PortBusy, match=rf"is in use by python\S* \(process {pid}, user "):
            Link.open(board.port, LinkOptions())


def test_nobody_else_can_open_a_port_that_we_have(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:  # a pty counts as a real port, whose claim is never older than who made it
        monkeypatch.setattr("drivers.device.PTYS", ())
    with Link.open(board.port, LinkOptions()), opened(board.port, uid=NOBODY) as (_, error):
        assert error == errno.EBUSY
    with opened(board.port, uid=NOBODY) as (_, error):
        assert error == 0


@pytest.mark.skipif(not _unstoppable(), reason="only root is let in all the same")
def test_root_is_let_in_all_the_same_as_the_kernel_has_it(board: Board) -> None:
    with Link.open(board.port, LinkOptions()), opened(board.port) as (_, error):
        assert error == 0


@pytest.mark.skipif(not _unstoppable(), reason="only root meets a claim from within")
def test_the_claim_of_another_program_outlives_our_attempt(board: Board) -> None:
    with opened(board.port, claim=True) as (pid, error):
        assert error == 0
        with pytest.raises(PortBusy, match=rf"process {pid}, user "):
            Link.open(board.port, LinkOptions())
        with opened(board.port, uid=NOBODY) as (_, error):
            assert error == errno.EBUSY


@pytest.mark.skipif(not _unstoppable(), reason="only root claims a pty")
def test_no_claim_is_left_where_another_program_had_made_none(board: Board) -> None:
    with opened(board.port):
        with pytest.raises(PortBusy):
            Link.open(board.port, LinkOptions())
        with pytest.raises(PortUnusable):
            Link.open(board.port, LinkOptions(dtr=False))  # no pty has that line
        with opened(board.port, uid=NOBODY) as (_, error):
            assert error == 0


@pytest.mark.parametrize("path", ["/dev/null", "/etc", __file__])
def test_what_is_no_serial_port_is_called_so(path: str) -> None:
    with pytest.raises(PortUnusable, match="is no serial port"):
        Link.open(path, LinkOptions())


@pytest.mark.parametrize("uid", [None, NOBODY])
def test_a_station_that_was_killed_gets_its_port_again(uid: int | None, board: Board) -> None:
    """Also one that is not root, on a pty, where the kernel would keep the claim for as long as its far end lives."""
    for _ in range(2):
        with opened(board.port, uid=uid, link=True) as (_, error):
            assert error == 0


def test_a_look_is_not_a_use(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """As udev opens a port that has just arrived: it is gone again at the second look."""
    with opened(board.port) as (_, _):
        looks = iter([holders(board.port).by])
    monkeypatch.setattr("drivers.opening.rivals", lambda port: next(looks, ()))
    Link.open(board.port, LinkOptions()).close()
    assert next(looks, None) is None


def test_what_would_help_is_said_of_a_port_that_may_not_be_opened(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert denial(board.port) is None
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may do everything
    if os.geteuid() == 0:
        os.chown(board.port, 0, 20)
    os.chmod(board.port, 0o660)
    text = denial(board.port)
    assert text is not None and "mode 660" in text
    if os.geteuid() == 0:
        assert "root:dialout, mode 660; add this user to its group: usermod -aG dialout root" in text
        os.chown(board.port, 0, 0)
    os.chmod(board.port, 0o600)
    assert 'GROUP="dialout"' in str(denial(board.port))


def test_a_denied_port_says_whose_it_is(board: Board) -> None:
    os.chmod(board.port, 0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(NOBODY)
        with pytest.raises(PortDenied, match=r"may not be opened by this user: it belongs to \S+:\S+, mode 0"):
            Link.open(board.port, LinkOptions())
    finally:
        os.seteuid(user)


def test_everything_that_the_module_promises_is_there() -> None:
    assert all(hasattr(module, name) for name in module.__all__)


def test_a_process_that_opens_the_port_in_place_of_something_else_is_seen(board: Board) -> None:
    """It has as many descriptors as before, when it had no device open."""
    program = (
        "import os, sys; held = os.open(os.devnull, os.O_RDONLY); print(flush=True); sys.stdin.readline(); "
        "os.close(held); os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, board.port]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as late:
        assert late.stdin is not None and late.stdout is not None
        late.stdout.readline()
        assert rivals(board.port) == ()
        late.stdin.write("now\n")
        late.stdin.flush()
        late.stdout.readline()
        assert [who.pid for who in rivals(board.port)] == [late.pid]


def test_a_process_that_opens_the_port_between_two_looks_is_seen_at_the_second(board: Board) -> None:
    """It was there at the first look, which is remembered, and had no device open."""
    program = (
        "import os, sys; sys.stdin.readline(); os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, board.port]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as late:
        assert late.stdin is not None and late.stdout is not None
        for _ in range(2):
            assert rivals(board.port) == ()
        late.stdin.write("now\n")
        late.stdin.flush()
        late.stdout.readline()
        assert [who.pid for who in rivals(board.port)] == [late.pid]
        late.stdin.close()
        late.wait()
    assert rivals(board.port) == ()
