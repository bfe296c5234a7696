import json

from antiphon.wire.codec import encode
from antiphon.wire.transcription_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionFailed,
    TranscriptionDurationUsage,
    TranscriptionError,
)

from .samples import HEARD


def test_a_whole_transcript_always_tells_its_cost() -> None:
    event = ConversationItemInputAudioTranscriptionCompleted(
        **HEARD, transcript="Hi", usage=TranscriptionDurationUsage(seconds=2.5)
    )
    assert json.loads(encode(event)) == {
        "type": "conversation.item.input_audio_transcription.completed",
        "event_id": "event_1",
        "item_id": "item_1",
        "content_index": 0,
        "transcript": "Hi",
        "usage": {"type": "duration", "seconds": 2.5},
    }


def test_a_failure_names_a_field_only_if_one_is_at_fault() -> None:
    error = TranscriptionError(type="server_error", code=None, message="No engine.")
    event = ConversationItemInputAudioTranscriptionFailed(**HEARD, error=error)
    assert json.loads(encode(event))["error"] == {
        "type": "server_error",
        "code": None,
        "message": "No engine.",
    }
