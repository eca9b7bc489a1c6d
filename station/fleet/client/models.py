"""The vendor's models (API document, 8.4)."""

from __future__ import annotations

import builtins

from station.fleet.client import names, replies
from station.fleet.client.messages import CHANGED, LISTED, VALUE, Request, Sender
from station.fleet.client.results import ModelInfo, SharedModel


class Models:
    """Product models: the templates that boards' clients are cloned from.

    Every method raises ``NameUnsafe`` before anything is sent, and beside the
    errors that it names the rest of ``FleetError``; ``NotAllowed`` means that
    the credential is not the vendor's.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self) -> builtins.list[str]:
        """M26, ``GET /provision/manage/model/``: the names of all our models, in one answer."""
        return replies.column(self._client.send(Request("GET", _ALL, LISTED)))

    def shared(self) -> builtins.list[SharedModel]:
        """M27, ``GET /provision/manage/model/?show=shared``: what other vendors share with us, in one answer."""
        path = names.query(_ALL, [("show", "shared")])
        return replies.shared_models(self._client.send(Request("GET", path, LISTED)))

    def create(self, model: str, info: ModelInfo) -> None:
        """M28, ``POST /provision/manage/model/``: make a model of a template.

        Raises ``Conflict`` (the name is taken), ``NotFound`` or
        ``BadRequest`` (no such template).
        """
        form = names.form([("model", names.model(model)), *_made_of(info)])
        self._client.send(Request("POST", _ALL, CHANGED, form))

    def remove(self, model: str) -> None:
        """M29, ``POST /provision/manage/model/``: the same as ``delete``, by a form.

        Raises ``NotFound`` (no such model).
        """
        form = names.form([("delete", "true"), ("model", names.model(model))])
        self._client.send(Request("POST", _ALL, CHANGED, form))

    def info(self, model: str) -> ModelInfo:
        """M30, ``GET /provision/manage/model/<model>``: what the model is made of.

        Raises ``NotFound`` (no such model).
        """
        return replies.model_info(self._client.send(Request("GET", _path(model), VALUE)))

    def update(self, model: str, info: ModelInfo) -> None:
        """M31, ``PUT /provision/manage/model/<model>``: take another template for boards that are enabled from now on.

        All options are replaced: what ``info`` doesn't name is cleared.
        Raises ``NotFound`` (no such model, or no such template) and
        ``BadRequest`` (no such template).
        """
        self._client.send(Request("PUT", _path(model), CHANGED, names.form(_made_of(info))))

    def delete(self, model: str) -> None:
        """M32, ``DELETE /provision/manage/model/<model>``: the model goes, and its serial numbers, groups and content.

        The keys of its boards die.  Raises ``NotFound`` (no such model).
        """
        self._client.send(Request("DELETE", _path(model), CHANGED))


_ALL = names.manage("model", "")


def _path(model: str) -> str:
    return names.manage("model", names.model(model))


def _made_of(info: ModelInfo) -> list[tuple[str, str]]:
    template = ("rid", names.rid(info.rid)) if info.rid is not None else ("code", info.code or "")
    return [template, *(("options[]", option.value) for option in sorted(info.options))]
