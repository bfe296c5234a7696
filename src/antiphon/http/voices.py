"""``/v1/antiphon/voices``: the voices of a model. The hosted API has no such page."""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from antiphon.http.answers import json_response
from antiphon.http.parameters import read_parameters
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.reception import Reception
from antiphon.wire.pages import VoiceList, VoicesQuery

__all__ = ["Voices"]


class Voices:
    """The route of the voices.

    Args:
        reception: Knows the models.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def of_model(self, request: Request) -> Response:
        """``GET /v1/antiphon/voices?model=``: names, the default first.

        None are listed for a model that another service answers for: its voices are not known here.

        Raises:
            RequestError: ``model_not_found``, as with :meth:`Reception.choose_model`.
        """
        wanted = read_parameters(request.query_params, VoicesQuery).model
        name = self._reception.openings.choose_model(None if wanted is UNSET else wanted)
        answered_by = self._reception.models.named(name).answered_by
        voices = answered_by.distinct_voices if isinstance(answered_by, EngineSet) else ()
        return json_response(VoiceList(model=name, voices=tuple(voices)))
