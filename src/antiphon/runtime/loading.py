"""Loads the engines that a configuration names: each once, however many models share it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from antiphon.config import Config, InvalidSettingError, VoiceChoice
from antiphon.engines.base import Engine, Role
from antiphon.engines.catalogue import catalogue_with
from antiphon.engines.choices import Choice, candidate, choice_of
from antiphon.engines.failover import with_fallbacks
from antiphon.engines.guard import Limits, guarded
from antiphon.engines.hearing import Denoiser, Transcriber, TurnPredictor, VoiceDetector
from antiphon.engines.registry import load_engine, status
from antiphon.engines.speaking import Synthesizer
from antiphon.engines.thinking import LanguageModel
from antiphon.errors import ConfigurationError, EngineError, WeightsError
from antiphon.runtime.engine_set import EngineSet, SpokenVoice
from antiphon.runtime.models import Models

__all__ = ["EngineOf", "engines_of", "load_for", "load_models"]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def load_models(config: Config) -> AsyncIterator[Models]:
    """Load the engines of all models; close them at the end.

    Raises:
        AntiphonError: One of them cannot be loaded; those loaded before are closed.
    """
    async with AsyncExitStack() as stack:
        loader = _Loader(config, stack)
        by_engines = [name for name, model in config.models.items() if model.upstream is None]
        sets = {
            id(config.models[name]): await engines_of(config, name, loader.engine)
            for name in by_engines
        }
        yield Models(config, lambda model: sets[id(model)])


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


EngineOf = Callable[[Role, str | Choice | None], Awaitable[Engine]]
"""Returns the engine that a choice stands for, without its fallbacks."""


async def engines_of(config: Config, name: str, engine_of: EngineOf) -> EngineSet:
    """Put the engines of a model together.

    Args:
        config: The operator's choices.
        name: Of a model that no service answers for.
        engine_of: Returns the engine that each of them is made of. Raises ``WeightsError`` for a
            turn predictor that nobody chose if there is none.

    Raises:
        InvalidSettingError: One that was chosen cannot be used, or they do not go together.
        AntiphonError: A default cannot be used.
    """

    async def made(role: Role) -> Engine:
        with _named(config, name, role) as chosen:
            return await _with_stand_ins(role, chosen, engine_of)

    voice_detector = cast("VoiceDetector", await made("voice_detector"))
    denoiser = cast("Denoiser", await made("denoiser"))
    turn_predictor = await _turn_predictor(config, made)
    transcriber = cast("Transcriber", await made("transcriber"))
    language_model = cast("LanguageModel", await made("language_model"))
    synthesizer = cast("Synthesizer", await made("synthesizer"))
    with _named(config, name, "voices") as voices:
        return EngineSet(
            voice_detector=voice_detector,
            denoiser=denoiser,
            turn_predictor=turn_predictor,
            transcriber=transcriber,
            language_model=language_model,
            synthesizer=synthesizer,
            voice_names=_voice_names(voices),
        )


@contextmanager
def _named(config: Config, model: str, field: str) -> Iterator[Any]:
    """Yield what was chosen for a model, and let what is wrong with it be told with its key."""
    key, chosen = config.chosen_for(model, field)
    try:
        yield chosen
    except (ConfigurationError, WeightsError, EngineError) as error:
        if not chosen:
            raise
        raise InvalidSettingError(key.partition(".")[0], f"{key}: {error}") from error


async def _turn_predictor(
    config: Config, made: Callable[[Role], Awaitable[Engine]]
) -> TurnPredictor | None:
    try:
        return cast("TurnPredictor", await made("turn_predictor"))
    except WeightsError as error:
        if config.turn_predictor is not None:
            raise
        # Turns end without it as well, if not as surely.
        _log.warning("no turn predictor: %s", error)
        return None


async def _with_stand_ins(role: Role, chosen: str | Choice | None, engine_of: EngineOf) -> Engine:
    choice = choice_of(chosen) if chosen else None
    if choice is None or not choice.fallback:
        return await engine_of(role, choice)
    stand_ins = [await _with_stand_ins(role, one, engine_of) for one in choice.fallback]
    first = await engine_of(role, replace(choice, fallback=()))
    return with_fallbacks(role, [first, *stand_ins])


class _Loader:
    """Loads engines, and remembers those that are loaded.

    Args:
        config: The operator's choices.
        stack: Closes them.
    """

    def __init__(self, config: Config, stack: AsyncExitStack) -> None:
        self._config = config
        self._catalogue = catalogue_with(config.catalogue)
        self._stack = stack
        self._loaded: dict[bytes, Engine] = {}

    async def engine(self, role: Role, chosen: str | Choice | None) -> Engine:
        """Return an engine, loaded once."""
        key = self._made_of(role, chosen)
        if key not in self._loaded:
            self._loaded[key] = await self._load(role, chosen)
        return self._loaded[key]

    def _made_of(self, role: Role, chosen: str | Choice | None) -> bytes:
        """Return what engines are told apart by: what they are made of, whatever it is called.

        Limits count as well: they are those of the one guard that stands before an engine.

        Raises:
            ConfigurationError: The choice stands for nothing.
            WeightsError: It stands for weights of the hub that have not been fetched.
        """
        home = self._config.home
        name = chosen or status(role, home=home, catalogue=self._catalogue).name
        choice = choice_of(name)
        entry, files, options = candidate(role, choice, self._catalogue, home)
        weights = {key: path.resolve() for key, path in files.items()}
        parts = (
            *(role, entry.engine, entry.name, weights, {**entry.options, **options}),
            *(choice.threads, choice.isolated, _limits(chosen)),
        )
        return msgspec.json.encode(parts, enc_hook=str)

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


def _voice_names(written: Mapping[str, str | VoiceChoice]) -> dict[str, SpokenVoice]:
    return {
        name: SpokenVoice(one) if isinstance(one, str) else SpokenVoice(one.voice, one.speed)
        for name, one in written.items()
    }
