"""Asks a server a question as any client would: through the official OpenAI SDK.

The recording is sent at the pace at which it was spoken, then silence, so that the server's own
turn detection finds the end of the question.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import soxr
from websockets.exceptions import ConnectionClosed, InvalidStatus

from antiphon.audio.formats import Floats, to_floats, to_int16s
from antiphon.errors import AntiphonError, ConfigurationError
from antiphon.wire.codec import decode_as, encode
from antiphon.wire.response import RealtimeResponse

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.resources.realtime.realtime import AsyncRealtimeConnection
    from openai.types.realtime import RealtimeServerEvent

__all__ = [
    "UNDERSTOOD",
    "Answer",
    "AskError",
    "Question",
    "ask",
    "likeness",
    "read_wav",
    "write_wav",
]

WIRE_RATE_HZ = 24_000
CHUNK_MS = 20
ANSWER_TIMEOUT_S = 60.0
AUDIBLE_RMS = 0.003
"""An answer quieter than this, about -50 dB of full scale, cannot be heard."""
UNDERSTOOD = 0.75
"""Share of the answer's letters that have to be recognized in its audio. Letters, since a small
transcriber writes names as they sound: of six words, two wrong ones are a third."""

_MOMENTS = {
    "turn_ended": "end of the turn confirmed",
    "transcribed": "question transcribed",
    "guessed": "answer begun ahead",
    "guess_dropped": "what was begun ahead was dropped",
    "prompt_read": "prompt read",
    "first_token": "first word written",
    "first_segment": "first clause complete",
    "first_audio": "first audio on its way",
    "ended": "answer complete",
}


class AskError(AntiphonError):
    """The server gave no answer, or none that can be heard and understood."""


@dataclass(frozen=True)
class Question:
    """What to ask, and whom.

    Attributes:
        base_url: Base URL of the server, for example ``http://127.0.0.1:8000/v1``.
        api_key: Its key; any text if it needs none.
        model: Model to ask.
        wav: A recording of the question; 16-bit PCM of any rate.
        text: The question in writing, instead.
    """

    base_url: str
    api_key: str
    model: str
    wav: Path | None = None
    text: str | None = None


@dataclass
class Answer:
    """What came back.

    Attributes:
        question: What the server understood; ``None`` if it was asked in writing.
        transcript: The answer's words.
        audio: 16-bit mono PCM at 24 kHz.
        last_speech_at_s: When the last sample of speech was sent, by the loop's clock.
        first_audio_at_s: When the first audio came back.
    """

    question: str | None = None
    transcript: str = ""
    audio: bytearray = field(default_factory=bytearray)
    last_speech_at_s: float | None = None
    first_audio_at_s: float | None = None


async def ask(
    question: Question, *, save: Path | None, verify: bool, echo: Callable[[str], object]
) -> None:
    """Ask a question and report the answer.

    Args:
        question: What to ask.
        save: Where to write the answer as a WAV file; ``None`` not to.
        verify: Whether to check that the answer can be heard and understood.
        echo: Prints a line.

    Raises:
        AskError: There was no answer, or it failed the check.
        ConfigurationError: The SDK is not installed, or the recording cannot be read.
    """
    client = _client(question)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S), _connection(client, question) as connection:
            answer, response = await _converse(connection, question)
        _report(answer, response, await _timeline(client, response.id), echo)
        if save is not None:
            write_wav(save, bytes(answer.audio))
            echo(f"The answer is in {save}.")
        if verify:
            await _verify(client, question, answer, response, echo)
    except TimeoutError as error:
        message = f"There was no answer within {ANSWER_TIMEOUT_S:.0f} s."
        raise AskError(message) from error
    finally:
        await client.close()


def read_wav(path: Path) -> Floats:
    """Read a recording.

    Returns:
        Shape (n,), mono float32 at 24 kHz.

    Raises:
        ConfigurationError: It is not a WAV file of 16-bit PCM.
    """
    try:
        with wave.open(str(path)) as recording:
            rate_hz, channels = recording.getframerate(), recording.getnchannels()
            width, data = recording.getsampwidth(), recording.readframes(recording.getnframes())
    except (wave.Error, EOFError) as error:
        message = f"{path} is not a WAV file of PCM samples: {error}"
        raise ConfigurationError(message) from error
    if width != 2:
        message = f"{path} has {8 * width}-bit samples; convert it to 16 bits."
        raise ConfigurationError(message)
    samples = to_floats(np.frombuffer(data, np.dtype("<i2"))).reshape(-1, channels).mean(axis=1)
    resampled: Floats = soxr.resample(samples, rate_hz, WIRE_RATE_HZ)
    return resampled


def write_wav(path: Path, pcm: bytes) -> None:
    """Write 16-bit mono PCM at 24 kHz."""
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(WIRE_RATE_HZ)
        recording.writeframes(pcm)


# --- the conversation -----------------------------------------------------------------------------


def _client(question: Question) -> AsyncOpenAI:
    try:
        from openai import AsyncOpenAI  # noqa: PLC0415 (an extra; only this command needs it)
    except ImportError as error:
        message = "Asking needs the OpenAI SDK. Run: pip install 'antiphon[local]'"
        raise ConfigurationError(message) from error
    return AsyncOpenAI(base_url=question.base_url, api_key=question.api_key)


@asynccontextmanager
async def _connection(
    client: AsyncOpenAI, question: Question
) -> AsyncIterator[AsyncRealtimeConnection]:
    try:
        connection = await client.realtime.connect(model=question.model).enter()
    except OSError as error:
        message = (
            f"No server answers at {question.base_url}: {error}. Start one with 'antiphon serve'."
        )
        raise AskError(message) from error
    except InvalidStatus as refusal:
        reason = refusal.response.body.decode(errors="replace")
        message = f"The server at {question.base_url} refused the connection: {reason}"
        raise AskError(message) from refusal
    try:
        _check(await connection.recv())  # the session, or why there is none
        yield connection
    except ConnectionClosed as error:
        message = f"The server closed the connection before it had answered: {error}"
        raise AskError(message) from error
    finally:
        await connection.close()


async def _converse(
    connection: AsyncRealtimeConnection, question: Question
) -> tuple[Answer, RealtimeResponse]:
    answer = Answer()
    if question.wav is None:
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": question.text or ""}],
            }
        )
        await connection.response.create()
        return answer, await _collect(connection, answer)
    await connection.session.update(
        session={"type": "realtime", "audio": {"input": {"transcription": {"model": "default"}}}}
    )
    speaking = asyncio.create_task(_speak(connection, read_wav(question.wav), answer))
    try:
        return answer, await _collect(connection, answer)
    finally:
        speaking.cancel()


async def _speak(connection: AsyncRealtimeConnection, samples: Floats, answer: Answer) -> None:
    """Send a recording at its own pace, then silence until cancelled."""
    loop = asyncio.get_running_loop()
    chunk_samples = WIRE_RATE_HZ * CHUNK_MS // 1000
    last_spoken = int(np.flatnonzero(np.abs(samples) > AUDIBLE_RMS)[-1])
    began = loop.time()
    sent = 0
    while True:
        chunk = samples[sent : sent + chunk_samples]
        chunk = np.pad(chunk, (0, chunk_samples - len(chunk)))
        sent += chunk_samples
        # A chunk can leave only once its last sample has been spoken.
        await asyncio.sleep(began + sent / WIRE_RATE_HZ - loop.time())
        pcm = to_int16s(chunk).tobytes()
        await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())
        if sent - chunk_samples <= last_spoken < sent:
            answer.last_speech_at_s = loop.time()


def _check(event: RealtimeServerEvent) -> None:
    if event.type == "error":
        message = f"The server answered with an error: {event.error.message}"
        raise AskError(message)


async def _collect(connection: AsyncRealtimeConnection, answer: Answer) -> RealtimeResponse:
    """Take events until the response is done and the question's words are known."""
    response: RealtimeResponse | None = None
    spoken = False
    async for event in connection:
        _check(event)
        match event.type:
            case "input_audio_buffer.speech_started":
                spoken = True
            case "conversation.item.input_audio_transcription.completed":
                answer.question = event.transcript
            case "response.output_audio.delta":
                if answer.first_audio_at_s is None:
                    answer.first_audio_at_s = asyncio.get_running_loop().time()
                answer.audio += base64.b64decode(event.delta)
            case "response.output_audio_transcript.done":
                answer.transcript = event.transcript
            case "response.output_text.done":
                answer.transcript = event.text
            case "response.done":
                response = decode_as(json.dumps(event.response.to_dict()), RealtimeResponse)
        if response is not None and (answer.question is not None or not spoken):
            return response
    message = "The server closed the connection before it had answered."
    raise AskError(message)


async def _timeline(client: AsyncOpenAI, response_id: str) -> dict[str, float]:
    from openai import NotFoundError  # noqa: PLC0415 (an extra; only this command needs it)

    path = f"/antiphon/timelines/{response_id}"
    try:
        timeline = await client.get(path, cast_to=dict[str, Any])
    except NotFoundError:
        return {}  # a server of another kind
    moments: dict[str, float] = timeline["moments_ms"]
    return moments


# --- the report -----------------------------------------------------------------------------------


def _report(
    answer: Answer,
    response: RealtimeResponse,
    moments_ms: dict[str, float],
    echo: Callable[[str], object],
) -> None:
    if answer.question is not None:
        echo(f"Question: {answer.question}")
    echo(f"Answer:   {answer.transcript}")
    echo("\nResponse:")
    echo(msgspec.json.format(encode(response), indent=2).decode())
    if moments_ms:
        echo("\nWhere the time went, in ms since the last word of the question:")
    before_ms = 0.0
    # By time: what is worked out ahead happens before the end of the turn is confirmed.
    for moment, at_ms in sorted(moments_ms.items(), key=lambda pair: pair[1]):
        if moment in _MOMENTS:
            echo(f"  {at_ms:7.0f}  {_MOMENTS[moment]} (+{at_ms - before_ms:.0f})")
            before_ms = at_ms
    if answer.last_speech_at_s is not None and answer.first_audio_at_s is not None:
        waited_ms = (answer.first_audio_at_s - answer.last_speech_at_s) * 1000
        echo(f"  {waited_ms:7.0f}  first audio at the client, from its last speech sample")
    echo("")


async def _verify(
    client: AsyncOpenAI,
    question: Question,
    answer: Answer,
    response: RealtimeResponse,
    echo: Callable[[str], object],
) -> None:
    """Check that the answer can be heard and understood, by having the server transcribe it."""
    if response.status != "completed":
        message = f"The response ended as '{response.status}', not 'completed'."
        raise AskError(message)
    samples = to_floats(np.frombuffer(bytes(answer.audio), np.dtype("<i2")))
    rms = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    if rms < AUDIBLE_RMS:
        message = f"The answer cannot be heard: its level is {rms:.4f}, under {AUDIBLE_RMS}."
        raise AskError(message)
    async with asyncio.timeout(ANSWER_TIMEOUT_S), _connection(client, question) as connection:
        heard = await _transcribe(connection, bytes(answer.audio))
    share = likeness(answer.transcript, heard)
    echo(f"Heard back from the answer's audio: {heard}")
    if share < UNDERSTOOD:
        message = f"The answer cannot be understood: {share:.0%} of its letters were recognized."
        raise AskError(message)


async def _transcribe(connection: AsyncRealtimeConnection, pcm: bytes) -> str:
    await connection.session.update(
        session={
            "type": "realtime",
            "audio": {"input": {"transcription": {"model": "default"}, "turn_detection": None}},
        }
    )
    await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())
    await connection.input_audio_buffer.commit()
    async for event in connection:
        if event.type == "conversation.item.input_audio_transcription.completed":
            return event.transcript
        if event.type in ("error", "conversation.item.input_audio_transcription.failed"):
            message = f"The server could not transcribe the answer: {event.error.message}"
            raise AskError(message)
    message = "The server closed the connection before it had transcribed the answer."
    raise AskError(message)


def likeness(said: str, heard: str) -> float:
    """Return how much of two texts is the same, 0 to 1, as far as it can be heard."""
    return SequenceMatcher(None, _letters(said), _letters(heard), autojunk=False).ratio()


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text.casefold())
