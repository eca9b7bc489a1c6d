"""What goes over the wire and what comes back, before anybody gives it a meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from station.fleet.client.dates import date_of

if TYPE_CHECKING:
    from station.fleet.client.errors import Unanswered

FORM = "application/x-www-form-urlencoded; charset=utf-8"
CSV = "text/csv; charset=utf-8"
JSON = "application/javascript; charset=utf-8"
"""The type of ranges (API document, section 1.3)."""


VALUE = frozenset({200})
"""The status of an answer that says something."""

LISTED = frozenset({200, 204})
"""The statuses of a list; one without lines may have either (API document, section 1.5)."""

CHANGED = frozenset({205})
"""The status of a change that is done (API document, section 1.7)."""


class Credential(Enum):
    """With what a request shows that it may ask (API document, section 1.2)."""

    NONE = "none"
    """``D1`` alone."""
    VENDOR = "vendor"
    """The vendor's token or, without one, the CIK of the client that holds the vendor's name."""
    HOLDER = "holder"
    """That CIK and nothing else (``M56`` to ``M63``)."""
    DEVICE = "device"
    """The request's own ``cik`` (``D2`` to ``D4``)."""


class Stream(Protocol):
    """A body that is read while it is sent, and may be larger than the memory."""

    size: int
    """The bytes that it has."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most so many; none only at the end.  What it raises, the sender raises."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the fleet, all but its credential."""

    method: str
    path: str
    """Path and query, encoded."""
    answers: frozenset[int]
    """The HTTP statuses that answer it; every other one is an error."""
    body: bytes | Stream | None = field(default=None, repr=False)
    type: str = FORM
    """The content type of the body, if there is one."""
    credential: Credential = Credential.VENDOR
    cik: str | None = field(default=None, repr=False)
    """The device's key, where that is the credential."""
    shared_by: str | None = None
    """The vendor who shares the model that is meant (section 7); None if it is our own."""
    span: str | None = None
    """The bytes of a blob that are wanted, as the header ``Range`` says it (section 5); None for all."""
    sink: Sink | None = field(default=None, repr=False)
    """Takes the body of an answer while it comes; without, the body is in the reply and bounded."""
    deadline: float | None = None
    """The monotonic instant at which it must be over; None if the client's own bound is meant."""

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm.  What a sink took can't come again: its owner asks for the rest."""
        return self.method == "GET" and self.sink is None

    @property
    def asked(self) -> str:
        """Method and path, for errors and records."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer; its body, which may be a key, is in no ``repr``."""

    asked: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""
    body: bytes = field(repr=False)

    @property
    def date(self) -> int | None:
        """When it was made by the fleet's clock, UTC microseconds in whole seconds; None if it does not say so."""
        return date_of(self.headers)


Sink = Callable[[Reply, Iterator[bytes]], None]
"""Called with the head of an answer, and its body in pieces that never end early: what it lacks is raised."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are done, and all bytes; in the thread of the transfer, which it must not use."""


class Sender(Protocol):
    """What the nouns need of the client."""

    @property
    def transfer_s(self) -> float:
        """The seconds that an upload or a download may take."""
        ...

    def send(self, request: Request) -> Reply:
        """Ask, and return an answer whose status is one of ``request.answers``; raises ``FleetError``."""
        ...

    def pause(self, error: Unanswered, attempt: int, deadline: float) -> bool:
        """Wait after this failed attempt (from 1); return False, at once, if there must be no further one."""
        ...
