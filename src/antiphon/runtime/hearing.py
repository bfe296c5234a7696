"""What one session hears, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

from anyio.abc import TaskGroup

from antiphon.core.clock import Span
from antiphon.core.effects import (
    DropAudio,
    EndInput,
    HearingEffect,
    KeepRecording,
    NeedTranscript,
    PredictTurnEnd,
    StopTranscribing,
    Transcribe,
)
from antiphon.core.signals import Signal
from antiphon.engines.base import Floats
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.listen import Ear
from antiphon.runtime.prediction import predict_turn_end
from antiphon.runtime.spare import Machines
from antiphon.runtime.transcribe import Transcriptions
from antiphon.wire.audio_config import AudioInput

__all__ = ["Hearing"]


class Hearing:
    """The ear of a session, and those who make words and the ends of turns of what it hears.

    Args:
        heard: How it hears.
        engines: Who hears.
        detection: The process's voice detection.
        machines: Count the process's work, so that guesses give way.
        tasks: Runs what takes time.
        feed: Takes what comes of it.
        fail: Is told that the voice detection failed.
        record: Keeps the audio of an item, by its id: shape (n,), float32 at 16 kHz.
    """

    def __init__(
        self,
        heard: AudioInput,
        *,
        engines: EngineSet,
        detection: Detection,
        machines: Machines,
        tasks: TaskGroup,
        feed: Callable[[Signal], None],
        fail: Callable[[Exception], None],
        record: Callable[[str, Floats], None],
    ) -> None:
        self._turn_predictor = engines.turn_predictor
        self._machines = machines
        self._tasks = tasks
        self._feed = feed
        self._record = record
        self._ear = Ear(heard.format, detection, engines.denoiser, feed=feed, fail=fail)
        self._transcriptions = Transcriptions(
            transcriber=engines.transcriber,
            spare=machines.doing(engines.transcriber.info),
            tasks=tasks,
            feed=feed,
        )
        self.configure(heard)

    def configure(self, heard: AudioInput) -> None:
        """Take new settings; what was heard so far was heard under the old ones."""
        self._ear.configure(
            heard.format,
            detecting=heard.turn_detection is not None,
            noise_reduction=heard.noise_reduction,
        )

    def append(self, audio: bytes) -> None:
        """Hear more audio, in the format of the session.

        Raises:
            RequestError: See :meth:`~antiphon.runtime.listen.Ear.append`.
        """
        self._ear.append(audio)

    def listen(self, samples: Floats) -> None:
        """Hear what came as sound.

        Args:
            samples: Shape (n,), float32 at 16 kHz.
        """
        self._ear.listen(samples)

    def do(self, effect: HearingEffect) -> None:
        """Do what the core wants done with what was heard."""
        match effect:
            case Transcribe(source=source):
                self._transcriptions.begin(effect, self._audio_of(source))
            case NeedTranscript(item_id=item_id):
                self._transcriptions.need(item_id)
            case StopTranscribing(item_id=item_id):
                self._transcriptions.stop(item_id)
            case PredictTurnEnd():
                self._predict_turn_end(effect)
            case KeepRecording(item_id=item_id, source=source):
                self._record(item_id, self._audio_of(source))
            case DropAudio(before=before):
                self._ear.drop(before)
            case EndInput():
                self._ear.end()

    def deliver(self) -> None:
        """Pass on the words that are there by now: after everything that led to them is done."""
        self._transcriptions.deliver()

    def close(self) -> None:
        """Leave detection, stop guesses, and forget all that was heard."""
        self._ear.close()
        self._transcriptions.stop_all()

    def _predict_turn_end(self, effect: PredictTurnEnd) -> None:
        predictor, audio = self._turn_predictor, self._ear.read(effect.source)
        if predictor is not None:
            spare = self._machines.doing(predictor.info)
            self._tasks.start_soon(predict_turn_end, effect, audio, predictor, spare, self._feed)

    def _audio_of(self, source: Span | bytes) -> Floats:
        return self._ear.decode(source) if isinstance(source, bytes) else self._ear.read(source)
