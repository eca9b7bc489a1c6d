"""What a body is written in, where one path and method take several kinds (API document, 8.5)."""

from __future__ import annotations

from enum import StrEnum

from station.fleet.server.call import Call
from station.fleet.server.procedures import When

_JSON = ("javascript", "json")


class Kind(StrEnum):
    """How a body is to be read."""

    FORM = "form"
    CSV = "csv"
    JSON = "json"


def kind(call: Call) -> Kind:
    """Tell by the content type, and without one that says it by the text: ``{`` begins JSON, ``=`` is in forms.

    No DELETE takes a form, so that a form's type says nothing of its body.
    """
    named = call.header("Content-Type").partition(";")[0].strip().lower()
    if named == "application/x-www-form-urlencoded" and call.method != "DELETE":  # curl says it of whatever it sends
        return Kind.FORM
    if named == "text/csv":
        return Kind.CSV
    if named.endswith(_JSON) or call.body.lstrip().startswith("{"):
        return Kind.JSON
    return Kind.FORM if "=" in call.body else Kind.CSV


def sends(wanted: Kind) -> When:
    """The body is of this kind."""
    return lambda call: kind(call) is wanted
