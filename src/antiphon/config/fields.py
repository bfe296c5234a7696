"""What the operator decides, field by field, and which choices do not go together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct

from antiphon.config.checks import CLIENT_SECRET_PREFIX, InvalidSettingError, check, is_loopback
from antiphon.config.keys import ApiKey, Limits, digest_of, name_of
from antiphon.config.models import ModelChoice, VoiceChoice
from antiphon.config.prices import Price
from antiphon.config.tls import TlsChoice
from antiphon.config.tracing import TracingChoice
from antiphon.config.webrtc import WebRtcChoice
from antiphon.core.plan import Speculation
from antiphon.core.prompts import StoredPrompt
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.engines.base import Role
from antiphon.engines.choices import Choice, with_fallbacks
from antiphon.engines.options import LONGEST_S, Seconds
from antiphon.logs import LogFormat, LogLevel
from antiphon.store.choices import StoreChoice

__all__ = ["CLIENT_SECRET_PREFIX", "DEFAULT_INSTRUCTIONS", "Config", "InvalidSettingError"]

DEFAULT_INSTRUCTIONS = (
    "You are a friendly voice assistant. Answer in one or two short, plain sentences, "
    "as you would say them aloud."
)

DEFAULT_MODEL = "antiphon"
"""What the one model is called where the operator names none."""

MAX_SESSIONS = 64
"""Sessions at once, unless the operator says otherwise. More are told to come back later."""

MAX_CONNECTIONS = 256
"""Connections that are no sessions: requests, and clients that have not said what they want."""

DRAIN_S = 30.0
"""How long sessions may go on once the server is told to end. Service managers have to wait longer
before they kill it: by default systemd does, with 90 s, and Docker, with 10 s, does not."""

SESSION_IDLE_S = 0.0
"""As with the hosted service: a session that is not used lasts as long as any other, an hour."""


class Config(Struct, frozen=True, kw_only=True):
    """A server's configuration, checked.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 for any free one.
        api_keys: Keys that clients may use, plain or as ``sha256:HEX``; without these and ``keys``
            none is needed.
        keys: Further keys, with names and limits of their own.
        admin_keys: Keys of those who run the server: they may do all that other keys may, and see
            and do what concerns everybody. Plain or as ``sha256:HEX``.
        rate_limits: What each key without limits of its own may use; ``None`` for any amount.
        prices: What a million tokens of a model cost, by its name, or by a pattern such as ``*``;
            the first that fits holds.
        currency: What prices and limits of what is spent are in. Nothing is converted.
        allow_anyone: Whether the server may listen where others reach it without needing a key.
        tls: The certificate with which it speaks TLS; ``None`` for plain HTTP.
        trusted_proxies: Addresses and networks of proxies that are believed for whom and by which
            scheme they pass requests on (``X-Forwarded-For``, ``X-Forwarded-Proto``); anybody else
            could say anything.
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
        max_connections: How many connections may be open besides, which are no sessions (yet).
        max_session_s: How long a session lasts at most.
        session_idle_s: How long one lasts in which nobody sends anything and nothing is worked out;
            0 for as long as any other.
        drain_s: How long sessions may go on once the server is told to end (``SIGTERM``).
        allow_origins: Origins of web pages that may use the server, ``*`` for all; empty for any
            page if keys are needed, otherwise for pages of this machine. The console may always,
            by a name that cannot be another's.
        allow_private_addresses: Networks besides the public internet in which MCP servers may be
            that clients name, such as ``127.0.0.0/8``; ``*`` for all.
        console: Whether the console is served, at ``/``.
        voices: The synthesizer's voices by the names that clients have for them.
        prompts: Instructions that clients may ask for by id.
        webrtc: How clients reach the server for calls.
        store: What is kept of responses and conversations, where, and for how long.
        log_level: The least that a line of the log has to matter.
        log_format: Lines of ``text`` for people, or of ``json`` for programs.
        log_content: Whether the log holds what is said and written as well, at level ``debug``, and
            what other servers say of it.
        tracing: Which sessions are traced, and where the traces go.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_keys: tuple[str, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    admin_keys: tuple[str, ...] = ()
    rate_limits: Limits | None = None
    prices: dict[str, Price] = {}
    currency: Annotated[str, Meta(min_length=1)] = "USD"
    allow_anyone: bool = False
    tls: TlsChoice | None = None
    trusted_proxies: tuple[str, ...] = ()
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
    max_connections: Annotated[int, Meta(ge=1)] = MAX_CONNECTIONS
    max_session_s: Seconds = SESSION_LIFETIME_S
    session_idle_s: Annotated[float, Meta(ge=0, le=LONGEST_S)] = SESSION_IDLE_S
    drain_s: Annotated[float, Meta(ge=0, le=LONGEST_S)] = DRAIN_S
    allow_origins: tuple[str, ...] = ()
    allow_private_addresses: tuple[str, ...] = ()
    console: bool = True
    voices: dict[str, str | VoiceChoice] = {}
    prompts: dict[str, StoredPrompt] = {}
    webrtc: WebRtcChoice = WebRtcChoice()
    store: StoreChoice = StoreChoice()
    log_level: LogLevel = "warning"
    log_format: LogFormat = "text"
    log_content: bool = False
    tracing: TracingChoice = TracingChoice()

    def __post_init__(self) -> None:
        check(self)

    @property
    def needs_key(self) -> bool:
        """Whether clients need an API key."""
        return bool(self.api_keys or self.keys or self.admin_keys)

    @property
    def admin_names(self) -> tuple[str, ...]:
        """What the admin keys are called; see :meth:`key_digests`."""
        return tuple(name_of("admin", digest_of(line)) for line in self.admin_keys)

    @property
    def listens_on_loopback(self) -> bool:
        """Whether only clients of this machine reach the server."""
        return is_loopback(self.host)

    def chosen_for(self, model: str, field: str) -> tuple[str, Any]:
        """Return what a model uses of a field, its own or that of all, after the key of it."""
        own = getattr(self.models[model], field, None)
        return (field, getattr(self, field)) if own is None else (f"models.{model}.{field}", own)

    def engine_uses(self) -> Iterator[tuple[str, Role, str | Choice | None]]:
        """Yield the name of each model with every engine that works for it, fallbacks too.

        The roles come in the order of :data:`antiphon.engines.base.Role`; ``None`` is the default.
        """
        for role in get_args(Role):
            for name, model in self.models.items():
                if model.service is None:
                    _, chosen = self.chosen_for(name, role)
                    for one in with_fallbacks(chosen) if chosen else (None,):
                        yield name, role, one

    def engine_choices(self) -> Iterator[tuple[Role, str | Choice | None]]:
        """Yield every engine that is configured and used, as :meth:`engine_uses` does.

        Those that are alike come once.
        """
        seen = set()
        for _, role, one in self.engine_uses():
            written = msgspec.json.encode(one)
            if (role, written) not in seen:
                seen.add((role, written))
                yield role, one

    def key_lines(self) -> Iterator[tuple[str, str | None, str]]:
        """Yield the field, the name and what is written of every API key, plain or hashed.

        The name is ``None`` where none was given.
        """
        for line in self.api_keys:
            yield "api_keys", None, line
        for named in self.keys:
            yield "keys", named.name, named.hash
        for line in self.admin_keys:
            yield "admin_keys", None, line

    def key_digests(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the SHA-256 digest of every API key; see :func:`name_of`."""
        for field, name, line in self.key_lines():
            digest = digest_of(line)
            kind = "admin" if field == "admin_keys" else "key"
            yield name or name_of(kind, digest), digest
