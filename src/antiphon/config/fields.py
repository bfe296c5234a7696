"""What the operator decides, field by field, and which choices do not go together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_args

import msgspec
from msgspec import Meta, Struct

from antiphon.config.keys import ApiKey, Limits, digest_of
from antiphon.config.models import ModelChoice, VoiceChoice
from antiphon.config.webrtc import WebRtcChoice
from antiphon.core.plan import Speculation
from antiphon.core.prompts import StoredPrompt
from antiphon.engines.base import Role
from antiphon.engines.choices import Choice, choice_of
from antiphon.errors import ConfigurationError

__all__ = ["CLIENT_SECRET_PREFIX", "DEFAULT_INSTRUCTIONS", "Config", "InvalidSettingError"]

DEFAULT_INSTRUCTIONS = (
    "You are a friendly voice assistant. Answer in one or two short, plain sentences, "
    "as you would say them aloud."
)

DEFAULT_MODEL = "antiphon"
"""What the one model is called where the operator names none."""

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
        api_keys: Keys that clients may use, plain or as ``sha256:HEX``; without these and ``keys``
            none is needed.
        keys: Further keys, with names and limits of their own.
        rate_limits: What each key without limits of its own may use; ``None`` for any amount.
        home: Where weights and data are kept.
        catalogue: TOML file with engines that the operator knows by name, over the built-in ones.
        transcriber: What turns speech into words: a name of the catalogue, a path, the address of a
            server, or a table; ``None`` for the default, here and below.
        language_model: What works out answers.
        synthesizer: What speaks them.
        voice_detector: What says when somebody speaks.
        turn_predictor: What says whether somebody who pauses has finished.
        denoiser: What takes noise out of what is heard.
        speculation: What is worked out while a speaker pauses, before it is known whether the turn
            is over: ``off``, the ``words``, or whole ``answers``. Work that is needed goes first.
            ``None`` for answers, but nothing where engines act out a script: in that, each request
            counts.
        script: What scripted engines act out; ``None`` for their rules.
        models: What clients may ask for, by name; the first one is the default.
        strict_models: Whether other model names are refused instead of meaning the default.
        beta_dialect: Whether clients of the beta protocol are served instead of refused.
        instructions: What a session's model is told to be, until its client says otherwise.
        max_sessions: How many sessions may be open at once.
        allow_origins: Origins of web pages that may use the server, ``*`` for all; empty for any
            page if keys are needed, otherwise for pages of this machine.
        voices: The synthesizer's voices by the names that clients have for them.
        prompts: Instructions that clients may ask for by id.
        webrtc: How clients reach the server for calls.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_keys: tuple[str, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    rate_limits: Limits | None = None
    home: Path
    catalogue: Path | None = None
    transcriber: str | Choice | None = None
    language_model: str | Choice | None = None
    synthesizer: str | Choice | None = None
    voice_detector: str | Choice | None = None
    turn_predictor: str | Choice | None = None
    denoiser: str | Choice | None = None
    speculation: Speculation | None = None
    script: Path | None = None
    models: dict[str, ModelChoice] = msgspec.field(
        default_factory=lambda: {DEFAULT_MODEL: ModelChoice()}
    )
    strict_models: bool = False
    beta_dialect: bool = False
    instructions: str = DEFAULT_INSTRUCTIONS
    max_sessions: Annotated[int, Meta(ge=1)] = MAX_SESSIONS
    allow_origins: tuple[str, ...] = ()
    voices: dict[str, str | VoiceChoice] = {}
    prompts: dict[str, StoredPrompt] = {}
    webrtc: WebRtcChoice = WebRtcChoice()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            message = f"The port is {self.port}; it has to be 0 to 65535."
            raise InvalidSettingError("port", message)
        if not self.needs_key and not self.listens_on_loopback:
            message = (
                f"The server would listen on {self.host}, where others can reach it, without an "
                "API key. Give one with --api-key or ANTIPHON_API_KEYS, or listen on 127.0.0.1."
            )
            raise InvalidSettingError("host", message)
        if any(key.startswith(CLIENT_SECRET_PREFIX) for key in self.api_keys):
            message = (
                f"An API key begins with '{CLIENT_SECRET_PREFIX}', which is how client secrets "
                "begin. Choose another key."
            )
            raise InvalidSettingError("api_keys", message)
        _check_keys(self)
        _check_names(self)
        for origin in self.allow_origins:
            if not _ORIGIN.fullmatch(origin):
                message = (
                    f"'{origin}' is not an origin. Write it as browsers do, in lower case and "
                    "without a path: --allow-origin https://app.example.org; '*' is all."
                )
                raise InvalidSettingError("allow_origins", message)

    @property
    def needs_key(self) -> bool:
        """Whether clients need an API key."""
        return bool(self.api_keys or self.keys)

    @property
    def listens_on_loopback(self) -> bool:
        """Whether only clients of this machine reach the server."""
        return _is_loopback(self.host)

    def engine_choices(self) -> Iterator[tuple[Role, str | Choice | None]]:
        """Yield every engine that is configured, fallbacks too; those that are alike, once.

        The roles come in the order of :data:`antiphon.engines.base.Role`; ``None`` is the default.
        """
        seen = set()
        for role in get_args(Role):
            everywhere = getattr(self, role)
            by_engines = [model for model in self.models.values() if model.service is None]
            own = [getattr(model, role, None) or everywhere for model in by_engines]
            for chosen in own:
                for one in (chosen, *(choice_of(chosen).fallback if chosen else ())):
                    written = msgspec.json.encode(one)
                    if (role, written) not in seen:
                        seen.add((role, written))
                        yield role, one

    def key_digests(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the SHA-256 digest of every API key.

        Keys that were given no name are called by their place: ``api_keys[0]``.

        Raises:
            ValueError: A key begins like a hash and is none.
        """
        for index, key in enumerate(self.api_keys):
            yield f"api_keys[{index}]", digest_of(key)
        for named in self.keys:
            yield named.name, digest_of(named.hash)


class InvalidSettingError(ConfigurationError):
    """A field of a configuration cannot be used, by itself or with the others.

    Attributes:
        field: Its name.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _check_keys(config: Config) -> None:
    """Check that keys can be told apart.

    Raises:
        InvalidSettingError: A name or a key is there twice, or a hash is none.
    """
    names: dict[bytes, str] = {}
    try:
        for name, digest in config.key_digests():
            if name in names.values():
                message = f"Two keys are called '{name}'. Give each a name of its own."
                raise InvalidSettingError("keys", message)
            if digest in names:
                message = f"'{names[digest]}' and '{name}' are the same key. Leave one of them out."
                raise InvalidSettingError("keys" if config.keys else "api_keys", message)
            names[digest] = name
    except ValueError as error:
        message = f"An entry of 'api_keys' is no key: {error}"
        raise InvalidSettingError("api_keys", message) from None


def _check_names(config: Config) -> None:
    """Check that there is a model, and that each can be told by its names.

    Raises:
        InvalidSettingError: There is none, or a name is that of two.
    """
    if not config.models:
        message = "There is no model that clients could ask for. Leave 'models' out, or name one."
        raise InvalidSettingError("models", message)
    owners: dict[str, str] = {}
    for model, choice in config.models.items():
        for name in (model, *choice.aliases):
            owner = owners.setdefault(name, model)
            if owner != model:
                message = f"'{name}' names the models '{owner}' and '{model}'. Rename one of them."
                raise InvalidSettingError("models", message)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
