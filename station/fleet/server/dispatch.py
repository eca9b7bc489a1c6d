"""From the raw request target to a procedure, and from whatever it raises to a reply.

All 67 procedures of the API document are rows of the nouns' ``PROCEDURES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from station.fleet.server import auth, device, models, names, serial, serials
from station.fleet.server.call import Call
from station.fleet.server.options import Options
from station.fleet.server.procedures import Procedure
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

NOUNS = (device, models, serials, serial)

CREDENTIALS: Mapping[tuple[str, ...], Callable[[Call], Any]] = {
    ("provision", "manage"): auth.vendor,
    ("provision", "admin"): auth.holder,
    ("provision", "register"): auth.client,
    ("provision", "download"): auth.client,
}
"""Whose request it is, by the first segments of its path; elsewhere nobody asks (section 1.2)."""


def _rows() -> dict[tuple[str, ...], dict[str, list[Procedure]]]:
    table: dict[tuple[str, ...], dict[str, list[Procedure]]] = {}
    for noun in NOUNS:
        for procedure in noun.PROCEDURES:
            pattern = tuple(procedure.path.split("/")[1:])
            table.setdefault(pattern, {}).setdefault(procedure.method, []).append(procedure)
    return table


_ROWS = _rows()


def takes_long(path: str) -> bool:
    """Tell whether requests of this path may take long: those that carry content."""
    return path.startswith(("/provision/manage/content/", "/provision/download"))


class Application:
    """The API as a WSGI application over one store."""

    def __init__(self, store: Store, options: Options) -> None:
        self._store, self._options = store, options

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request.  What is unforeseen is left to the transport, which answers 500."""
        call = Call(environ, self._store, self._options)
        try:
            reply = _answer(call)
        except Refused as refused:
            reply = refused.reply()
        except names.TooLong as error:
            reply = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)).reply()
        except names.BadName as error:
            reply = Refused(HTTPStatus.BAD_REQUEST, str(error)).reply()
        return reply(environ, start_response)


def _answer(call: Call) -> Reply:
    # The credential comes first, so that nobody can feel out which paths there are.
    asker = CREDENTIALS.get(call.segments[:2])
    who = (asker(call),) if asker else ()
    variables, methods = _route(call.segments)
    method = "GET" if call.method == "HEAD" else call.method
    if method not in methods:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, allow=", ".join(methods))
    procedure = next((row for row in methods[method] if row.when(call)), None)
    if procedure is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "the request does not say what it asks for")
    if who and isinstance(who[0], auth.Vendor) and who[0].is_guest and not procedure.guests:
        raise Refused(HTTPStatus.FORBIDDEN, "only the vendor whose model it is may do this")
    return procedure.handle(call, *who, **variables)


def _route(segments: tuple[str, ...]) -> tuple[dict[str, str], Mapping[str, list[Procedure]]]:
    for pattern, methods in _ROWS.items():
        variables = _match(pattern, segments)
        if variables is not None:
            return variables, methods
    raise Refused(HTTPStatus.NOT_FOUND, "no such path")


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    variables = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{") and segment:
            variables[expected.strip("{}")] = segment
        elif expected != segment:
            return None
    return variables
