"""``/v1/models``: the names that clients may ask for, as the hosted API lists them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.http.answers import json_response
from antiphon.wire.pages import Model, ModelList

__all__ = ["Models"]


class Models:
    """The routes around models.

    Args:
        names: Model names of the configuration.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    async def all(self, _request: Request) -> Response:
        """``GET /v1/models``."""
        return json_response(ModelList(data=tuple(Model(id=name) for name in self._names)))

    async def one(self, request: Request) -> Response:
        """``GET /v1/models/{model}``."""
        name = request.path_params["model"]
        if name not in self._names:
            known = ", ".join(self._names)
            message = f"The model `{name}` does not exist here. Models are: {known}."
            raise RequestError(message, code="model_not_found", param="model")
        return json_response(Model(id=name))
