"""The vendor's tokens, each under a name of its own (API document, 8.8)."""

from __future__ import annotations

import builtins

from station.fleet.client import names, replies
from station.fleet.client.messages import CHANGED, LISTED, VALUE, Credential, Request, Sender

_ALL = names.admin("auth", "")


class Tokens:
    """The secrets that stand for the vendor where models are managed.

    Only the CIK of the client that holds the vendor's name may ask here, so
    that a token that leaked can't make others.  Every method raises
    ``TokenUnusable`` without one, ``NameUnsafe`` before anything is sent,
    and beside the errors that it names the rest of ``FleetError``;
    ``NotAllowed`` means that the CIK is no vendor's.  What ``create`` and
    ``get`` return is secret.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self) -> builtins.list[str]:
        """M59, ``GET /provision/admin/auth/``: the names of all tokens, in one answer."""
        return replies.column(self._client.send(Request("GET", _ALL, LISTED, credential=Credential.HOLDER)))

    def create(self, token_id: str) -> str:
        """M60, ``POST /provision/admin/auth/``: make a token of this name, and return it, 40 lower-case hex digits.

        After ``Unanswered`` it may have been made; ``get`` tells.  Raises
        ``Conflict`` (there is one of this name).
        """
        form = names.form([("id", names.token_id(token_id))])
        return replies.token(self._client.send(Request("POST", _ALL, VALUE, form, credential=Credential.HOLDER)))

    def remove(self, token_id: str) -> None:
        """M61, ``POST /provision/admin/auth/``: the same as ``delete``, by a form.

        Raises ``NotFound`` (there is none).
        """
        form = names.form([("delete", "true"), ("id", names.token_id(token_id))])
        self._client.send(Request("POST", _ALL, CHANGED, form, credential=Credential.HOLDER))

    def get(self, token_id: str) -> str:
        """M62, ``GET /provision/admin/auth/<id>``: the token of this name.

        Raises ``NotFound`` (there is none).
        """
        path = names.admin("auth", names.token_id(token_id))
        return replies.token(self._client.send(Request("GET", path, VALUE, credential=Credential.HOLDER)))

    def delete(self, token_id: str) -> None:
        """M63, ``DELETE /provision/admin/auth/<id>``: the token opens nothing from now on.

        Raises ``NotFound`` (there is none).
        """
        path = names.admin("auth", names.token_id(token_id))
        self._client.send(Request("DELETE", path, CHANGED, credential=Credential.HOLDER))
