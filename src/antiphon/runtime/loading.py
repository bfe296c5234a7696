"""Loads the engines that a configuration names: each once, however many models share it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import msgspec
from msgspec.structs import replace

from antiphon.config import Config, ModelChoice
from antiphon.engines.base import Engine, Role
from antiphon.engines.catalogue import catalogue_with
from antiphon.engines.choices import Choice, choice_of
from antiphon.engines.failover import with_fallbacks
from antiphon.engines.guard import Limits, guarded
from antiphon.engines.hearing import Denoiser, Transcriber, TurnPredictor, VoiceDetector
from antiphon.engines.registry import load_engine
from antiphon.engines.speaking import Synthesizer
from antiphon.engines.thinking import LanguageModel
from antiphon.errors import WeightsError
from antiphon.runtime.engine_set import EngineSet, SpokenVoice
from antiphon.runtime.models import Models

__all__ = ["load_for", "load_models"]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def load_models(config: Config) -> AsyncIterator[Models]:
    """Load the engines of all models; close them at the end.

    Raises:
        AntiphonError: One of them cannot be loaded; those loaded before are closed.
    """
    async with AsyncExitStack() as stack:
        loader = _Loader(config, stack)
        own = [model for model in config.models.values() if model.upstream is None]
        by_choice = {id(model): await loader.engines_of(model) for model in own}
        yield Models(config, lambda model: by_choice[id(model)])


async def load_for(config: Config, role: Role, chosen: str | Choice | None) -> Engine:
    """Load one engine as a configuration wants it, without a guard.

    Args:
        config: Says where weights are, and what scripted engines act out.
        role: What it is to do.
        chosen: Which one; ``None`` for the role's default.

    Raises:
        AntiphonError: It cannot be loaded.
    """
    began = time.monotonic()
    choice = choice_of(chosen) if chosen else None
    acts = choice is not None and choice.use == "scripted" and "script" not in choice.options
    script = {"script": config.script} if acts and config.script is not None else {}
    threads = os.cpu_count() or 1 if role == "language_model" else 1
    engine = await load_engine(
        role,
        chosen,
        home=config.home,
        catalogue=catalogue_with(config.catalogue),
        threads=threads,
        options=script,
    )
    took_s = time.monotonic() - began
    _log.info("%s %s loaded in %.1f s", role, engine.info.name, took_s)
    return engine


class _Loader:
    """Loads engines, and remembers those that are loaded.

    Args:
        config: The operator's choices.
        stack: Closes them.
    """

    def __init__(self, config: Config, stack: AsyncExitStack) -> None:
        self._config = config
        self._stack = stack
        self._loaded: dict[bytes, Engine] = {}

    async def engines_of(self, model: ModelChoice) -> EngineSet:
        """Return the engines of a model."""
        config = self._config
        transcriber = await self._engine("transcriber", model.transcriber or config.transcriber)
        language_model = await self._engine(
            "language_model", model.language_model or config.language_model
        )
        synthesizer = await self._engine("synthesizer", model.synthesizer or config.synthesizer)
        return EngineSet(
            voice_detector=cast(
                "VoiceDetector", await self._engine("voice_detector", config.voice_detector)
            ),
            denoiser=cast("Denoiser", await self._engine("denoiser", config.denoiser)),
            turn_predictor=await self._turn_predictor(),
            transcriber=cast("Transcriber", transcriber),
            language_model=cast("LanguageModel", language_model),
            synthesizer=cast("Synthesizer", synthesizer),
            voice_names=_voice_names(config, model),
        )

    async def _turn_predictor(self) -> TurnPredictor | None:
        chosen = self._config.turn_predictor
        try:
            return cast("TurnPredictor", await self._engine("turn_predictor", chosen))
        except WeightsError as error:
            if chosen is not None:
                raise
            # Turns end without it as well, if not as surely.
            _log.warning("no turn predictor: %s", error)
            return None

    async def _engine(self, role: Role, chosen: str | Choice | None) -> Engine:
        key = msgspec.json.encode((role, choice_of(chosen) if chosen else None))
        if key not in self._loaded:
            choice = choice_of(chosen) if chosen else None
            if choice is not None and choice.fallback:
                stand_ins = [await self._engine(role, one) for one in choice.fallback]
                first = await self._engine(role, replace(choice, fallback=()))
                self._loaded[key] = with_fallbacks(role, [first, *stand_ins])
            else:
                self._loaded[key] = await self._load(role, chosen)
        return self._loaded[key]

    async def _load(self, role: Role, chosen: str | Choice | None) -> Engine:
        async def load() -> Engine:
            return await load_for(self._config, role, chosen)

        engine = guarded(await load(), _limits(chosen), load)
        self._stack.push_async_callback(engine.aclose)
        return engine


def _limits(chosen: str | Choice | None) -> Limits:
    if chosen is None:
        return Limits()
    choice = choice_of(chosen)
    return Limits(parallel=choice.parallel, queue_s=choice.queue_s, stall_s=choice.stall_s)


def _voice_names(config: Config, model: ModelChoice) -> dict[str, SpokenVoice]:
    names = config.voices if model.voices is None else model.voices
    return {
        name: SpokenVoice(one) if isinstance(one, str) else SpokenVoice(one.voice, one.speed)
        for name, one in names.items()
    }
