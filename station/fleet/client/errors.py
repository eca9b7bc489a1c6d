"""What can go wrong between the station and the fleet; the package's docstring draws the tree.

Texts name what was asked (method and path) and what came back; never a
token, a key, or a body that might hold one.
"""

from __future__ import annotations

import copyreg
from typing import Any

from drivers.errors import Blame
from station.errors import StationError


class FleetError(StationError):
    """The root of what the fleet client raises."""

    blame = Blame.FLEET

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as a call with its text, which most of these can't be made from.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class Unanswered(FleetError):
    """No answer that can be relied on: the request may have taken effect, or may not have.

    ``asked`` is method and path; ``status`` the HTTP status if one arrived
    (5xx); ``retry_after`` the seconds that the fleet wants us to wait, if it
    said so.
    """

    code = "fleet-unanswered"

    def __init__(self, text: str, asked: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(f"{asked}: {text}", asked=asked, status=status)
        self.asked, self.status, self.retry_after = asked, status, retry_after


class Garbled(Unanswered):
    """Something answered, but not in this API's words: a web page, a redirect, a body that can't be read."""

    code = "fleet-garbled"


class Unreachable(Unanswered):
    """The request certainly took no effect: no byte of it was sent."""

    code = "fleet-unreachable"


class Busy(Unreachable):
    """The request certainly took no effect: the fleet turned it away unread (HTTP 408, 429)."""

    code = "fleet-busy"


class Refused(FleetError):
    """The fleet said no, and changed nothing (HTTP 4xx).

    ``asked`` is method and path, ``status`` the HTTP status.  ``reason`` is
    what an ``X-Error-Reason`` header tells (our own server's; the API
    document has none), ``body`` the body, by its section 1.9 usually the
    status line again.  Both are cut short, printable, and without anything
    that looks like a key.
    """

    code = "fleet-refused"

    def __init__(self, text: str, asked: str, status: int, *, reason: str = "", body: str = "") -> None:
        super().__init__(f"{asked}: {text}", asked=asked, status=status, reason=reason)
        self.asked, self.status, self.reason, self.body = asked, status, reason, body

    @property
    def in_api_words(self) -> bool:
        """Whether its body is what the API document promises (section 1.9), or empty.

        Something between us and the fleet words it otherwise, and nobody knows what the fleet itself has done.
        """
        return not self.body or self.body.startswith("HTTP/")


class BadRequest(Refused):
    """HTTP 400: the fleet can't make sense of what it was asked."""

    code = "fleet-bad-request"


class NotAllowed(Refused):
    """HTTP 401 or 403: no such token, or not for this."""

    code = "fleet-not-allowed"


class NotFound(Refused):
    """HTTP 404: no such vendor, model or serial number."""

    code = "fleet-not-found"


class Conflict(Refused):
    """HTTP 409: its state does not allow it; what that means differs from procedure to procedure."""

    code = "fleet-conflict"


class ContentChanged(FleetError):
    """A content was replaced while it was fetched; the same call again fetches the new one."""

    code = "fleet-content-changed"


class FileFailed(FleetError):
    """A file of this machine could not be read or written; what the fleet did is not in doubt."""

    blame = Blame.STATION
    code = "fleet-file-failed"


class Unsendable(FleetError):
    """The station itself would not send it; nothing left, and the same again will fare no better."""

    blame = Blame.STATION


class NameUnsafe(Unsendable):
    """A name that could reach something else than what it names."""

    code = "fleet-name-unsafe"


class TooLong(Unsendable):
    """A text or a list beyond the bounds of the API document, section 1.10."""

    code = "fleet-too-long"


class TokenUnusable(Unsendable):
    """What should be the vendor token can't be sent as one."""

    code = "fleet-token-unusable"


class UrlUnusable(Unsendable):
    """The fleet's base address is no address, or one over which the token would travel readably."""

    code = "fleet-url-unusable"
