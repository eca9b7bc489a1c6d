"""The door for other processes of this machine: ``control.sock`` in the state folder.

One question a connection: a line of JSON with a ``verb`` and what it needs,
all of it text, such as ``{"verb": "start", "slot": "1"}``; the answer is a
line of JSON with ``ok``, and either what was asked for or ``code`` and
``text``.  Whoever may use the socket file may ask.  A verb is one function
below; whatever it needs of the station it gets from ``live.Floor``, so that
no rule can be passed by another door.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivers.errors import Blame, Fault
from station import clock
from station.errors import DatabaseFailed, StationError
from station.live import Floor
from station.model import Facts, Operator, Role, SlotView
from station.operators import OperatorUnfit

log = logging.getLogger(__name__)

NAME = "control.sock"
"""The socket's name in the state folder."""
MODE = 0o660
"""Who may ask: the station's own user and group."""
_LONGEST = 4096
"""Bytes of a question."""
_WAITING = 16
"""Callers that may wait to be let in."""
_AT_ONCE = 8
"""Callers that are let in at a time: a new one takes the place of the oldest that has not asked."""
_PATIENCE_S = 2.0
"""Seconds in which a caller must have asked, and taken its answer."""
_ANSWER_S = 10.0
"""Seconds in which a station answers; it may be very busy."""


class NoStation(StationError):
    """No station is running on this state folder, so nobody can be asked."""

    code = "station-absent"
    blame = Blame.PEOPLE


class OrderUnknown(StationError):
    """What was asked is nothing that a station knows."""

    code = "order-unknown"
    blame = Blame.PEOPLE


class SlotUnknown(StationError):
    """The station has no slot of this name."""

    code = "slot-unknown"
    blame = Blame.PEOPLE


class OrderRefused(StationError):
    """The station did not do what it was told; the text is its own, ``details`` hold its code."""

    code = "order-refused"
    blame = Blame.PEOPLE


# --------------------------------------------------------------------------- verbs


@contextmanager
def _named(floor: Floor, slot: str) -> Iterator[None]:
    try:
        yield
    except KeyError:
        names = ", ".join(view.slot for view in floor.views())
        raise SlotUnknown(f"there is no slot {slot!r}; there are: {names}") from None


def acknowledge(floor: Floor, slot: str) -> Facts:
    """Record that somebody has seen a slot's verdict."""
    with _named(floor, slot):
        return floor.acknowledge(slot)


def start(floor: Floor, slot: str) -> Facts:
    """Take the board in a slot as new."""
    with _named(floor, slot):
        obstacle = floor.start_cycle(slot)
    if obstacle is not None:
        raise obstacle
    return {"slot": slot}


def status(floor: Floor) -> Facts:
    """Tell what every slot shows, and how the line is doing."""
    return {"line": asdict(floor.line()), "slots": [_shown(view) for view in floor.views()]}


def _shown(view: SlotView) -> Facts:
    facts = asdict(view)
    started = facts.pop("started")  # a reading of this process's clock
    return {**facts, "running_s": None if started is None else round(clock.monotonic() - started, 3)}


def deliver(floor: Floor) -> Facts:
    """Tell the fleet now of the boards that have left."""
    return asdict(floor.deliver())


def sign_in(floor: Floor, operator: str, pin: str = "") -> Facts:
    """Let somebody work here."""
    return asdict(floor.operators.sign_in(operator, pin))


def sign_out(floor: Floor) -> Facts:
    """Let nobody work here until somebody signs in."""
    floor.operators.sign_out()
    return {}


def operators(floor: Floor) -> Facts:
    """Tell who may work here, and who does."""
    now = floor.operators.signed_in
    return {"operators": [asdict(one) for one in floor.operators.all()], "signed_in": now and now.id}


def operators_add(
    floor: Floor, operator: str, name: str, role: str, pin: str = "", by: str = "", by_pin: str = ""
) -> Facts:
    """Let somebody work here from now on, or change his name or role."""
    if role not in list(Role):
        raise OperatorUnfit(f"there is no role {role[:32]!r}; there are: {', '.join(Role)}")
    added = Operator(operator, name, Role(role))
    floor.operators.add(added, pin, by, by_pin)
    return asdict(added)


def operators_disable(floor: Floor, operator: str, by: str = "", by_pin: str = "") -> Facts:
    """Let somebody work here no longer."""
    floor.operators.disable(operator, by, by_pin)
    return {"id": operator}


def operators_reset_pin(floor: Floor, operator: str, pin: str, by: str = "", by_pin: str = "") -> Facts:
    """Give somebody a new PIN."""
    floor.operators.reset_pin(operator, pin, by, by_pin)
    return {"id": operator}


def accept(floor: Floor, reason: str, by: str = "", pin: str = "") -> Facts:
    """Let the recipe be made, as it is written now."""
    return floor.supervision.accept(reason, by, pin)


def rework(
    floor: Floor, serial: str, reason: str, note: str = "", replaced: str = "no", by: str = "", pin: str = ""
) -> Facts:
    """Let a board be worked on again."""
    if replaced not in ("yes", "no"):
        raise OrderUnknown("replaced is yes or no")
    return floor.supervision.rework(serial, reason, note, replaced=replaced == "yes", by=by, pin=pin)


def scrap(floor: Floor, serial: str, reason: str, by: str = "", pin: str = "") -> Facts:
    """Have a board's number taken out of the fleet, and keep the board out of every slot."""
    return floor.supervision.scrap(serial, reason, by, pin)


def clear(floor: Floor, reason: str, slot: str = "", by: str = "", pin: str = "") -> Facts:
    """Let the line, or a slot, go on that a rule has stopped."""
    return floor.supervision.clear(reason, slot, by, pin)


def release(floor: Floor, serial: str, reason: str, by: str = "", pin: str = "") -> Facts:
    """Take a board off the hold list."""
    return floor.supervision.release(serial, reason, by, pin)


def compare(floor: Floor, days: str, after: str = "0") -> Facts:
    """Hold the boards that have passed and that the fleet knows otherwise; one round."""
    if not (days.isdecimal() and after.isdecimal() and len(days) < 6 and len(after) < 19):
        raise OrderUnknown("days and after are numbers")
    return floor.compare(int(days), int(after))


def work_order(floor: Floor, id: str, planned: str = "") -> Facts:
    """Make a work order from now on."""
    return floor.orders.take(id, planned)


def work_order_close(floor: Floor, id: str = "", by: str = "", pin: str = "") -> Facts:
    """Close a work order: its lot may leave."""
    return floor.orders.close(id, by, pin)


def work_orders(floor: Floor) -> Facts:
    """Tell of every work order, and how far it is."""
    return {"work_orders": floor.orders.all()}


def scan(floor: Floor, text: str) -> Facts:
    """Do what somebody has scanned."""
    return floor.scans.scan(text)


def reprint(floor: Floor, serial: str) -> Facts:
    """Print the label of a board once more."""
    return floor.reprint(serial)


VERBS: Mapping[str, Callable[..., Facts]] = {
    "start": start,
    "status": status,
    "deliver": deliver,
    "sign-in": sign_in,
    "sign-out": sign_out,
    "operators": operators,
    "operators-add": operators_add,
    "operators-disable": operators_disable,
    "operators-reset-pin": operators_reset_pin,
    "accept": accept,
    "acknowledge": acknowledge,
    "clear": clear,
    "compare": compare,
    "release": release,
    "reprint": reprint,
    "rework": rework,
    "scan": scan,
    "scrap": scrap,
    "work-order": work_order,
    "work-order-close": work_order_close,
    "work-orders": work_orders,
}
_LOOKS = frozenset({"status", "operators", "work-orders"})
"""What only looks."""
_SECRETS = frozenset({"pin", "by_pin"})


# --------------------------------------------------------------------------- the station's end


class Control:
    """The socket of a running station; each caller is answered in a thread of its own.  Close it."""

    def __init__(self, folder: Path) -> None:
        """Open the door in the state folder, whose lock the caller holds: what an earlier station left is replaced.

        Nobody is answered before ``serve``.  Raises ``DatabaseFailed``.
        """
        self._path = folder / NAME
        self._floor: Floor | None = None
        self._closed = False
        self._callers: dict[socket.socket, bool] = {}
        """Who is in, the oldest first, and whether he has asked."""
        self._changed = threading.Condition()
        try:
            self._server = _listen(self._path)
        except OSError as error:
            raise DatabaseFailed(f"{self._path}: can't be opened: {error.strerror}") from error
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def serve(self, floor: Floor) -> None:
        """Answer whoever asks about these slots, from now on."""
        self._floor = floor
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more, and send away who is in."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._path.unlink(missing_ok=True)
        self._server.shutdown(socket.SHUT_RDWR)  # ends the accept
        if self._thread.ident is not None:
            self._thread.join()
        self._server.close()
        with self._changed:
            for caller in self._callers:
                _hang_up(caller)
            self._changed.wait_for(lambda: not self._callers)

    def _serve(self) -> None:
        while not self._closed:
            try:
                caller, _ = self._server.accept()
            except OSError as error:  # the door was closed, or a caller hung up
                log.debug("control: %r", error)
                continue
            self._make_room(caller)
            try:
                threading.Thread(target=self._attend, args=(caller,), name="control caller", daemon=True).start()
            except RuntimeError:
                log.exception("control: no thread can be had; the door stays open")
                self._send_off(caller)

    def _make_room(self, caller: socket.socket) -> None:
        """Let a caller in, and for that send the oldest away who has not asked; those who have are soon done."""
        with self._changed:
            while len(self._callers) >= _AT_ONCE and not self._closed:
                mute = next((one for one, asked in self._callers.items() if not asked), None)
                if mute is None:
                    self._changed.wait()
                else:
                    del self._callers[mute]
                    _hang_up(mute)
            self._callers[caller] = False

    def _attend(self, caller: socket.socket) -> None:
        try:
            self._answer(caller)
        except OSError as error:  # hung up, or took too long
            log.debug("control: %r", error)
        except Exception:
            log.exception("control: unforeseen; the door stays open")
        finally:
            self._send_off(caller)

    def _send_off(self, caller: socket.socket) -> None:
        with self._changed:
            self._callers.pop(caller, None)
            caller.close()
            self._changed.notify_all()

    def _answer(self, caller: socket.socket) -> None:
        question = _line(caller, _PATIENCE_S)
        with self._changed:
            if not question or caller not in self._callers or self._closed:
                return
            self._callers[caller] = True
        try:
            facts = {"ok": True, **self._obey(question, _who(caller))}
        except Fault as fault:
            facts = {"ok": False, "code": fault.code, "text": fault.text}
        caller.settimeout(_PATIENCE_S)
        caller.sendall(json.dumps(facts).encode() + b"\n")

    def _obey(self, question: bytes, who: str) -> Facts:
        try:
            asked = json.loads(question)
            verb = VERBS[named := asked.pop("verb")]
            if not all(isinstance(value, str) for value in asked.values()):
                raise TypeError("what a verb needs is text")
            inspect.signature(verb).bind(self._floor, **asked)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise OrderUnknown(f"the station takes a line of JSON with a verb of: {', '.join(VERBS)}") from None
        if named not in _LOOKS:
            shown = {name: value for name, value in asked.items() if name not in _SECRETS}
            log.info("control: %s %s, by %s", named, shown, who)
        return verb(self._floor, **asked)


def _listen(path: Path) -> socket.socket:
    """Make the socket; nobody can be connected before it listens, and by then only those may be who shall."""
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    try:
        with _within_reach(path) as address:
            server.bind(address)
        os.chmod(path, MODE)
        server.listen(_WAITING)
    except BaseException:
        server.close()
        raise
    return server


def _hang_up(caller: socket.socket) -> None:
    """End whatever a thread waits for at this socket; it is that thread's to close."""
    with suppress(OSError):  # the caller was faster
        caller.shutdown(socket.SHUT_RDWR)


def _who(caller: socket.socket) -> str:
    """Say which process asks, as the kernel knows it."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return f"process {pid} of user {uid}"


# --------------------------------------------------------------------------- the other end


def ask(folder: Path, verb: str, **needs: str) -> dict[str, Any]:
    """Ask the station that runs on a state folder; raises ``NoStation``, ``OrderRefused``."""
    path = folder / NAME
    try:
        with _within_reach(path) as address, socket.socket(socket.AF_UNIX) as station:
            station.settimeout(_ANSWER_S)
            station.connect(address)
            station.sendall(json.dumps({"verb": verb, **needs}).encode() + b"\n")
            answer = json.loads(_line(station, _ANSWER_S, longest=None))
    except PermissionError:
        raise NoStation(f"{path}: this user may not ask the station; its group may") from None
    except TimeoutError:
        raise NoStation(f"{path}: the station does not answer") from None
    except (OSError, ValueError):
        raise NoStation(f"{folder}: no station is running here") from None
    if not answer.pop("ok"):
        raise OrderRefused(answer["text"], code=answer["code"])
    facts: dict[str, Any] = answer
    return facts


def _line(peer: socket.socket, patience_s: float, *, longest: int | None = _LONGEST) -> bytes:
    """Return the line that the other end sends, or what it was cut at; raises ``TimeoutError``."""
    deadline, line = clock.monotonic() + patience_s, b""
    while not line.endswith(b"\n") and (longest is None or len(line) < longest):
        peer.settimeout(max(0.001, deadline - clock.monotonic()))
        piece = peer.recv(_LONGEST)
        if not piece:
            break
        line += piece
    return line


@contextmanager
def _within_reach(path: Path) -> Iterator[str]:
    """Name a socket by its folder's descriptor: an address of its own has room for 107 bytes only."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
