"""What goes over the wire and what comes back, before anybody gives it a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

FORM = "application/x-www-form-urlencoded; charset=utf-8"
CSV = "text/csv; charset=utf-8"
JSON = "application/javascript; charset=utf-8"
"""What the API document, section 1.3, calls ranges."""


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


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the fleet, all but its credential."""

    method: str
    path: str
    """Path and query, encoded."""
    answers: frozenset[int]
    """The HTTP statuses that answer it; every other one is an error."""
    body: bytes | None = field(default=None, repr=False)
    type: str = FORM
    """The content type of the body, if there is one."""
    credential: Credential = Credential.VENDOR
    cik: str | None = field(default=None, repr=False)
    """The device's key, where that is the credential."""
    shared_by: str | None = None
    """The vendor who shares the model that is meant (section 7); None if it is our own."""

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm."""
        return self.method == "GET"

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


class Sender(Protocol):
    """What the nouns need of the client."""

    def send(self, request: Request) -> Reply:
        """Ask, and return an answer whose status is one of ``request.answers``; raises ``FleetError``."""
        ...
