"""With which other vendors a model is shared (API document, 7 and 8.7)."""

from __future__ import annotations

import builtins

from station.fleet.client import names, replies
from station.fleet.client.messages import CHANGED, LISTED, Request, Sender


class Shares:
    """Vendors who may enable boards of our models below their own clients.

    What they share with us is told by ``client.models.shared`` and reached
    by ``client.serials.shared_by``.  Every method raises ``NameUnsafe``
    before anything is sent, and beside the errors that it names the rest of
    ``FleetError``.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self, model: str) -> builtins.list[str]:
        """M51, ``GET /provision/manage/share/<model>/``: the vendors it is shared with, in one answer.

        Raises ``NotFound`` (no such model).
        """
        return replies.column(self._client.send(Request("GET", _all(model), LISTED)))

    def add(self, model: str, vendor: str) -> None:
        """M52, ``POST /provision/manage/share/<model>/``: share it with a vendor; done too if it is already.

        Raises ``NotFound`` (no such model or vendor) and ``Conflict`` (that
        is ourselves).
        """
        form = names.form([("vendor", names.vendor(vendor))])
        self._client.send(Request("POST", _all(model), CHANGED, form))

    def remove(self, model: str, vendor: str) -> None:
        """M53, ``POST /provision/manage/share/<model>/``: the same as ``delete``, by a form.

        Raises ``NotFound`` (not shared with it, or no such model).
        """
        form = names.form([("vendor", names.vendor(vendor)), ("delete", "true")])
        self._client.send(Request("POST", _all(model), CHANGED, form))

    def exists(self, model: str, vendor: str) -> bool:
        """M54, ``GET /provision/manage/share/<model>/<vendorname>``: whether it is shared with the vendor.

        The fleet's 404 is a no.  It may also mean that there is no such
        model, or no such vendor; ``list`` tells.
        """
        return self._client.send(Request("GET", _path(model, vendor), frozenset({204, 404}))).status == 204

    def delete(self, model: str, vendor: str) -> None:
        """M55, ``DELETE /provision/manage/share/<model>/<vendorname>``: share it no more.

        The boards that the vendor enabled live on.  Raises ``NotFound`` (not
        shared with it, or no such model).
        """
        self._client.send(Request("DELETE", _path(model, vendor), CHANGED))


def _all(model: str) -> str:
    return names.manage("share", names.model(model), "")


def _path(model: str, vendor: str) -> str:
    return names.manage("share", names.model(model), names.vendor(vendor))
