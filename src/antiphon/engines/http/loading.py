"""A look at the server while an engine is loaded.

A server may be started after Antiphon, so nothing that is found here is fatal: it is logged, with
what to do about it.
"""

from __future__ import annotations

import logging
from difflib import get_close_matches

import httpx2
import msgspec
import openai

from antiphon.engines.http.failures import failure_of
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.server import Server, lend_server
from antiphon.errors import EngineError, Stage

__all__ = ["borrowed", "find_voices"]

_log = logging.getLogger(__name__)

_SHOWN_MODELS = 20
"""Some servers list hundreds."""


class _Voice(msgspec.Struct):
    """A voice, as servers of Kokoro and others list it; they do not agree on the field."""

    id: str | None = None
    name: str | None = None
    voice_id: str | None = None


class _Voices(msgspec.Struct):
    voices: tuple[str | _Voice, ...]


def borrowed(options: ServerOptions, name: str, stage: Stage) -> Server:
    """Return the server of an engine, looked at.

    Args:
        options: Where it is, and the model that it should have.
        name: The engine's name, for the log.
        stage: What failures belong to.

    Raises:
        EngineError: Code ``invalid_options``: the address is none.
    """
    try:
        server = lend_server(options)
    except httpx2.InvalidURL as error:
        message = f"the option base_url of {name} is no address: {options.base_url!r}: {error}"
        raise EngineError(message, stage=stage, code="invalid_options") from error
    try:
        models = server.look_up_models()
    except openai.NotFoundError:
        return server  # many small servers list nothing
    except (openai.OpenAIError, ValueError) as error:
        remark = failure_of(error, stage).remark
        _log.warning("%s: %s %s", name, server.base_url, remark)
        return server
    if options.model is not None and models and options.model not in models:
        _log.warning("%s: %s %s", name, server.base_url, _lacks(options.model, models))
    return server


def find_voices(server: Server) -> tuple[str, ...]:
    """Ask a server for its voices (``/audio/voices``); empty if it does not say. Blocks."""
    try:
        listed = msgspec.convert(server.get("/audio/voices"), _Voices)
    except (openai.OpenAIError, ValueError):
        return ()
    return tuple(name for voice in listed.voices if (name := _name(voice)))


def _name(voice: str | _Voice) -> str | None:
    if isinstance(voice, str):
        return voice
    return voice.id or voice.voice_id or voice.name


def _lacks(model: str, models: tuple[str, ...]) -> str:
    nearest = get_close_matches(model, models, 1, cutoff=0.4)
    question = f", did you mean {nearest[0]!r}?" if nearest else ""
    listed = ", ".join(models[:_SHOWN_MODELS])
    more = f" and {len(models) - _SHOWN_MODELS} more" if len(models) > _SHOWN_MODELS else ""
    return f"lists no model {model!r}{question} (it has: {listed}{more})"
