"""The entry points. The client library is imported only by those who want a server."""

from __future__ import annotations

from importlib import import_module

from antiphon.engines.base import Engine, EngineSettings
from antiphon.errors import EngineError, Stage

__all__ = ["create_language_model", "create_synthesizer", "create_transcriber"]


def create_transcriber(settings: EngineSettings) -> Engine:
    """Make a transcriber of a server; options as in ``transcriber.TranscriberOptions``.

    Raises:
        EngineError: The package ``openai`` is not installed, or an option is wrong.
    """
    return _create("transcriber", settings, "transcribe")


def create_language_model(settings: EngineSettings) -> Engine:
    """Make a language model of a server; options as in ``chat.LanguageModelOptions``.

    Raises:
        EngineError: The package ``openai`` is not installed, or an option is wrong.
    """
    return _create("language_model", settings, "generate")


def create_synthesizer(settings: EngineSettings) -> Engine:
    """Make a synthesizer of a server; options as in ``synthesizer.SynthesizerOptions``.

    Raises:
        EngineError: The package ``openai`` is not installed, or an option is wrong.
    """
    return _create("synthesizer", settings, "synthesize")


def _create(module: str, settings: EngineSettings, stage: Stage) -> Engine:
    try:
        import openai  # noqa: F401, PLC0415 (an optional extra)
    except ImportError as error:
        message = "the package openai is not installed; install antiphon[http]"
        raise EngineError(message, stage=stage, code="not_installed") from error
    engine: Engine = import_module(f"antiphon.engines.http.{module}").create(settings)
    return engine
