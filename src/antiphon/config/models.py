"""The models that clients may ask for: which engines answer, and what their sessions begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct

from antiphon.config.upstream import UpstreamChoice
from antiphon.engines.choices import Choice
from antiphon.wire.refusal import InvalidFieldError, explain, listed
from antiphon.wire.session import RealtimeSessionUpdate

__all__ = ["ModelChoice", "VoiceChoice"]

_OFF = "none"
"""Switches a stage of the audio input off, as null does on the wire; TOML has no null."""

_OF_ENGINES = ("transcriber", "language_model", "synthesizer", "voices")
"""What a model has no use for that a service answers for."""

_CAN_BE_OFF = ("turn_detection", "transcription", "noise_reduction")


class VoiceChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A voice of the operator's making.

    Attributes:
        voice: One of the synthesizer's.
        speed: How fast it speaks where a client asks for speed 1.0; it is multiplied with others.
    """

    voice: str
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] = 1.0


class ModelChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What answers under a model name. Whatever is left out is as for the whole server.

    Attributes:
        aliases: Further names for it, for example those of the hosted service.
        transcriber: What turns speech into words.
        language_model: What works out the answer.
        synthesizer: What speaks it.
        voices: The synthesizer's voices by the names that clients have for them.
        upstream: A Realtime service that answers in the place of engines: its address, or a table.
        session: What sessions begin with, worded as in ``session.update``; clients may change it.
            ``"none"`` switches ``turn_detection``, ``transcription`` or ``noise_reduction`` off.
    """

    aliases: tuple[str, ...] = ()
    transcriber: str | Choice | None = None
    language_model: str | Choice | None = None
    synthesizer: str | Choice | None = None
    voices: dict[str, str | VoiceChoice] | None = None
    upstream: str | UpstreamChoice | None = None
    session: dict[str, Any] = {}

    def __post_init__(self) -> None:
        self._check_upstream()
        unknown = self.session.keys() - {*RealtimeSessionUpdate.__struct_fields__, "type"}
        if unknown:
            message = "Unknown parameter: '{param}'. A session has no such setting."
            raise InvalidFieldError(f"session.{min(unknown)}", message, code="unknown_parameter")
        self.session_update()

    @property
    def service(self) -> UpstreamChoice | None:
        """The service that answers, with all there is to say of it; ``None`` if engines do."""
        if isinstance(self.upstream, str):
            return UpstreamChoice(use=self.upstream)
        return self.upstream

    def _check_upstream(self) -> None:
        if self.upstream is None:
            return
        own = [name for name in _OF_ENGINES if getattr(self, name) is not None]
        if own:
            message = (
                f"Invalid '{{param}}': a service answers for this model, so its own {listed(own)} "
                "would do nothing. Leave out one or the other."
            )
            raise InvalidFieldError("upstream", message)
        try:
            _ = self.service
        except InvalidFieldError as error:
            raise InvalidFieldError("upstream", error.message) from None

    def session_update(self) -> RealtimeSessionUpdate:
        """Return what a session begins with, as a client would send it.

        Raises:
            InvalidFieldError: It is not what ``session.update`` takes.
        """
        raw = _with_nulls(self.session)
        try:
            return msgspec.convert(raw, RealtimeSessionUpdate)
        except msgspec.ValidationError as error:
            fault = explain(RealtimeSessionUpdate, raw, error)
            path = f"session.{fault.param}" if fault.param else "session"
            message = fault.message.replace(f"'{fault.param}'", "'{param}'")
            raise InvalidFieldError(path, message) from error


def _with_nulls(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return session settings with what is written as ``"none"`` switched off."""
    audio = session.get("audio", UNSET)
    heard = audio.get("input", UNSET) if isinstance(audio, Mapping) else UNSET
    if not isinstance(heard, Mapping):
        return dict(session)
    off = {name: None for name in _CAN_BE_OFF if heard.get(name) == _OFF}
    return {**session, "audio": {**audio, "input": {**heard, **off}}}
