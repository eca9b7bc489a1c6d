"""From the raw request target to a procedure, and from whatever it raises to a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from station.fleet.server import auth, device, models, names, serials
from station.fleet.server.call import Call
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Procedure = Callable[..., Reply]
"""Takes the ``Call``, on management paths the ``Vendor``, and the path's variable segments by name."""

NOUNS = (device, models, serials)

_ROUTES: tuple[tuple[tuple[str, ...], Mapping[str, Procedure]], ...] = tuple(
    (tuple(path.split("/")[1:]), procedures) for noun in NOUNS for path, procedures in noun.ROUTES
)
_MANAGEMENT = ("provision", "manage")


def takes_long(path: str) -> bool:
    """Tell whether requests of this path may take long: those that carry content."""
    return path.startswith(("/provision/manage/content/", "/provision/download"))


class Application:
    """The API as a WSGI application over one store."""

    def __init__(self, store: Store, window_s: int) -> None:
        self._store, self._window_s = store, window_s

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request.  What is unforeseen is left to the transport, which answers 500."""
        call = Call(environ, self._store, self._window_s)
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
    vendor = (auth.vendor(call),) if call.segments[:2] == _MANAGEMENT else ()
    variables, procedures = _route(call.segments)
    method = "GET" if call.method == "HEAD" else call.method
    if method not in procedures:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, allow=", ".join(procedures))
    return procedures[method](call, *vendor, **variables)


def _route(segments: tuple[str, ...]) -> tuple[dict[str, str], Mapping[str, Procedure]]:
    for pattern, procedures in _ROUTES:
        variables = _match(pattern, segments)
        if variables is not None:
            return variables, procedures
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
