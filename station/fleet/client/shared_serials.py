"""What a vendor may do with serial numbers, of its own models and of those that others share (API document, 8.6)."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

from station.fleet.client import names, pages, replies
from station.fleet.client.messages import CHANGED, LISTED, VALUE, Request, Sender
from station.fleet.client.results import Activation, Page, SerialInfo, SerialRow


class SharedSerials:
    """Serial numbers looked at, enabled and disabled.

    On a model that another vendor shares (API document, section 7) only
    those are seen that we enabled ourselves, their texts are empty, and
    ``NotAllowed`` means that the model is not shared, or not any more.

    Every method raises ``NameUnsafe`` before anything is sent, and beside
    the errors that it names the rest of ``FleetError``.
    """

    def __init__(self, client: Sender, *, shared_by: str | None = None) -> None:
        self._client, self._shared_by = client, shared_by

    def list(self, model: str, *, shared_with: str | None = None) -> Iterator[SerialRow]:
        """M33, ``GET …/model/<model>/``: every listed serial number, a page at a time.

        ``shared_with`` leaves those that this vendor enabled, with whom we
        share the model.  Numbers that are only in a range are not among
        them.  If lines are deleted meanwhile, others may be passed over.
        Raises ``NotFound`` (no such model).
        """
        asking = _asking(shared_with)
        return pages.walk(self._client, _all(model), replies.serial_rows, asking, shared_by=self._shared_by)

    def page(self, model: str, offset: int = 0, limit: int = 500, *, shared_with: str | None = None) -> Page:
        """M33, ``GET …/model/<model>/?offset=…&limit=…``: some of the listed serial numbers, in the fleet's order.

        The fleet gives 5 to 1000, so a ``limit`` beyond is brought there.
        Raises ``ValueError`` (a negative offset) and ``NotFound`` (no such
        model).
        """
        if offset < 0:
            raise ValueError("a list begins at offset 0")
        limit = pages.clamp(limit)
        path = pages.paged(_all(model), offset, limit, _asking(shared_with))
        reply = self._client.send(Request("GET", path, LISTED, shared_by=self._shared_by))
        return Page(tuple(replies.serial_rows(reply)), offset, limit)

    def info(self, model: str, serial: str) -> SerialInfo:
        """M43, ``GET …/model/<model>/<sn>``: its status, RID and text.

        A 204 means unused; a 409 orphaned, which is a status here and no
        error.  Raises ``NotFound`` (not listed and in no range, or no such
        model).
        """
        answers = frozenset({200, 204, 409})
        return replies.serial_info(
            self._client.send(Request("GET", _path(model, serial), answers, shared_by=self._shared_by))
        )

    def log(self, model: str, serial: str) -> builtins.list[Activation]:
        """M45, ``GET …/model/<model>/<sn>?show=log``: its successful activations, the oldest first, in one answer.

        Raises ``NotFound`` (not listed, or no such model).
        """
        path = names.query(_path(model, serial), [("show", "log")])
        return replies.activations(self._client.send(Request("GET", path, LISTED, shared_by=self._shared_by)))

    def enable(self, model: str, serial: str, owner: str) -> str:
        """M46, ``POST …/model/<model>/<sn>``: make its client below ``owner`` (a RID), and return the client's RID.

        Its key can be fetched once, within 24 hours.  Never sent twice:
        after ``Unanswered`` the client may be there, so look (``info``)
        before anything else.  Raises ``Conflict`` (it has a client already,
        or the owner no room for one), ``NotFound`` and ``NotAllowed`` (not an
        owner of ours).
        """
        form = names.form([("enable", "true"), ("owner", names.rid(owner))])
        request = Request("POST", _path(model, serial), VALUE, form, shared_by=self._shared_by)
        return replies.rid(self._client.send(request))

    def remap(self, model: str, old: str, new: str) -> None:
        """M47, ``POST …/model/<model>/<new>``: give ``new`` the client of ``old``, with its data, under a new key.

        ``new`` is to be activated; ``old`` stays, unused.  Raises
        ``Conflict`` (``new`` has a client, or ``old`` has none) and
        ``NotFound`` (one of them is not listed).  After ``Unanswered`` look
        at ``new``: sent again it would be a ``Conflict`` that says nothing.
        """
        self._change(model, new, ("enable", "true"), ("oldsn", names.serial(old)))

    def regenerate(self, model: str, serial: str) -> None:
        """M48, ``POST …/model/<model>/<sn>``: a new key, to be activated anew; the old one dies at once.

        On a good board this does harm, so look (``info``) first, and again
        after ``Unanswered``: it is never sent twice.  Raises ``Conflict``
        (never enabled) and ``NotFound``.
        """
        self._change(model, serial, ("enable", "true"))

    def disable(self, model: str, serial: str) -> None:
        """M49, ``POST …/model/<model>/<sn>``: its key dies and its status becomes expired.

        Raises ``Conflict`` (never enabled) and ``NotFound``.
        """
        self._change(model, serial, ("disable", "true"))

    def _change(self, model: str, serial: str, *pairs: tuple[str, str]) -> None:
        form = names.form(pairs)
        self._client.send(Request("POST", _path(model, serial), CHANGED, form, shared_by=self._shared_by))


def _all(model: str) -> str:
    return names.manage("model", names.model(model), "")


def _path(model: str, serial: str) -> str:
    return names.manage("model", names.model(model), names.serial(serial))


def _asking(shared_with: str | None) -> list[tuple[str, str]]:
    shared = [] if shared_with is None else [("shared", names.vendor(shared_with))]
    return [*shared, ("status", "true")]
