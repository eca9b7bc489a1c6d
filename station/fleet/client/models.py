"""The vendor's models (API document, 8.4)."""

from __future__ import annotations

from station.fleet.client import names, replies
from station.fleet.client.messages import Request, Sender
from station.fleet.client.replies import ModelInfo


class Models:
    """Product models: the templates that boards' clients are cloned from."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def create(self, model: str, info: ModelInfo) -> None:
        """M28, ``POST /provision/manage/model/``: make a model of a template.

        Raises ``Conflict`` (the name is taken), ``NotFound`` or
        ``BadRequest`` (no such template) and the rest of ``FleetError``.
        """
        template = ("rid", names.rid(info.rid)) if info.rid is not None else ("code", info.code or "")
        options = [("options[]", option.value) for option in sorted(info.options)]
        form = names.form([("model", names.model(model)), template, *options])
        self._client.send(Request("POST", names.manage("model", ""), frozenset({205}), form))

    def info(self, model: str) -> ModelInfo:
        """M30, ``GET /provision/manage/model/<model>``: what the model is made of.

        Raises ``NotFound`` and the rest of ``FleetError``.
        """
        path = names.manage("model", names.model(model))
        return replies.model_info(self._client.send(Request("GET", path, frozenset({200}))))
