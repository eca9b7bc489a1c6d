"""What goes over the wire and what comes back, before anybody gives it a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the fleet, all but its credential."""

    method: str
    path: str
    """Path and query, encoded."""
    answers: frozenset[int]
    """The HTTP statuses that answer it; every other one is an error."""
    form: bytes | None = field(default=None, repr=False)
    """A form body, encoded."""
    signed: bool = True
    """Whether it carries the vendor token; ``D1`` alone doesn't."""

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
