"""The device's own procedures (API document, 8.1)."""

from __future__ import annotations

from os import PathLike
from typing import BinaryIO

from station.fleet.client import names, replies, transfer
from station.fleet.client.messages import LISTED, VALUE, Credential, Progress, Request, Sender
from station.fleet.client.results import ContentInfo, Part


class Device:
    """What a device may ask of the fleet, asked on its behalf.

    ``cik`` is the device's own key, which works once it is activated.  Every
    method raises ``NameUnsafe`` before anything is sent, and beside the
    errors that it names the rest of ``FleetError``.
    """

    def __init__(self, client: Sender, vendor: str) -> None:
        self._client, self._vendor = client, vendor

    def activate(self, model: str, serial: str) -> str:
        """D1, ``POST /provision/activate``: fetch the board's key (CIK), 40 lower-case hex digits.

        The fleet hands it out once: a second call is a ``Conflict``.  It
        needs no credential, so none is sent.  Raises ``NotFound`` (no such
        vendor, model or serial number), ``Conflict`` (not enabled, expired,
        or already activated) and the rest of ``FleetError``.  It is never
        sent twice: after ``Unanswered`` the key may be lost in the fleet's
        hands, so look at the serial number before anything else.
        """
        form = names.form(
            [("vendor", names.vendor(self._vendor)), ("model", names.model(model)), ("sn", names.serial(serial))],
        )
        request = Request("POST", "/provision/activate", VALUE, form, credential=Credential.NONE)
        return replies.key(self._client.send(request))

    def contents(self, model: str, cik: str) -> list[str]:
        """D2, ``GET /provision/download?vendor=…&model=…``: the ids of the content that it may read.

        Raises ``NotAllowed`` (an unknown key, or one that is no activated
        device's of this vendor and model).
        """
        return replies.column(self._client.send(self._ask(LISTED, model, cik)))

    def download(
        self,
        model: str,
        content: str,
        cik: str,
        into: str | PathLike[str] | BinaryIO,
        *,
        progress: Progress | None = None,
    ) -> ContentInfo:
        """D3, ``GET /provision/download?…&id=<id>``: fetch a content into a file, and return what was fetched.

        ``transfer.download`` tells how: whole or not at all, and resumed
        where it broke off.  Raises ``NotFound`` (no such content, or nothing
        uploaded yet), ``NotAllowed`` (as ``contents``, or it is protected and
        not for this device), ``ContentChanged`` and ``FileFailed``.
        """
        blob = self._ask(VALUE, model, cik, ("id", names.content(content)))
        return transfer.download(self._client, blob, lambda: self.info(model, content, cik), into, progress)

    def read(self, model: str, content: str, cik: str, first: int, last: int) -> Part:
        """D3 with ``Range``: the bytes ``first`` to ``last`` (from 0, both inclusive), cut at the end.

        As small devices fetch, piece after piece; a part is 4 MiB at most,
        and tells the size of the whole.  Raises ``ValueError`` (not such a
        range), ``Refused`` with status 416 (it begins beyond the end) and
        what ``download`` raises of the fleet's.
        """
        return transfer.read(self._client, self._ask(VALUE, model, cik, ("id", names.content(content))), first, last)

    def info(self, model: str, content: str, cik: str) -> ContentInfo:
        """D4, ``GET /provision/download?…&id=<id>&info=true``: its type, size, time and text; not its protection.

        Raises ``BadRequest`` (no such vendor or model), ``NotAllowed`` and
        ``NotFound`` as ``download``.
        """
        request = self._ask(VALUE, model, cik, ("id", names.content(content)), ("info", "true"))
        return replies.content_info(self._client.send(request))

    def _ask(self, answers: frozenset[int], model: str, cik: str, *asking: tuple[str, str]) -> Request:
        space = [("vendor", names.vendor(self._vendor)), ("model", names.model(model))]
        path = names.query("/provision/download", [*space, *asking])
        return Request("GET", path, answers, credential=Credential.DEVICE, cik=cik)
