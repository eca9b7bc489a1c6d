"""U3: the platform's remote procedure calls, as far as provisioning needs them (section 9).

One HTTP request carries many calls, and is answered with 200 whatever becomes
of them: each has a status word of its own, and what is wrong with all of it
is one ``error`` object.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any

from sqlite_utils import Database

from station.fleet.server import auth, clients, replies
from station.fleet.server.call import Call
from station.fleet.server.caller import Caller, Failed, Unsupported
from station.fleet.server.procedures import Procedure
from station.fleet.server.remote import CALLS
from station.fleet.server.replies import Refused, Reply

_JSON = "application/json; charset=utf-8"

_BODY_BYTES = 256 * 1024
_MOST_CALLS = 100
_ID_CHARACTERS = 40
_ANSWER_BYTES = 4 * 1024 * 1024
"""Once the answers are so long, no further call is done: each may be one of thousands of RIDs."""


class _Unreadable(Exception):
    """The request is answered as a whole with one error: the platform's code, a message, and what is wrong."""

    def __init__(self, code: int, message: str, context: str) -> None:
        super().__init__(message)
        self.answer = {"error": {"code": code, "message": message, "context": context}}


def process(call: Call) -> Reply:
    """U3: do the calls in order; 200 with the answers of those that have an ``id``, or with one error.

    Each call is a change of its own: one that fails undoes none before it.
    413 for a body over 256 KiB.
    """
    data = call.data
    if len(data) > _BODY_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "remote procedure calls have at most 256 KiB")
    try:
        message = _read(data)
        answer = _answers(call, _client(call, message.get("auth")), message["calls"])
    except _Unreadable as error:
        answer = _dumps(error.answer)
    return replies.value(answer, _JSON)


def _read(data: bytes) -> dict[str, Any]:
    """Return the message, whose calls are objects with sound ids; the rest of it is not looked at."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise _Unreadable(-1, "Not JSON", "") from None
    calls = message.get("calls") if isinstance(message, dict) else None
    if not isinstance(calls, list) or len(calls) > _MOST_CALLS:
        raise _Unreadable(400, f"Calls are a list of at most {_MOST_CALLS}", "calls")
    if not all(isinstance(one, dict) and ("id" not in one or _is_id(one["id"])) for one in calls):
        raise _Unreadable(400, "A call is an object, and its id a number or a short text", "calls")
    found: dict[str, Any] = message
    return found


def _is_id(given: object) -> bool:
    match given:
        case bool():
            return False
        case float():
            return math.isfinite(given)
        case int() | str():
            return len(str(given)) <= _ID_CHARACTERS
    return False


def _client(call: Call, given: object) -> int | None:
    """Return the client that ``auth`` stands for; None if it is locked.

    A ``client_id`` stands for a client below the one that has the ``cik``, a
    ``resource_id`` for the parent of one.
    """
    if not isinstance(given, dict) or not isinstance(cik := given.get("cik"), str):
        raise _Unreadable(400, "Auth has a cik", "auth")
    try:
        client = auth.by_cik(call, cik)
        caller = _as(call, call.store.read(), client)
        if "client_id" in given:
            return caller.find(given["client_id"])
        if "resource_id" in given:
            return caller.parent(given["resource_id"])
    except (Refused, Failed, Unsupported) as error:
        if isinstance(error, Refused) and error.status is HTTPStatus.FORBIDDEN:
            return None
        raise _Unreadable(401, "Authorization failed", "auth") from None
    return client


def _answers(call: Call, client: int | None, calls: list[dict[str, Any]]) -> str:
    """Do the calls; those behind 4 MiB of answers, shown or not, are answered ``limit`` and not done."""
    shown, size = [], 0
    for one in calls:
        outcome = {"status": "limit"} if size >= _ANSWER_BYTES else _outcome(call, client, one)
        answer = _dumps({"id": one["id"]} | outcome if "id" in one else outcome)
        size += len(answer)
        if "id" in one:
            shown.append(answer)
    return f"[{','.join(shown)}]"


def _dumps(answer: object) -> str:
    return json.dumps(answer, separators=(",", ":"))


def _outcome(call: Call, client: int | None, given: dict[str, Any]) -> dict[str, object]:
    if client is None:
        return {"status": "locked"}
    procedure, arguments = given.get("procedure"), given.get("arguments")
    remote = CALLS.get(procedure) if isinstance(procedure, str) else None
    if remote is None:
        return _unsupported("procedure")
    if not isinstance(arguments, list):
        return _unsupported("arguments")
    try:
        if remote.changes:
            result = call.store.write(lambda db: remote.handle(_as(call, db, client), arguments))
        else:
            result = remote.handle(_as(call, call.store.read(), client), arguments)
    except Failed as failed:
        return {"status": failed.status}
    except clients.NoRoom:
        return {"status": "limit"}
    except Unsupported:
        return _unsupported("arguments")
    return {"status": "ok"} if result is None else {"status": "ok", "result": result}


def _as(call: Call, db: Database, client: int) -> Caller:
    return Caller(db, client, call.options.window_s)


def _unsupported(context: str) -> dict[str, object]:
    return {"status": "fail", "error": {"code": 501, "message": "Not supported", "context": context}}


PROCEDURES = tuple(
    # The second is how the path was spelled at first.
    Procedure("U3", "POST", path, process)
    for path in ("/onep:v1/rpc/process", "/api:v1/rpc/process")
)
