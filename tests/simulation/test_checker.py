"""What the checker is worth: whatever a server loses, repeats or makes up, it notices."""

import msgspec
import pytest

from tests.simulation.campaign import Level
from tests.simulation.core_session import AT_REST
from tests.support.ledger import Form, Frame, Ledger
from tests.support.ledger.frames import audio_ms

SEEDS = range(150)

MS_PER_AUDIO_TOKEN = 50
"""Lost audio shows in the usage, which is counted in tokens."""


@pytest.fixture(scope="module")
def recordings():
    """Everything that passed over the wire in sessions that have come to rest."""
    simulations = [Level.CORE.simulation(seed) for seed in SEEDS]
    for simulation in simulations:
        simulation.run()
    played = [simulation.frames for simulation in simulations if AT_REST in simulation.frames]
    # Of a session that expired before, nothing can be missed any more.
    return [frames for frames in played if not has_expired(frames[: frames.index(AT_REST)])]


def has_expired(frames):
    return any('"session_expired"' in text for text in frames)


def test_what_really_passed_is_in_order(recordings):
    for recording in recordings:
        read_back(recording)


def test_a_frame_that_is_lost_is_missed(recordings):
    for recording, index, frame in first_of_each_type(recordings):
        if is_missed(frame, recording[index + 1 :]):
            assert_noticed([*recording[:index], *recording[index + 1 :]], frame)


def test_a_frame_that_is_sent_twice_is_noticed(recordings):
    for recording, index, frame in first_of_each_type(recordings):
        if is_noticeable(frame):
            again = line({**frame, "event_id": "event_again"})
            assert_noticed([*recording[: index + 1], again, *recording[index + 1 :]], frame)


def test_a_frame_that_comes_before_its_time_is_noticed(recordings):
    for recording, index, frame in first_of_each_type(recordings):
        # Nothing has to precede the first word.
        if frame["type"] not in {"session.created", "input_audio_buffer.speech_started"}:
            early = [recording[0], recording[index], *recording[1:index], *recording[index + 1 :]]
            assert_noticed(early, frame)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("response.done", ("response", "status"), "in_progress"),
        ("response.done", ("response", "usage"), None),
        ("response.done", ("response", "metadata"), {"made": "up"}),
        ("response.done", ("response", "usage", "total_tokens"), 987),
        ("response.done", ("response", "output"), [{"id": "made_up"}]),
        ("response.output_item.added", ("output_index",), 7),
        ("response.output_text.done", ("text",), "made up"),
        ("response.output_text.delta", ("obfuscation",), ""),
        ("response.output_audio_transcript.done", ("transcript",), "made up"),
        ("response.function_call_arguments.done", ("arguments",), "made up"),
        ("response.output_item.done", ("item", "status"), "in_progress"),
        ("conversation.item.added", ("previous_item_id",), "made_up"),
        ("conversation.item.done", ("previous_item_id",), "made_up"),
        ("conversation.item.retrieved", ("item", "content"), [{"type": "made up"}]),
        ("conversation.item.truncated", ("audio_end_ms",), 98765),
        ("conversation.item.deleted", ("item_id",), "made_up"),
        ("input_audio_buffer.committed", ("item_id",), "made_up"),
        ("input_audio_buffer.committed", ("previous_item_id",), "made_up"),
        ("input_audio_buffer.speech_stopped", ("audio_end_ms",), 0),
        ("mcp_list_tools.completed", ("item_id",), "made_up"),
        ("response.mcp_call.in_progress", ("item_id",), "made_up"),
        ("response.mcp_call_arguments.done", ("arguments",), "made up"),
        ("rate_limits.updated", ("rate_limits", 0, "remaining"), 1_000_000),
        ("error", ("error", "event_id"), "made_up"),
    ],
)
def test_what_is_made_up_is_noticed(recordings, kind, path, value):
    for recording, index, frame in first_of_each_type(recordings):
        if frame["type"] == kind:
            *parents, last = path
            changed = inner = msgspec.json.decode(msgspec.json.encode(frame))
            for parent in parents:
                inner = inner[parent]
            inner[last] = value
            assert_noticed([*recording[:index], line(changed), *recording[index + 1 :]], frame)


def first_of_each_type(recordings):
    """Yield each recording's first frame of each type, with its place."""
    for recording in recordings:
        seen = set()
        for index, text in enumerate(recording):
            frame = msgspec.json.decode(text[2:]) if text.startswith("<") else None
            if frame is not None and frame["type"] not in seen:
                seen.add(frame["type"])
                yield recording, index, frame


def is_noticeable(frame: Frame) -> bool:
    """Whether it makes a difference that a client can see for sure."""
    match frame["type"]:
        case "conversation.item.input_audio_transcription.delta":
            return False  # a transcriber may change its mind: what counts is the whole transcript
        case "response.output_audio.delta":
            return audio_ms(frame["delta"], {"type": "audio/pcm"}) >= MS_PER_AUDIO_TOKEN
        case _:
            return True


def is_missed(frame: Frame, later: list[str]) -> bool:
    """Whether a client can see for sure that a frame has been lost."""

    def comes(kind: str) -> bool:
        return any(f'"{kind}"' in text and frame["item_id"] in text for text in later)

    match frame["type"]:
        case "response.mcp_call.in_progress":
            return comes("response.mcp_call.completed")  # others fail before they are made
        case "error":
            # What is sent as the session expires may never be answered.
            return any(text.startswith((">", "!")) for text in later)
        case "rate_limits.updated":
            return any('"rate_limits.updated"' in text for text in later)
        case "conversation.item.input_audio_transcription.segment":
            return False  # not every transcriber tells who speaks
        case "input_audio_buffer.speech_started":
            return comes("input_audio_buffer.speech_stopped")
        case (
            "conversation.item.input_audio_transcription.completed"
            | "conversation.item.input_audio_transcription.failed"
        ):
            return not comes("conversation.item.deleted")
        case _:
            return is_noticeable(frame)


def assert_noticed(recording, frame):
    try:
        read_back(recording)
    except (AssertionError, LookupError, TypeError, ValueError):
        return
    pytest.fail(f"nobody noticed what happened to {frame}")


def line(frame: Frame) -> str:
    return "< " + msgspec.json.encode(frame).decode()


def read_back(recording):
    ledger = Ledger()
    for text in recording:
        if text.startswith("<"):
            ledger.read(msgspec.json.decode(text[2:]))
        elif text == AT_REST:
            ledger.rest()
        else:
            ledger.settle()
            ledger.sends(text[2:], Form.BROKEN if text.startswith("!") else Form.SOUND)
    assert ledger.expired, "the session has no end"
