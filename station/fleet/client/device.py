"""The device's own procedures (API document, 8.1)."""

from __future__ import annotations

from station.fleet.client import names, replies
from station.fleet.client.messages import Credential, Request, Sender


class Device:
    """What a device may ask of the fleet, asked on its behalf."""

    def __init__(self, client: Sender, vendor: str) -> None:
        self._client, self._vendor = client, vendor

    def activate(self, model: str, serial: str) -> str:
        """D1, ``POST /provision/activate``: fetch the board's key (CIK), 40 lower-case hex digits.

        The fleet hands it out once: a second call is a ``Conflict``.  It
        needs no credential, so none is sent.  Raises ``NotFound`` (no such
        vendor, model or serial number), ``Conflict`` (not enabled, expired,
        or already activated) and the rest of ``FleetError``.  After
        ``Unanswered`` the key may be lost in the fleet's hands.
        """
        form = names.form(
            [("vendor", self._vendor), ("model", names.model(model)), ("sn", names.serial(serial))],
        )
        request = Request("POST", "/provision/activate", frozenset({200}), form, credential=Credential.NONE)
        return replies.key(self._client.send(request))
