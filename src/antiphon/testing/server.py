"""A server for tests, on a thread of its own, whose engines do what the test says."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from anyio.from_thread import start_blocking_portal
from starlette.types import ASGIApp

from antiphon.config import Config, StoreChoice
from antiphon.engines.base import EngineInfo, EngineSettings
from antiphon.engines.scripted.hearing import (
    create_denoiser,
    create_transcriber,
    create_turn_predictor,
    create_voice_detector,
)
from antiphon.engines.scripted.script import (
    AnswerStep,
    Fail,
    Reel,
    Say,
    Script,
    SpeechStep,
    Take,
    TranscriptionStep,
    Wait,
)
from antiphon.engines.scripted.speaking import create_synthesizer
from antiphon.engines.scripted.thinking import (
    ScriptedLanguageModel,
    create_language_model,
    last_user_text,
    outputs_since_user,
)
from antiphon.engines.thinking import GenerationEvent, GenerationRequest
from antiphon.runtime.engine_set import EngineSet
from antiphon.testing.checking import checked, config_of
from antiphon.testing.journal import PATIENCE_S, Event, Journal
from antiphon.testing.listening import listening
from antiphon.testing.recorder import Recorder
from antiphon.testing.records import SessionRecord
from antiphon.testing.rules import AnswerRule, SpeechRule

__all__ = ["ScriptedServer", "scripted_server"]

_UNASKED = {"port": 0, "store": StoreChoice(keep="nothing")}
"""How a server is configured of which nothing else is said."""


@contextmanager
def scripted_server(script: Script | None = None, **config: Any) -> Iterator[ScriptedServer]:  # noqa: ANN401 (fields of Config)
    """Run a server until the context ends, on a free port of this machine.

    It has an event loop and a thread of its own, so apps of any kind can be tested: asynchronous,
    blocking, or other processes.

    Args:
        script: What the engines do beside the rules that tests make, and how long that takes.
        config: Fields of :class:`antiphon.config.Config`, for example ``models``.

    Raises:
        ConfigurationError: What is asked for cannot be used; the message says why.
        ValueError: The script cannot be acted out.
    """
    with (
        TemporaryDirectory() as home,
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(
            _serving(
                checked(script or Script()), config_of({**_UNASKED, "home": Path(home), **config})
            )
        ) as server,
    ):
        yield server


@asynccontextmanager
async def _serving(script: Script, config: Config) -> AsyncIterator[ScriptedServer]:
    settings = EngineSettings(name="scripted", options={"script": script})
    transcriber = create_transcriber(settings)
    language_model = _Questioned(create_language_model(settings).info, script)
    synthesizer = create_synthesizer(settings)
    engines = EngineSet(
        voice_detector=create_voice_detector(settings),
        denoiser=create_denoiser(settings),
        turn_predictor=create_turn_predictor(settings),
        transcriber=transcriber,
        language_model=language_model,
        synthesizer=synthesizer,
    )
    reels = _Reels(transcriber.reel, language_model.reel, synthesizer.reel)
    journal = Journal()
    sessions = language_model.sessions

    def recorded(app: ASGIApp) -> ASGIApp:
        return Recorder(app, sessions.append, journal.add)

    async with listening(config, engines, recorded) as served:
        yield ScriptedServer(served.url, sessions, journal, reels)
    await engines.aclose()


class _Reels(NamedTuple):
    """Where the engines find their takes."""

    heard: Reel[TranscriptionStep]
    answered: Reel[AnswerStep]
    spoken: Reel[SpeechStep]


class _Questioned(ScriptedLanguageModel):
    """A scripted language model that notes in each session's record what it was asked."""

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script)
        self.sessions: list[SessionRecord] = []

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer by the script."""
        if outputs_since_user(request) == 0:
            for session in self.sessions:
                if session.id == request.conversation:
                    session.asked.append(last_user_text(request))
        return super().generate(request)


class ScriptedServer:
    """A server that runs. Made by :func:`scripted_server`; may be used on any thread.

    Attributes:
        url: Its address, ``http://host:port``.
        api_key: A key that it takes; it takes any, unless ``config`` says otherwise.
        sessions: The connections of apps, in the order in which they were opened.
    """

    def __init__(
        self, url: str, sessions: list[SessionRecord], journal: Journal, reels: _Reels
    ) -> None:
        self.url = url
        self.api_key = "any-key-will-do"
        self.sessions = sessions
        self._journal = journal
        self._reels = reels

    # --- where it is ------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The base URL of the API, as the official SDKs want it."""
        return f"{self.url}/v1"

    @property
    def realtime_url(self) -> str:
        """The address of the WebSocket, for clients that want all of it."""
        return f"ws{self.base_url.removeprefix('http')}/realtime?model=antiphon"

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which the official SDKs find the server by themselves."""
        return {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": self.api_key}

    # --- what it is to do -------------------------------------------------------------------------

    def hears(self, text: str, *, after_ms: float = 0.0) -> None:
        """Say what the next utterance is heard as, and how long recognizing it takes."""
        self._reels.heard.add(Take((checked(Wait(after_ms)), checked(Say(text)))))

    def fails_to_hear(self, message: str, *, code: str = "server_error") -> None:
        """Have the transcription of the next utterance fail."""
        self._reels.heard.add(Take((checked(Fail(message, code)),)))

    def when_heard(self, words: str) -> AnswerRule:
        """Say what is answered whenever the user's last words contain these, in any case.

        It does not matter whether they were spoken or written.
        """
        return AnswerRule(self._reels.answered, _cue(words), after_outputs=0)

    def next_answer(self) -> AnswerRule:
        """Say what is answered next where no other rule fits, whatever the user has said.

        Several such answers are given in the order in which they were made, each once.
        """
        return AnswerRule(self._reels.answered)

    def when_speaking(self, words: str) -> SpeechRule:
        """Say how a segment of an answer sounds that contains these words."""
        return SpeechRule(self._reels.spoken, _cue(words))

    # --- what the app did -------------------------------------------------------------------------

    @property
    def session(self) -> SessionRecord:
        """The newest session.

        Raises:
            AssertionError: No app has connected.
        """
        if not self.sessions:
            message = f"No app has connected to {self.realtime_url} yet."
            raise AssertionError(message)
        return self.sessions[-1]

    def wait_for(self, event_type: str, timeout_s: float = PATIENCE_S) -> Event:
        """Wait for the next event of a type, in any session.

        See :meth:`antiphon.testing.journal.Journal.wait_for`.
        """
        return self._journal.wait_for(event_type, timeout_s)

    async def wait_for_async(self, event_type: str, timeout_s: float = PATIENCE_S) -> Event:
        """Do what :meth:`wait_for` does, while the event loop goes on."""
        return await self._journal.wait_for_async(event_type, timeout_s)


def _cue(words: str) -> str:
    """Return words that a rule is for; none would make it one for the next request only.

    Raises:
        ValueError: They are no text.
    """
    if not isinstance(words, str):
        message = f"Rules are for words, as a str; got {words!r}."
        raise ValueError(message)
    return words
