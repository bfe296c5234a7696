"""Turns to judge end-of-turn decisions by: half of them with hesitations of 0.3 to 2 seconds.

Each text is spoken by two voices, with and without its hesitations. A hesitation is made in one of
two ways: silence is put between two words of the whole sentence, so that the voice breaks off in
the middle of its melody; or the parts are spoken one by one, the earlier ones with a comma, dots or
an "um" at the end, so that it hangs. To these come recordings of a person reading
(``tests/data/speech``), whole and cut in the first way. Everything lies under noise of its own,
from barely audible to 20 dB below speech, silence included.

Replies come with what the assistant had said before, as they do in a session: nobody says "Four
people." out of the blue, and a language model that is not shown the question takes it for the
beginning of a sentence.

One part of the set is there to fit on and to choose by. The other is the exam, which shares neither
a text nor a voice with it and was decided on once, when everything had been chosen. Everything is
drawn from a seed. To listen to it::

    python -m bench.turn_set --write FOLDER
"""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

import click
import numpy as np
import soxr

from antiphon.ask import WIRE_RATE_HZ, read_wav
from antiphon.audio.formats import Floats, to_int16s
from antiphon.engines.hearing import LISTENING_RATE_HZ
from bench import turn_exam_sentences, turn_sentences
from bench.turn_voices import EXAM_VOICES, FIRST_VOICES, SECOND_VOICES, Studio, audible

__all__ = ["RECORDINGS", "Part", "Turn", "turn_set"]

SEED = 20_260
SPEEDS = (0.85, 1.15)
"""Range of speaking rates."""

PAUSE_S = (0.3, 2.0)
"""Range of hesitations. Their logarithm is uniform: short ones are more frequent, as in speech,
where their logarithm is normal (Campione & Veronis, "A large-scale multilingual study of silent
pause duration", Speech Prosody 2002)."""

LEVELS_DB = (-20.0, 0.0)
"""Range of the speech's peak below full scale."""

NOISE_BELOW_PEAK_DB = (-65.0, -40.0)
"""Range of the noise's root mean square against the speech's peak; speech itself is some 20 dB
below its peak."""

LEAD_S = 0.5
TRAIL_S = 1.0
"""Noise before and after the speech."""

FILLERS = (" um,", " uh,", " er,")
FILLER_SHARE = 0.3
HANGING_ENDS = (",", "...")

RECORDINGS = {
    "amiable": "he might even have been made | amiable himself",
    "respectable": "had he married a more amiable woman | he might have been made | still more "
    "respectable than he was",
    "selfish": "unless to be rather cold hearted | and rather selfish | is to be ill disposed",
}
_REPLIES_TO = {**turn_sentences.REPLIES_TO, **turn_exam_sentences.REPLIES_TO}
_RECORDINGS_FOLDER = Path(__file__).parent.parent / "tests" / "data" / "speech"


class Part(Enum):
    """What a turn may be used for."""

    FIT = "fit"
    EXAM = "exam"


@dataclass(frozen=True)
class Turn:
    """Something that is said, with noise before and after it.

    Attributes:
        name: Says what it is; unique.
        text: The words, however they are said.
        voice: Who says them.
        replies_to: What the assistant had said before; ``""`` if it opens the conversation.
        part: What it may be used for.
        audio: Shape (n,), mono float32 at 16 kHz.
        end: Position after the last audible sample of the speech.
        pauses: How many hesitations there are in it.
    """

    name: str
    text: str
    voice: str
    replies_to: str
    part: Part
    audio: Floats
    end: int
    pauses: int


def turn_set(part: Part) -> list[Turn]:
    """Build one part of the set: 570 turns to fit on, 280 of the exam.

    It takes half an hour the first time, then seconds.

    Raises:
        AntiphonError: It has to be spoken first, and a model cannot be had.
    """
    return asyncio.run(_build(part))


async def _build(part: Part) -> list[Turn]:
    studio = Studio()
    try:
        turns: list[Turn] = []
        for marked, voice in _cast(part):
            turns += await _spoken(studio, part, voice, marked)
        if part is Part.FIT:
            for name, marked in RECORDINGS.items():
                turns += await _recorded(studio, name, marked)
        return turns
    finally:
        await studio.aclose()


def _cast(part: Part) -> Iterator[tuple[str, str]]:
    """Yield each text of a part with each of the two voices that speak it."""
    if part is Part.FIT:
        for index, marked in enumerate((*turn_sentences.HESITANT, *turn_sentences.SHORT)):
            voices = (FIRST_VOICES, SECOND_VOICES)[index % 2]
            for turn in (0, 1):
                yield marked, voices[(index // 2 + turn) % len(voices)]
    else:
        exam = (*turn_exam_sentences.HESITANT, *turn_exam_sentences.SHORT)
        for index, marked in enumerate(exam):
            for turn in (0, 1):
                yield marked, EXAM_VOICES[(index + turn) % len(EXAM_VOICES)]


async def _spoken(studio: Studio, part: Part, voice: str, marked: str) -> list[Turn]:
    """Return a text as one voice says it: without hesitating and, if it has marks, with."""
    draw = np.random.default_rng([SEED, *marked.encode(), *voice.encode()])
    speed = round(draw.uniform(*SPEEDS), 2)
    parts = marked.split(" | ")
    text = " ".join(parts)
    replies_to = _REPLIES_TO.get(marked, "")
    whole = await studio.speak(text, voice, speed)
    said = partial(_turn, text=text, voice=voice, replies_to=replies_to, part=part, draw=draw)
    turns = [said(f"{voice}: {text}", [whole])]
    if len(parts) > 1:
        if draw.random() < 0.5:
            pieces = await studio.cut(whole, parts)
        else:
            texts = [*(_hanging(piece, draw) for piece in parts[:-1]), parts[-1]]
            pieces = [await studio.speak(piece, voice, speed) for piece in texts]
        turns.append(said(f"{voice}: {marked}", pieces))
    return turns


async def _recorded(studio: Studio, name: str, marked: str) -> list[Turn]:
    draw = np.random.default_rng([SEED, *name.encode()])
    speech = soxr.resample(
        read_wav(_RECORDINGS_FOLDER / f"{name}.wav"), WIRE_RATE_HZ, LISTENING_RATE_HZ
    )
    start, end = audible(speech)
    speech = speech[start:end] / np.abs(speech).max()
    parts = marked.split(" | ")
    text = " ".join(parts)
    said = partial(_turn, text=text, voice="reader", replies_to="", part=Part.FIT, draw=draw)
    turns = [said(f"reader: {name}", [speech])]
    for mark in range(1, len(parts)):
        texts = [" ".join(parts[:mark]), " ".join(parts[mark:])]
        pieces = await studio.cut(speech, texts)
        turns.append(said(f"reader: {' | '.join(texts)}", pieces))
    return turns


def _hanging(part: str, draw: np.random.Generator) -> str:
    """Return a part as it is said by someone who has not finished."""
    if part.endswith("."):  # a whole sentence: its melody falls, and more comes nevertheless
        return part
    part = part.rstrip(",:")
    if draw.random() < FILLER_SHARE:
        return f"{part},{draw.choice(FILLERS)}"
    return f"{part}{draw.choice(HANGING_ENDS)}"


def _turn(
    name: str,
    pieces: Iterable[Floats],
    *,
    text: str,
    voice: str,
    replies_to: str,
    part: Part,
    draw: np.random.Generator,
) -> Turn:
    """Put silence between the pieces and noise under everything."""
    first, *others = pieces
    sounds = [_silence(LEAD_S), first]
    for piece in others:
        pause_s = float(np.exp(draw.uniform(*np.log(PAUSE_S))))
        sounds += [_silence(pause_s), piece]
    speech = np.concatenate(sounds)
    end = len(speech)
    speech = np.concatenate([speech, _silence(TRAIL_S)])
    peak = 10 ** (draw.uniform(*LEVELS_DB) / 20)
    noise = _noise(len(speech), draw) * 10 ** (draw.uniform(*NOISE_BELOW_PEAK_DB) / 20)
    audio = (peak * (speech + noise)).clip(-1, 1).astype(np.float32)
    return Turn(name, text, voice, replies_to, part, audio, end, len(others))


def _noise(samples: int, draw: np.random.Generator) -> Floats:
    """Noise of power 1 that falls with frequency, by up to 6 dB an octave: a room, a fan, a car."""
    spectrum = np.fft.rfft(draw.standard_normal(samples))
    fall = draw.uniform(0.0, 1.0)
    spectrum[1:] *= np.arange(1, len(spectrum)) ** -fall
    spectrum[: samples * 50 // LISTENING_RATE_HZ] = 0  # below 50 Hz no microphone hears much
    noise = np.fft.irfft(spectrum, samples)
    return np.asarray(noise / np.sqrt(np.mean(np.square(noise))), np.float32)


def _silence(duration_s: float) -> Floats:
    return np.zeros(round(duration_s * LISTENING_RATE_HZ), np.float32)


@click.command()
@click.option("--write", type=click.Path(path_type=Path), help="Folder for a WAV file a turn.")
def main(*, write: Path | None) -> None:
    """Build the set, say how large it is, and write it down to be listened to."""
    turns = []
    for part in Part:
        mine = turn_set(part)
        hesitating = sum(turn.pauses > 0 for turn in mine)
        hours = sum(len(turn.audio) for turn in mine) / LISTENING_RATE_HZ / 3600
        print(f"{part.value}: {len(mine)} turns, {hesitating} hesitate; {hours:.2f} hours")
        turns += mine
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for number, turn in enumerate(turns):
            with wave.open(str(write / f"{number:03}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(LISTENING_RATE_HZ)
                file.writeframes(to_int16s(turn.audio).tobytes())


if __name__ == "__main__":
    main()
