"""The name under which a client is a vendor (API document, 8.8)."""

from __future__ import annotations

from station.fleet.client import names, replies
from station.fleet.client.messages import CHANGED, LISTED, Credential, Request, Sender

_PATH = "/provision/register"


class Vendor:
    """The vendor's name.  It is the client's whose CIK is the credential; a token is none here.

    Every method raises ``TokenUnusable`` if there is no CIK, and beside the
    errors that it names the rest of ``FleetError``; ``NotAllowed`` means
    that no client has this CIK.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def name(self) -> str:
        """M56, ``GET /provision/register``: the vendor's name that the client holds.

        Raises ``NotFound`` (it holds none).
        """
        return replies.vendor_name(self._client.send(Request("GET", _PATH, LISTED, credential=Credential.HOLDER)))

    def register(self, vendor: str) -> None:
        """M57, ``POST /provision/register``: become a vendor of this name; done too if it is the client's already.

        Raises ``NameUnsafe`` before anything is sent, ``Conflict`` (another
        client holds the name, or this one another name) and ``BadRequest``
        (the fleet doesn't take such a name).
        """
        self._change(("vendor", names.vendor(vendor)))

    def unregister(self, vendor: str) -> None:
        """M58, ``POST /provision/register``: give up the name.

        Raises ``NameUnsafe`` before anything is sent, ``Conflict`` (the
        vendor still has models) and ``NotFound`` (the client doesn't hold
        this name).
        """
        self._change(("delete", "true"), ("vendor", names.vendor(vendor)))

    def _change(self, *pairs: tuple[str, str]) -> None:
        self._client.send(Request("POST", _PATH, CHANGED, names.form(pairs), credential=Credential.HOLDER))
