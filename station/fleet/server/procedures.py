"""What a procedure of the API is to the dispatcher: one row of a noun's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from station.fleet.server.call import Call
from station.fleet.server.replies import Reply

When = Callable[[Call], bool]
"""Tells from query or body whether a request asks for this procedure."""

MANAGE = "/provision/manage"


def always(_: Call) -> bool:
    """Whatever the request says beside its path: the last row of a path and method, or the only one."""
    return True


def shows(what: str) -> When:
    """``?show=what``."""
    return lambda call: call.query.get("show") == what


def asks(name: str) -> When:
    """``?name=true``."""
    return lambda call: call.query.flag(name)


def names(*parameters: str) -> When:
    """All of these parameters are in the query."""
    return lambda call: all(parameter in call.query for parameter in parameters)


def says(*flags: str) -> When:
    """The form has one of these as the literal ``true``."""
    return lambda call: any(call.fields.flag(flag) for flag in flags)


def both(*tests: When) -> When:
    """All of these."""
    return lambda call: all(test(call) for test in tests)


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure: its number in the API document, how it is asked for, and who answers.

    ``path`` has its variable segments in braces; they are handed to ``handle``
    by name, after the ``Call`` and after whoever the credential of that part
    of the API belongs to (``dispatch.CREDENTIALS``).  Of the rows with one
    path and method the first whose ``when`` holds is taken.
    """

    number: str
    method: str
    path: str
    handle: Callable[..., Reply]
    when: When = always
    guests: bool = False
    """Whether a vendor may ask it of a model that another one shares with it (section 7)."""
