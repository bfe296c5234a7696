"""``/v1/realtime/translations`` as an upgrade to a WebSocket."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, QueryParams

from antiphon.errors import RequestError
from antiphon.http.client_secrets import Grant, TranslationGrant
from antiphon.http.realtime import RealtimeEndpoint
from antiphon.runtime.openings import Opening

__all__ = ["TranslationEndpoint"]


class TranslationEndpoint(RealtimeEndpoint):
    """ASGI application for the WebSocket routes of translation sessions.

    Who may connect is decided as for the other sessions. There was no translation in the beta
    protocol, so a client that asks for that is served as any other.
    """

    def choose(
        self,
        query: QueryParams,
        headers: Headers,  # noqa: ARG002
        offered: Sequence[str],  # noqa: ARG002
        grant: Grant | None,
    ) -> Opening:
        """Return the translation session that a client connects for.

        Raises:
            RequestError: Its secret is for sessions of another kind, or the server is strict and
                knows no such model.
        """
        if grant is None:
            return self.reception.openings.translation_opening(None, query.get("model"))
        if not isinstance(grant, TranslationGrant):
            message = (
                "The client secret is not for translation sessions. Connect to /v1/realtime, or "
                "ask for a secret at /v1/realtime/translations/client_secrets."
            )
            raise RequestError(message, code="invalid_parameter")
        return self.reception.openings.translation_opening(grant.settings, query.get("model"))
