"""``/v1/models``: the names that a client may ask for, as the hosted API lists them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.http.answers import json_response
from antiphon.runtime.reception import Reception
from antiphon.wire.pages import Model, ModelList

__all__ = ["Models"]


class Models:
    """The routes around models.

    Args:
        reception: Knows the models, and which key may be used for which.
    """

    def __init__(self, reception: Reception) -> None:
        self._models = reception.models
        self._key_rules = reception.admission.key_rules

    async def all(self, request: Request) -> Response:
        """``GET /v1/models``."""
        models = tuple(map(self._shown, self._names_for(request)))
        return json_response(ModelList(data=models))

    async def one(self, request: Request) -> Response:
        """``GET /v1/models/{model}``."""
        name = request.path_params["model"]
        names = self._names_for(request)
        if name not in names:
            known = ", ".join(names)
            message = f"The model `{name}` does not exist here. Models are: {known}."
            raise RequestError(message, code="model_not_found", param="model")
        return json_response(self._shown(name))

    def _shown(self, name: str) -> Model:
        return Model(id=name, created=int(self._models.since_s))

    def _names_for(self, request: Request) -> list[str]:
        """Return the names that the client's key may be used for."""
        key_name = request.state.access.key_name
        return [
            name
            for name in self._models.names
            if self._key_rules.lets(key_name, name, self._models.named(name).name)
        ]
