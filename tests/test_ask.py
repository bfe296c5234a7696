from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from antiphon.ask import AskError, Question, ask, likeness, read_wav, write_wav
from antiphon.engines.scripted.script import Fail, Gate, Say, Script, Sound, Take, WaitFor
from antiphon.errors import ConfigurationError
from tests.support.server import Served, running_server
from tests.support.sound import speech


def save_wav(path: Path, samples: bytes, *, rate_hz: int = 24_000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(channels)
        recording.setsampwidth(2)
        recording.setframerate(rate_hz)
        recording.writeframes(samples)
    return path


@pytest.fixture
def question_wav(tmp_path):
    return save_wav(tmp_path / "question.wav", speech(300))


class Asker:
    """Asks a server, and keeps what was reported."""

    def __init__(self, url: str, **question: Any) -> None:
        fields = {"api_key": "any", "model": "antiphon", **question}
        self.question = Question(base_url=f"{url}/v1", **fields)
        self.lines: list[str] = []

    async def ask(self, *, save: Path | None = None, verify: bool = False) -> str:
        await ask(self.question, save=save, verify=verify, echo=self.lines.append)
        return "\n".join(self.lines)


# --- recordings -----------------------------------------------------------------------------------


def test_a_recording_is_read_at_the_rate_of_the_wire(tmp_path):
    samples = read_wav(save_wav(tmp_path / "a.wav", speech(500)))
    assert len(samples) == 12_000
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.01)


def test_a_recording_of_another_rate_is_resampled_and_stereo_mixed(tmp_path):
    left = np.full(8_000, 8_000, "<i2")
    right = np.full(8_000, 4_000, "<i2")
    both = np.stack([left, right], axis=1).tobytes()
    samples = read_wav(save_wav(tmp_path / "a.wav", both, rate_hz=16_000, channels=2))
    assert len(samples) == 12_000
    assert np.median(samples) == pytest.approx(6_000 / 32_768, abs=1e-3)


def test_a_file_that_is_no_recording_is_named(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"ID3 not a wave file at all")
    with pytest.raises(ConfigurationError, match=r"a\.wav is not a WAV file of PCM samples"):
        read_wav(path)


def test_a_recording_of_another_width_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(1)
        recording.setframerate(8_000)
        recording.writeframes(bytes(100))
    with pytest.raises(ConfigurationError, match="8-bit samples; convert it to 16 bits"):
        read_wav(path)


def test_what_is_written_can_be_read(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, speech(100))
    assert np.array_equal(
        (read_wav(path) * 32_768).round(), np.frombuffer(speech(100), "<i2").astype(float)
    )


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("The capital of France is Paris.", "the capital of france is paris", 1.0),
        ("The capital of France is Paris.", "The capital of Francis Parr's.", 0.9),
        ("I am sorry, I cannot help.", "Thank you.", 0.2),
        ("Yes.", "", 0.0),
    ],
)
def test_likeness_is_that_of_the_sound_not_of_the_writing(said, heard, expected):
    assert likeness(said, heard) == pytest.approx(expected, abs=0.05)


# --- asking ---------------------------------------------------------------------------------------


async def test_a_written_question_is_answered_and_reported():
    async with running_server() as server:
        report = await Asker(server.url, text="Good morning.").ask()
    assert "Answer:   You said: Good morning." in report
    assert '"status": "completed"' in report
    assert "first audio on its way" in report
    assert "Question:" not in report


async def test_a_spoken_question_is_answered_timed_and_saved(question_wav, tmp_path):
    answer_wav = tmp_path / "answer.wav"
    async with running_server(Script(sentence="Good morning.")) as server:
        report = await Asker(server.url, wav=question_wav).ask(save=answer_wav)
        (segment,) = server.cast.synthesizer.requests
    assert "Question: Good morning." in report
    assert "Answer:   You said: Good morning" in report
    assert "first audio at the client, from its last speech sample" in report
    assert len(read_wav(answer_wav)) == len(segment.text) * 60 * 24


async def test_an_answer_that_can_be_understood_is_verified():
    # What the scripted transcriber hears in the answer has to be most of its words.
    async with running_server(Script(sentence="You said: good morning.")) as server:
        report = await Asker(server.url, text="Good morning.").ask(verify=True)
    assert "Heard back from the answer's audio: You said: good morning." in report


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (
            Script(sentence="Something else entirely."),
            "understood: 2[0-9]% of its letters",
        ),
        (
            Script(speeches=(Take((Sound(0),)),), sentence="You said: good morning."),
            "cannot be heard: its level is 0.0000",
        ),
        (Script(answers=(Take((Fail("It broke."),)),)), "ended as 'failed', not 'completed'"),
        (
            Script(transcriptions=(Take((Fail("Too loud."),)),)),
            "could not transcribe the answer: Too loud.",
        ),
    ],
    ids=["other words", "silence", "failed", "not transcribed"],
)
async def test_an_answer_that_cannot_be_verified_is_an_error(script, complaint):
    async with running_server(script) as server:
        with pytest.raises(AskError, match=complaint):
            await Asker(server.url, text="Good morning.").ask(verify=True)


# --- servers that do not answer -------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_named_with_how_to_start_one():
    asker = Asker("http://127.0.0.1:9", text="Hello?")
    with pytest.raises(AskError, match=r"No server answers at http://127\.0\.0\.1:9/v1.*serve"):
        await asker.ask()


async def test_a_wrong_key_is_reported_in_the_servers_words():
    async with running_server(api_keys=("sk-one",)) as server:
        with pytest.raises(AskError, match=r"refused the connection: .*not one of those"):
            await Asker(server.url, text="Hello?", api_key="sk-two").ask()
        assert "You said" in await Asker(server.url, text="Hello?", api_key="sk-one").ask()


async def test_a_model_that_is_not_there_is_reported_in_the_servers_words():
    async with running_server(strict_models=True) as server:
        with pytest.raises(AskError, match="`gpt-9` does not exist here"):
            await Asker(server.url, text="Hello?", model="gpt-9").ask()


async def test_a_server_that_stops_before_it_has_answered_is_an_error():
    gate = Gate()

    async def stop(server: Served) -> None:
        await gate.reached()
        server.stop()

    script = Script(answers=(Take((Say("Well"), WaitFor(gate))),))
    async with running_server(script) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(stop, server)
        with pytest.raises(AskError, match="closed the connection before it had answered"):
            await Asker(server.url, text="Hello?").ask()
