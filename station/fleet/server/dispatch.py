"""From the raw request target to a procedure, and from whatever it raises to a reply.

All 67 procedures of the API document are rows of the nouns' ``PROCEDURES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from station.fleet.server import (
    auth,
    content,
    device,
    download,
    groups,
    members,
    models,
    names,
    neighbours,
    pages,
    ranges,
    rpc,
    serial,
    serials,
    shares,
    tokens,
    vendors,
)
from station.fleet.server.call import Call
from station.fleet.server.options import Options
from station.fleet.server.procedures import Procedure
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

NOUNS = (
    device,
    download,
    models,
    content,
    pages,
    ranges,
    serials,
    serial,
    groups,
    members,
    shares,
    vendors,
    tokens,
    neighbours,
    rpc,
)

CREDENTIALS: Mapping[tuple[str, ...], Callable[[Call], Any]] = {
    ("provision", "manage"): auth.vendor,
    ("provision", "admin"): auth.holder,
    ("provision", "register"): auth.client,
    ("provision", "download"): auth.client,
}
"""Whose request it is, by the first segments of its path; elsewhere nobody asks (section 1.2)."""


@dataclass(frozen=True, slots=True)
class _Route:
    """One path of the API: where its variable segments are, and the procedures of each method."""

    variables: tuple[tuple[int, str], ...]
    methods: dict[str, list[Procedure]]


_Shape = tuple[tuple[str, ...], int, bool]


def _shape(segments: tuple[str, ...]) -> _Shape:
    """What tells the API's paths apart: their first three segments, their length, and a slash at the end."""
    return segments[:3], len(segments), segments[-1:] == ("",)


def _routes() -> dict[_Shape, _Route]:
    routes: dict[_Shape, _Route] = {}
    for noun in NOUNS:
        for procedure in noun.PROCEDURES:
            segments = tuple(procedure.path.split("/")[1:])
            variables = tuple((n, text.strip("{}")) for n, text in enumerate(segments) if text.startswith("{"))
            route = routes.setdefault(_shape(segments), _Route(variables, {}))
            route.methods.setdefault(procedure.method, []).append(procedure)
    return routes


_ROUTES = _routes()

_CONTENT = "/provision/manage/content/"


def takes_long(path: str) -> bool:
    """Tell whether requests of this path may take long: those that carry content."""
    return path.startswith((_CONTENT, "/provision/download"))


def longest_body(options: Options, method: str, path: str) -> int:
    """Return how many bytes the body of a request may have: those of content (M10), or of a bulk list."""
    uploads = method == "POST" and path.startswith(_CONTENT) and not path.endswith("/")
    return options.content_bytes if uploads else names.BODY_BYTES


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
    route = _ROUTES.get(_shape(segments))
    if route is None or not all(segments[n] for n, _ in route.variables):
        raise Refused(HTTPStatus.NOT_FOUND, "no such path")
    return {name: segments[n] for n, name in route.variables}, route.methods
