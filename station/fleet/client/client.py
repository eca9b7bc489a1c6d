"""The client: whom it speaks to, with which credential, how long and how often."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakSet

from station import __version__, clock
from station.clock import Ahead
from station.fleet.client.content import Content
from station.fleet.client.dates import date_of
from station.fleet.client.device import Device
from station.fleet.client.errors import Garbled, TokenUnusable, Unanswered, UrlUnusable
from station.fleet.client.groups import Groups
from station.fleet.client.messages import Credential, Reply, Request
from station.fleet.client.models import Models
from station.fleet.client.ranges import Ranges
from station.fleet.client.serials import Serials
from station.fleet.client.shares import Shares
from station.fleet.client.tokens import Tokens
from station.fleet.client.vendor import Vendor
from station.fleet.client.verdicts import judge

if TYPE_CHECKING:
    from station.fleet.client.wire import Wire

_TRIES = 3
"""How often a harmless request is sent at most."""

_PAUSE_S = 0.5
"""The first pause between tries at its longest; each further one is twice as long."""

_SECOND_US = 1_000_000

_TOKEN, _CIK = "X-Exosite-Token", "X-Exosite-CIK"


class Client:
    """One fleet, as one vendor; safe to share between threads, each of which gets its own connection.

    ``url`` is scheme, host and port of the fleet; ``vendor`` the vendor's
    name.  ``token`` is called for each request that needs the vendor token
    and returns it, so that a replaced token is taken up; what it raises goes
    through to the caller.  ``cik`` does the same for the CIK of the client
    that holds the vendor's name, which ``M56`` to ``M63`` need and everything
    else takes where there is no token.  ``ca_file`` holds the authorities to
    trust in place of those that requests brings along.  Plain HTTP is refused
    but to this machine itself, or if ``allow_plain_http``.

    A reply has ``connect_s`` seconds to begin with a connection, ``read_s``
    between any two of its bytes, and ``deadline_s`` for everything: all
    tries, pauses and drops of a dripping server.  The bytes of a content,
    which may be many, have ``transfer_s`` instead, all resumes included.
    (Only the system's look-up of the host's name keeps its own time.)

    Raises ``UrlUnusable``.
    """

    def __init__(
        self,
        url: str,
        vendor: str,
        token: Callable[[], str] | None = None,
        *,
        cik: Callable[[], str] | None = None,
        connect_s: float = 3.0,
        read_s: float = 10.0,
        deadline_s: float = 20.0,
        transfer_s: float = 600.0,
        ca_file: Path | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self._base = _base(url, allow_plain_http)
        self._token, self._cik = token, cik
        self._connect_s, self._read_s, self._deadline_s = connect_s, read_s, deadline_s
        self._ca_file = ca_file
        self.transfer_s = transfer_s
        self._mine = threading.local()
        self._wires: WeakSet[Wire] = WeakSet()
        self._gate = threading.Lock()
        self._cut = threading.Event()
        self._heard: tuple[Mapping[str, str], int, int] | None = None
        """The headers of the last answer, and the uptimes between which it was made."""
        self.device = Device(self, vendor)
        self.content = Content(self)
        self.groups = Groups(self)
        self.models = Models(self)
        self.serials = Serials(self)
        self.ranges = Ranges(self)
        self.shares = Shares(self)
        self.vendor = Vendor(self)
        self.tokens = Tokens(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections of all threads."""
        with self._gate:
            wires = list(self._wires)
        for wire in wires:
            wire.close()

    def cut_off(self) -> None:
        """End every request that is going on, as ``Unanswered``, and let no other begin: the station is stopping."""
        self._cut.set()
        with self._gate:
            wires = list(self._wires)
        for wire in wires:
            wire.cut()

    def send(self, request: Request) -> Reply:
        """Ask the fleet; everything that crosses the wire goes through here.

        Only what is harmless to ask twice is asked again, after a pause (at
        least the one that the fleet asks for) and while the deadline allows.
        Raises ``FleetError``.
        """
        deadline = clock.monotonic() + self._deadline_s if request.deadline is None else request.deadline
        attempt = 0
        while True:
            attempt += 1
            credential = self._credential(request)
            secret = credential[1] if credential else None
            try:
                asked = clock.uptime_us()
                reply = self._wire().exchange(request, _headers(request, credential), deadline)
                self._heard = (reply.headers, asked, clock.uptime_us())
                return judge(request, reply, secret)
            except Garbled:
                raise  # it is understood to be wrong, not late
            except Unanswered as error:
                last = attempt == _TRIES or not request.repeatable
                if last or not self.pause(error, attempt, deadline):
                    raise

    @property
    def time(self) -> Ahead | None:
        """How far the fleet's clock was ahead of our uptime at its last answer; None if that did not tell.

        Any answer will do, a refusal too.  The bounds are apart by its whole round trip, and by the second that the
        fleet leaves out.
        """
        if (heard := self._heard) is None or (date := date_of(heard[0])) is None:
            return None
        _, asked, answered = heard
        return Ahead(least=date - answered, most=date + _SECOND_US - asked)

    def pause(self, error: Unanswered, attempt: int, deadline: float) -> bool:
        """Wait after this failed attempt (from 1); return False, at once, if there must be no further one.

        That is when it could begin only after the deadline, and when the
        station is stopping.
        """
        pause = max(error.retry_after or 0.0, random.uniform(0.5, 1.0) * _PAUSE_S * 2 ** (attempt - 1))
        return clock.monotonic() + pause < deadline and not self._cut.wait(pause)

    def _credential(self, request: Request) -> tuple[str, str] | None:
        """Return the header that shows who asks, and its value."""
        match request.credential:
            case Credential.NONE:
                return None
            case Credential.DEVICE:
                return _CIK, _usable(request.cik or "", "device key")
            case Credential.VENDOR if self._token is not None:
                return _TOKEN, _usable(self._token(), "fleet token")
            case _ if self._cik is not None:
                return _CIK, _usable(self._cik(), "vendor key")
            case _:
                raise TokenUnusable(f"{request.asked} needs a credential that was not given; nothing was sent")

    def _wire(self) -> Wire:
        wire: Wire | None = getattr(self._mine, "wire", None)
        if wire is None:
            from station.fleet.client.wire import Wire

            wire = self._mine.wire = Wire(self._base, self._connect_s, self._read_s, self._ca_file)
            with self._gate:
                self._wires.add(wire)
            if self._cut.is_set():
                wire.cut()
        return wire


def _usable(secret: str, what: str) -> str:
    # Anything else would be refused further down by an exception that shows it.
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise TokenUnusable(f"the {what} is empty or holds what none holds; nothing was sent")
    return secret


def _headers(request: Request, credential: tuple[str, str] | None) -> dict[str, str]:
    headers = {"User-Agent": f"provisioning-station/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    if credential is not None:
        headers[credential[0]] = credential[1]
    if request.span is not None:
        headers["Range"] = request.span
    if request.shared_by is not None:
        headers["X-Exosite-Vendor"] = request.shared_by
    if request.body is not None:
        headers["Content-Type"] = request.type
    return headers


def _base(url: str, allow_plain_http: bool) -> str:
    """Return scheme, host and port of the fleet, put together from what was understood of ``url``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    beside = parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/")
    if parts.scheme not in ("http", "https") or not host or beside:
        raise UrlUnusable("the fleet's address must be like https://fleet.example.com, with nothing after the host")
    if parts.scheme == "http" and not allow_plain_http and not _is_loopback(host):
        raise UrlUnusable(f"plain HTTP to {host} would show the fleet token on its way; use https")
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{bracketed}" + (f":{port}" if port is not None else "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
