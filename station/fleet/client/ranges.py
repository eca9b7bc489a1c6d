"""The ranges of serial numbers of a model (API document, 3 and 8.5)."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable

from station.fleet.client import names, replies
from station.fleet.client.messages import CHANGED, JSON, LISTED, Request, Sender
from station.fleet.client.serial_range import SerialRange


class Ranges:
    """Serial numbers that a model has without a list of them.

    A member can be enabled like a listed number, and is listed from then on.
    Every method raises ``NameUnsafe`` before anything is sent, and beside
    the errors that it names the rest of ``FleetError``.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self, model: str) -> builtins.list[SerialRange]:
        """M34, ``GET …/model/<model>/?show=ranges``: all ranges of the model, in one answer.

        Raises ``NotFound`` (no such model).
        """
        path = names.query(_path(model), [("show", "ranges")])
        return replies.ranges(self._client.send(Request("GET", path, LISTED)))

    def add(self, model: str, ranges: Iterable[SerialRange]) -> None:
        """M38, ``POST …/model/<model>/``: give the model these ranges; with none nothing is sent.

        Raises ``Conflict`` (it has such a range already), ``BadRequest`` (one
        that the fleet doesn't take) and ``NotFound`` (no such model).
        """
        self._send("POST", model, ranges)

    def remove(self, model: str, ranges: Iterable[SerialRange]) -> None:
        """M42, ``DELETE …/model/<model>/``: take these ranges from the model; with none nothing is sent.

        Members that were enabled stay listed.  Raises ``NotFound`` (no such
        model, or no range that is the same in all five fields: a part of one
        can't be removed).
        """
        self._send("DELETE", model, ranges)

    def _send(self, method: str, model: str, ranges: Iterable[SerialRange]) -> None:
        path = _path(model)
        if said := [_said(one) for one in ranges]:
            body = names.bounded(json.dumps({"ranges": said}, separators=(",", ":")).encode("ascii"))
            self._client.send(Request(method, path, CHANGED, body, JSON))


def _path(model: str) -> str:
    return names.manage("model", names.model(model), "")


def _said(one: SerialRange) -> dict[str, str | int | None]:
    """Return what a range is in JSON: all five fields, since some fleets compare them as they stand."""
    return {
        "format": one.format,
        "length": one.length,
        "casing": one.casing,
        "first": one.first,
        "last": one.last,
    }
