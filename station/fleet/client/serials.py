"""The serial numbers of a model (API document, 8.5 and 8.6)."""

from __future__ import annotations

from collections.abc import Iterator

from station.fleet.client import names, replies
from station.fleet.client.messages import Request, Sender
from station.fleet.client.replies import SerialInfo, SerialRow

_PAGE = 500
"""Lines a page.  The fleet gives up to 1000 (API document, 1.6); with texts of 1 KiB those would pass our bound."""

_CHANGED = frozenset({205})


class Serials:
    """Serial numbers, from listed to deleted.

    Every method raises ``NameUnsafe`` before anything is sent, and beside
    the errors that it names the rest of ``FleetError``.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self, model: str) -> Iterator[SerialRow]:
        """M33, ``GET …/model/<model>/``: every listed serial number, a page at a time.

        Numbers that are only in a range are not among them.  If lines are
        deleted meanwhile, others may be passed over.  Raises ``NotFound``
        (no such model).
        """
        path = names.manage("model", names.model(model), "")
        return self._pages(path)

    def _pages(self, path: str) -> Iterator[SerialRow]:
        offset = 0
        while True:
            query = names.form([("offset", str(offset)), ("limit", str(_PAGE)), ("status", "true")]).decode("ascii")
            rows = replies.serial_rows(self._client.send(Request("GET", f"{path}?{query}", frozenset({200, 204}))))
            yield from rows
            if len(rows) < _PAGE:
                return
            offset += len(rows)

    def add(self, model: str, serial: str, extra: str = "") -> None:
        """M35, ``POST …/model/<model>/``: list one serial number, with a free text beside it.

        Raises ``Conflict`` (it is listed already) and ``NotFound`` (no such
        model).
        """
        path = names.manage("model", names.model(model), "")
        form = names.form([("sn", names.serial(serial)), ("extra", extra)])
        self._client.send(Request("POST", path, _CHANGED, form))

    def info(self, model: str, serial: str) -> SerialInfo:
        """M43, ``GET …/model/<model>/<sn>``: its status, RID and text.

        A 204 means unused; a 409 orphaned, which is a status here and no
        error.  Raises ``NotFound`` (not listed, or no such model).
        """
        request = Request("GET", _path(model, serial), frozenset({200, 204, 409}))
        return replies.serial_info(self._client.send(request))

    def enable(self, model: str, serial: str, owner: str) -> str:
        """M46, ``POST …/model/<model>/<sn>``: make its client below ``owner`` (a RID), and return the client's RID.

        Raises ``Conflict`` (it has a client already, or the owner no room
        for one), ``NotFound`` and ``NotAllowed`` (not an owner of ours).
        """
        form = names.form([("enable", "true"), ("owner", names.rid(owner))])
        return replies.rid(self._client.send(Request("POST", _path(model, serial), frozenset({200}), form)))

    def regenerate(self, model: str, serial: str) -> None:
        """M48, ``POST …/model/<model>/<sn>``: a new key, to be activated anew; the old one dies at once.

        On a good board this does harm.  Raises ``Conflict`` (never enabled)
        and ``NotFound``.
        """
        self._client.send(Request("POST", _path(model, serial), _CHANGED, names.form([("enable", "true")])))

    def disable(self, model: str, serial: str) -> None:
        """M49, ``POST …/model/<model>/<sn>``: its key dies and its status becomes expired.

        Raises ``Conflict`` (never enabled) and ``NotFound``.
        """
        self._client.send(Request("POST", _path(model, serial), _CHANGED, names.form([("disable", "true")])))

    def delete(self, model: str, serial: str) -> None:
        """M50, ``DELETE …/model/<model>/<sn>``: it is listed no more, and the key of its client dies.

        Raises ``NotFound``.
        """
        self._client.send(Request("DELETE", _path(model, serial), _CHANGED))


def _path(model: str, serial: str) -> str:
    return names.manage("model", names.model(model), names.serial(serial))
