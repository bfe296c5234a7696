"""The configuration, read again while the server serves. Sessions that are open are left alone.

Everything that is worked out from it is renewed at once, or nothing is: whatever may be wrong with
it is found out first. What the routes are made of (keys, origins, pages) is not renewed piece by
piece: they are built again, and take the place of those before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from msgspec.structs import fields, replace
from starlette.requests import Request
from starlette.responses import Response

from antiphon.config import Config
from antiphon.errors import ConfigurationError, RequestError
from antiphon.http.answers import json_response
from antiphon.logs import set_up_logs
from antiphon.runtime.reception import Reception

__all__ = ["CHANGEABLE", "Reloaded", "Reloading"]

_log = logging.getLogger(__name__)

CHANGEABLE = frozenset(
    {
        *("api_keys", "keys", "admin_keys", "rate_limits", "prices", "currency", "allow_origins"),
        *("instructions", "prompts", "strict_models", "beta_dialect", "speculation", "console"),
        *("max_sessions", "max_connections", "max_session_s", "session_idle_s", "drain_s"),
        *("log_level", "log_format", "tls", "allow_private_addresses"),
    }
)
"""Fields of :class:`~antiphon.config.Config` that can change while the server serves. Certificates
are read again, but a server without TLS does not begin to speak it."""


class Reloaded(Struct, frozen=True, kw_only=True):
    """What came of reading the configuration again."""

    object: Literal["antiphon.reload"] = "antiphon.reload"
    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]


class Reloading:
    """Reads the configuration again.

    Args:
        reread: Does so. Raises ``ConfigurationError`` if it cannot be used.
        reception: Of the server.
        renew: Has the server itself use another one. Raises ``ConfigurationError``, and changes
            nothing then, if it cannot.
        rebuild: Builds the routes again.
    """

    def __init__(
        self,
        reread: Callable[[], Config],
        reception: Reception,
        *,
        renew: Callable[[Config], None],
        rebuild: Callable[[], None],
    ) -> None:
        self._reread = reread
        self._reception = reception
        self._renew = renew
        self._rebuild = rebuild

    def reload(self) -> Reloaded:
        """Read the configuration and have it hold, as far as that goes without a restart.

        Raises:
            ConfigurationError: There is a mistake in it, or no key any more where one was needed;
                everything is as it was.
        """
        held, wanted = self._reception.config, self._reread()
        names = [field.name for field in fields(Config)]
        differing = [name for name in names if getattr(held, name) != getattr(wanted, name)]
        changed = tuple(name for name in differing if _can_change(name, held, wanted))
        config = replace(held, **{name: getattr(wanted, name) for name in changed})
        if held.needs_key and not config.needs_key:
            message = (
                "It has no API key any more, so that no client would need one. If that is meant, "
                "start the server anew; otherwise give 'api_keys', 'keys' or 'admin_keys'."
            )
            raise ConfigurationError(message)
        openings = self._reception.openings.renewed(config)
        self._renew(config)  # the last that may fail
        self._reception.renew(config, openings)
        if {"log_format", "log_level"} & {*changed}:
            set_up_logs(config.log_format, config.log_level, content=config.log_content)
        self._rebuild()
        stays = tuple(name for name in differing if name not in changed)
        return Reloaded(changed=changed, needs_restart=stays)

    def on_signal(self) -> None:
        """Reload, and leave what came of it to the log."""
        try:
            reloaded = self.reload()
        except ConfigurationError as error:
            _log.error("the configuration stays as it was: %s", error)
            return
        _log.info("the configuration was read again; changed: %s", _listed(reloaded.changed))
        if reloaded.needs_restart:
            _log.warning(
                "what has changed here holds after a restart only: %s",
                _listed(reloaded.needs_restart),
            )

    async def page(self, _request: Request) -> Response:
        """``POST /v1/antiphon/reload``."""
        try:
            return json_response(self.reload())
        except ConfigurationError as error:
            message = f"The configuration stays as it was. {error}"
            raise RequestError(message, code="invalid_configuration") from error


def _can_change(name: str, held: Config, wanted: Config) -> bool:
    if name == "tls":
        return held.tls is not None and wanted.tls is not None
    return name in CHANGEABLE


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
