"""What the operator decides: flags over environment over defaults."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path

from msgspec import Struct

from antiphon.engines.weights import default_home
from antiphon.errors import ConfigurationError

__all__ = ["CLIENT_SECRET_PREFIX", "DEFAULT_INSTRUCTIONS", "Config", "load_config"]

DEFAULT_INSTRUCTIONS = (
    "You are a friendly voice assistant. Answer in one or two short, plain sentences, "
    "as you would say them aloud."
)

MAX_SESSIONS = 64
"""Sessions at once, unless the operator says otherwise. More are told to come back later."""


_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#\sA-Z]+")
"""As browsers write it: lower case, without a path."""

CLIENT_SECRET_PREFIX = "ek_"  # noqa: S105 (not a secret itself)
"""What client secrets begin with, by the protocol; clients in browsers insist on it."""


class Config(Struct, frozen=True, kw_only=True):
    """A server's configuration, checked.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 for any free one.
        api_keys: Keys that clients may use; empty for none needed.
        home: Where weights and data are kept.
        transcriber: Catalogue name; ``None`` for the default.
        language_model: Catalogue name; ``None`` for the default.
        synthesizer: Catalogue name; ``None`` for the default.
        voice_detector: Catalogue name; ``None`` for the default.
        script: What scripted engines act out; ``None`` for their rules.
        models: Model names that clients may ask for; the first one is the default.
        strict_models: Whether other model names are refused instead of meaning the default.
        beta_dialect: Whether clients of the beta protocol are served instead of refused.
        instructions: What a session's model is told to be, until its client says otherwise.
        max_sessions: How many sessions may be open at once.
        allow_origins: Origins of web pages that may use the server, ``*`` for all; empty for any
            page if keys are needed, otherwise for pages of this machine.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_keys: tuple[str, ...] = ()
    home: Path
    transcriber: str | None = None
    language_model: str | None = None
    synthesizer: str | None = None
    voice_detector: str | None = None
    script: Path | None = None
    models: tuple[str, ...] = ("antiphon",)
    strict_models: bool = False
    beta_dialect: bool = False
    instructions: str = DEFAULT_INSTRUCTIONS
    max_sessions: int = MAX_SESSIONS
    allow_origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            message = f"The port is {self.port}; it has to be 0 to 65535."
            raise ConfigurationError(message)
        if not self.api_keys and not _is_loopback(self.host):
            message = (
                f"The server would listen on {self.host}, where others can reach it, without an "
                "API key. Give one with --api-key or ANTIPHON_API_KEYS, or listen on 127.0.0.1."
            )
            raise ConfigurationError(message)
        if any(key.startswith(CLIENT_SECRET_PREFIX) for key in self.api_keys):
            message = (
                f"An API key begins with '{CLIENT_SECRET_PREFIX}', which is how client secrets "
                "begin. Choose another key."
            )
            raise ConfigurationError(message)
        for origin in self.allow_origins:
            if not _ORIGIN.fullmatch(origin):
                message = (
                    f"'{origin}' is not an origin. Write it as browsers do, in lower case and "
                    "without a path: --allow-origin https://app.example.org; '*' is all."
                )
                raise ConfigurationError(message)


def load_config(*, api_keys: tuple[str, ...] = (), **flags: object) -> Config:
    """Put a configuration together: ``ANTIPHON_HOME`` and ``ANTIPHON_API_KEYS`` under flags.

    Args:
        api_keys: Keys given as flags; they replace those of the environment.
        flags: Other fields of :class:`Config`; ``None`` leaves the default.

    Raises:
        ConfigurationError: It cannot be used; the message says why and what to do.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    given.setdefault("home", default_home())
    from_environment = os.environ.get("ANTIPHON_API_KEYS", "").split(",")
    keys = api_keys or tuple(key.strip() for key in from_environment if key.strip())
    return Config(api_keys=keys, **given)  # type: ignore[arg-type]  # checked by the command line


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
