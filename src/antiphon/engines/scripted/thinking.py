"""The scripted language model.

Without a script it says ``You said: <the last user message>.``, calls a function when it has to or
when the user names it, and reports what a function answered. One word counts as one token.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from antiphon.engines.base import EngineInfo, EngineSettings
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.engines.scripted.engine import REMEMBERED_REQUESTS, ScriptedEngine
from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    ReadPrompt,
    Reel,
    Say,
    Script,
    Sound,
    Stop,
    read_script,
)
from antiphon.engines.scripted.speaking import SPEAKING_RATE_HZ, TONES_HZ, tone
from antiphon.engines.scripted.word_counter import WordCounter, split_words
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
    SpeechDelta,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

__all__ = [
    "ScriptedLanguageModel",
    "create_language_model",
    "last_user_text",
    "outputs_since_user",
]


class ScriptedLanguageModel(ScriptedEngine):
    """Answers what the script says.

    Attributes:
        reel: Its takes.
        counter: Counts its tokens.
        requests: The last requests it was given, without those that only warmed it.
        warmed: The last requests that it was told to prepare for.
        foreseen: The last requests of which it was to say whether the message is over.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "generate")
        self.reel: Reel[AnswerStep] = Reel(script.answers)
        self.counter = WordCounter()
        self.requests: deque[GenerationRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.warmed: deque[GenerationRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.foreseen: deque[GenerationRequest] = deque(maxlen=REMEMBERED_REQUESTS)

    async def warm(self, request: GenerationRequest) -> None:
        """Remember that it was asked; there is no cache to fill."""
        self.warmed.append(request)

    async def predict_message_end(self, request: GenerationRequest) -> float:
        """Say what the script says of every message."""
        self.check_open()
        self.foreseen.append(request)
        return self._script.message_end_probability

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Yield the take's events, cut off at ``max_output_tokens``."""
        self.check_open()
        self.requests.append(request)
        input_tokens = self._read(request)
        steps = self.reel.next_for(last_user_text(request), outputs_since_user(request))
        if steps is None:
            steps = self._by_rule(request)
        if not any(isinstance(step, ReadPrompt) for step in steps):
            yield PromptRead(input_tokens, cached_tokens=0)
        output_tokens = calls = 0
        for step in steps:
            await self.keep_time(step)
            if isinstance(step, Stop):
                yield GenerationEnd(step.reason, output_tokens)
                return
            if isinstance(step, Sound) and request.voice is not None:
                for chunk in tone(step.ms, TONES_HZ[request.voice]):
                    await self._pass(step.every_ms)
                    yield SpeechDelta(chunk)
            for delay_ms, event in _events(step, input_tokens, call_index=calls):
                await self._pass(delay_ms)
                if isinstance(event, TextDelta | ToolCallDelta):
                    if output_tokens == request.max_output_tokens:
                        yield GenerationEnd("length", output_tokens)
                        return
                    output_tokens += event.tokens
                yield event
            calls += isinstance(step, Call)
        yield GenerationEnd("stop", output_tokens)

    def _read(self, request: GenerationRequest) -> int:
        """Count the prompt.

        Raises:
            EngineError: ``context_length_exceeded``.
        """
        tokens = self.counter.frame_tokens("", request.tools)
        tokens += sum(map(self.counter.message_tokens, request.messages))
        limit = self._script.context_tokens
        if limit is not None and tokens > limit:
            message = f"the prompt has {tokens} words, but {self.info.name} reads at most {limit}"
            raise EngineError(message, stage="generate", code="context_length_exceeded")
        return tokens

    def _by_rule(self, request: GenerationRequest) -> tuple[AnswerStep, ...]:
        every_ms = self._script.token_ms
        tool = _tool_to_call(request)
        if tool is not None:
            arguments = json.dumps(_example(tool.parameters or {}, last_user_text(request)))
            return (Call(tool.name, arguments, every_ms),)
        last = request.messages[-1] if request.messages else None
        if last is None or last.role == "system":
            return (Say("Hello.", every_ms),)
        opening = "The function answered" if last.role == "tool" else "You said"
        said = last.text if last.role == "tool" else last_user_text(request)
        text = f"{opening}: {said.rstrip('.')}."
        spoken_ms = len(text) * self._script.ms_per_character
        return (Say(text, every_ms), *((Sound(spoken_ms),) if request.voice else ()))


def create_language_model(settings: EngineSettings) -> ScriptedLanguageModel:
    """Build the scripted language model; see ``script.read_script``."""
    script = read_script(settings.options, "generate")
    info = EngineInfo(
        name=settings.name,
        role="language_model",
        scripted=True,
        context_tokens=script.context_tokens,
        tools=True,
        images=script.images,
        hears=script.hears,
        speaks=script.speaks,
        rate_hz=SPEAKING_RATE_HZ if script.speaks else 0,
        voices=tuple(TONES_HZ) if script.speaks else (),
    )
    return ScriptedLanguageModel(info, script)


def last_user_text(request: GenerationRequest) -> str:
    """What the user said last; of audio, how long it sounds, or its words if it is not kept."""
    users = (message for message in reversed(request.messages) if message.role == "user")
    last = next(users, None)
    if last is None:
        return ""
    heard = (
        f"{len(request.recordings[clip.item_id]) / LISTENING_RATE_HZ:.1f} s of sound"
        if clip.item_id in request.recordings
        else clip.transcript
        for clip in last.audio
    )
    return " ".join(filter(None, (last.text, *heard)))


def outputs_since_user(request: GenerationRequest) -> int:
    """How often functions have returned since the user's last words; several at once are once."""
    rounds, last_role = 0, "user"
    for message in request.messages:
        if message.role == "user":
            rounds = 0
        elif message.role == "tool" and last_role != "tool":
            rounds += 1
        last_role = message.role
    return rounds


def _events(
    step: AnswerStep, input_tokens: int, *, call_index: int
) -> Iterator[tuple[float, GenerationEvent]]:
    """The events of one step, each with the milliseconds that pass before it."""
    match step:
        case ReadPrompt(cached_tokens=cached_tokens):
            yield 0.0, PromptRead(input_tokens, cached_tokens)
        case Say(text=text, every_ms=every_ms):
            for word in split_words(text):
                yield every_ms, TextDelta(word)
        case Call(name=name, arguments=arguments, every_ms=every_ms):
            yield every_ms, ToolCallDelta(call_index, name=name)
            for word in split_words(arguments):
                yield every_ms, ToolCallDelta(call_index, arguments=word)


def _tool_to_call(request: GenerationRequest) -> FunctionTool | None:
    """The function that the rule calls: the forced one, one the user names, or any if it must."""
    if not request.tools or request.tool_policy == "none":
        return None
    if request.forced_tool is not None:
        return next((tool for tool in request.tools if tool.name == request.forced_tool), None)
    answered = bool(request.messages) and request.messages[-1].role == "tool"
    words = set(re.findall(r"[\w-]+", last_user_text(request)))
    named = None if answered else next((tool for tool in request.tools if tool.name in words), None)
    if named is None and request.tool_policy == "required":
        return request.tools[0]
    return named


def _example(schema: dict[str, Any], text: str) -> Any:  # noqa: ANN401 (any JSON value)
    """A value that fits the usual forms of a JSON schema; strings are the user's text."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "object":
            required = schema.get("required", ())
            properties = schema.get("properties", {})
            return {name: _example(properties.get(name, {}), text) for name in required}
        case "array":
            return []
        case "string":
            return text
        case "boolean":
            return False
        case "integer" | "number":
            return schema.get("minimum", 0)
        case _:
            return None
