"""One request, as the procedures see it.

Forms and queries are read here, and not by a framework: clients of this API
send forms under any content type or none (API document, section 1.3), and a
name that is not UTF-8 is refused instead of being mended.
"""

from __future__ import annotations

import contextlib
import re
from functools import cached_property
from http import HTTPStatus
from ipaddress import ip_address
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qs, unquote_to_bytes

from station.fleet.server.options import Options
from station.fleet.server.replies import Refused
from station.fleet.server.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_BIG = 18
"""The most digits of a number that are read: SQLite's integers end at 19, and what is cut off is too much anyway."""
_MANY = 100_000
"""The most parameters of one form: about a second's work, during which nobody else is answered."""


class Parameters:
    """A form or a query: names with one or more values, all decoded.  Raises ``Refused`` (400)."""

    def __init__(self, encoded: str) -> None:
        try:
            self._values = parse_qs(encoded, keep_blank_values=True, errors="strict", max_num_fields=_MANY)
        except UnicodeDecodeError:
            raise Refused(HTTPStatus.BAD_REQUEST, "a parameter is not UTF-8") from None
        except ValueError:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {_MANY} parameters") from None

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> str | None:
        """Return the one value, None if there is none; several contradict each other."""
        values = self._values.get(name, [])
        if len(values) > 1:
            raise Refused(HTTPStatus.BAD_REQUEST, "a parameter is given more than once")
        return values[0] if values else None

    def need(self, name: str) -> str:
        """Return the one value, which must be there and not be empty."""
        value = self.get(name)
        if not value:
            raise Refused(HTTPStatus.BAD_REQUEST, "a parameter is missing")
        return value

    def several(self, name: str) -> list[str]:
        """Return the values under ``name[]``, the API's arrays, and under the bare name that some clients send."""
        return self._values.get(f"{name}[]", []) + self._values.get(name, [])

    def flag(self, name: str) -> bool:
        """Tell whether it is the literal ``true``."""
        return self.get(name) == "true"

    def page(self) -> tuple[int, int]:
        """Return offset and limit; the limit is clamped into 5 to 1000 (API document, section 1.6)."""
        return self._number("offset", 0), min(max(self._number("limit", 5), 5), 1000)

    def _number(self, name: str, default: int) -> int:
        text = self.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            raise Refused(HTTPStatus.BAD_REQUEST, "offset and limit are whole numbers")
        return int(text.lstrip("0")[:_BIG] or 0)


class Call:
    """A request, with the store that answers it and the options of the server."""

    def __init__(self, environ: WSGIEnvironment, store: Store, options: Options) -> None:
        self.environ, self.store, self.options = environ, store, options
        self.method: str = environ["REQUEST_METHOD"]
        self.stream: IO[bytes] = environ["wsgi.input"]
        """The body, which waitress has received whole and which ends where it ends."""

    def header(self, name: str) -> str:
        """Return a request header, '' if there is none; several of one name are joined by commas."""
        key = name.upper().replace("-", "_")
        value: str = self.environ.get(key if key == "CONTENT_TYPE" else f"HTTP_{key}", "")
        return value

    @cached_property
    def data(self) -> bytes:
        """The raw body."""
        return self.stream.read()

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The path behind its first slash, split on the raw request target, each segment decoded afterwards.

        So ``%2F`` is part of a name and can reach no other resource; a
        trailing slash shows as an empty last segment, since it is significant
        (section 1.4).  Raises ``Refused`` (400) for what is not UTF-8.
        """
        path = self.environ["REQUEST_URI"].partition("?")[0]
        if not path.startswith("/"):
            path = _AUTHORITY.sub("", path, count=1)
        if "%" not in path and path.isascii():
            return tuple(path.split("/")[1:])
        try:
            return tuple(unquote_to_bytes(s.encode("latin-1")).decode() for s in path.split("/")[1:])
        except UnicodeDecodeError:
            raise Refused(HTTPStatus.BAD_REQUEST, "the path is not UTF-8") from None

    @cached_property
    def peer(self) -> str:
        """The address that asks: the socket's, or the last one that a trusted proxy has seen (section 14, 27)."""
        if self.options.behind_proxy:
            with contextlib.suppress(ValueError):
                return str(ip_address(self.header("X-Forwarded-For").rpartition(",")[2].strip()))
        return str(self.environ["REMOTE_ADDR"])

    @cached_property
    def query(self) -> Parameters:
        """The parameters behind the question mark."""
        return Parameters(_text(self.environ["QUERY_STRING"].encode("latin-1")))

    @cached_property
    def body(self) -> str:
        """The raw body as text.  Raises ``Refused`` (400) for what is not UTF-8."""
        return _text(self.data)

    @cached_property
    def fields(self) -> Parameters:
        """The body as a form, whatever its content type says."""
        return Parameters(self.body)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "the request is not UTF-8") from None
