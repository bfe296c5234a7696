import json
from pathlib import PurePosixPath

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeResponse as SdkResponse

from antiphon.errors import RequestError
from antiphon.wire import response
from antiphon.wire.codec import decode_as, encode
from antiphon.wire.items import FunctionCall, Message, OutputAudio, OutputText
from antiphon.wire.response import RealtimeResponse
from antiphon.wire.session import PcmaFormat, PcmFormat, PcmuFormat

from .samples import ANSWERED, ASKED, FAILED

ids = st.text("abcXYZ019_-", min_size=1, max_size=32)
counts = st.integers(0, 2**40)
texts = st.text(max_size=40)
statuses = st.sampled_from(["in_progress", "completed", "cancelled", "failed", "incomplete"])

messages = st.builds(
    Message,
    id=ids,
    status=st.sampled_from(["in_progress", "completed", "incomplete"]),
    role=st.just("assistant"),
    content=st.lists(
        st.one_of(st.builds(OutputText, text=texts), st.builds(OutputAudio, transcript=texts)),
        max_size=3,
    ).map(tuple),
)
calls = st.builds(FunctionCall, id=ids, name=texts, call_id=ids, arguments=texts)
usages = st.builds(
    response.RealtimeResponseUsage,
    total_tokens=counts,
    input_tokens=counts,
    output_tokens=counts,
    input_token_details=st.builds(
        response.InputTokenDetails,
        text_tokens=counts,
        cached_tokens_details=st.builds(response.CachedTokensDetails, audio_tokens=counts),
    ),
    output_token_details=st.builds(response.OutputTokenDetails, audio_tokens=counts),
)
details = st.builds(
    response.RealtimeResponseStatus,
    type=st.sampled_from(["completed", "cancelled", "failed", "incomplete"]),
    reason=st.sampled_from(["turn_detected", "client_cancelled", msgspec.UNSET]),
    error=st.one_of(
        st.just(msgspec.UNSET),
        st.builds(
            response.RealtimeResponseError,
            type=texts,
            code=st.one_of(st.none(), texts),
            message=texts,
        ),
    ),
)
responses = st.builds(
    RealtimeResponse,
    id=ids,
    status=statuses,
    status_details=st.one_of(st.none(), details),
    output=st.lists(st.one_of(messages, calls), max_size=3).map(tuple),
    conversation_id=st.one_of(st.none(), ids),
    output_modalities=st.sampled_from([("audio",), ("text",)]),
    max_output_tokens=st.one_of(st.just("inf"), st.integers(1, 4096)),
    audio=st.builds(
        response.RealtimeResponseAudio,
        output=st.builds(
            response.RealtimeResponseAudioOutput,
            format=st.sampled_from([PcmFormat(), PcmuFormat(), PcmaFormat()]),
            voice=texts,
        ),
    ),
    usage=st.one_of(st.none(), usages),
    metadata=st.one_of(st.none(), st.dictionaries(st.text(max_size=64), texts, max_size=16)),
)


@given(responses)
def test_a_response_survives_the_wire_exactly(made: RealtimeResponse) -> None:
    text = encode(made)
    decoded = decode_as(text, RealtimeResponse)
    assert decoded == made
    assert encode(decoded) == text


@given(responses)
def test_the_sdk_takes_any_response_in_strict_mode(made: RealtimeResponse) -> None:
    SdkResponse.model_validate_json(encode(made), strict=True)


@pytest.mark.parametrize("made", [ASKED, ANSWERED, FAILED])
def test_every_key_is_present_in_order(made) -> None:
    shown = json.loads(encode(made))
    assert list(shown) == [
        "object",
        "id",
        "status",
        "status_details",
        "output",
        "conversation_id",
        "output_modalities",
        "max_output_tokens",
        "audio",
        "usage",
        "metadata",
    ]
    assert shown["object"] == "realtime.response"


def test_usage_shows_every_count_even_if_nothing_was_used() -> None:
    assert json.loads(encode(response.RealtimeResponseUsage())) == {
        "total_tokens": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "input_token_details": {
            "text_tokens": 0,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
    }


@pytest.mark.parametrize(
    ("path", "value", "param", "code"),
    [
        ("status", "done", "status", "invalid_value"),
        ("status_details/reason", "bored", "status_details.reason", "invalid_value"),
        ("max_output_tokens", 0, "max_output_tokens", "invalid_value"),
        ("max_output_tokens", 4097, "max_output_tokens", "integer_above_max_value"),
        ("output_modalities", ["text", "audio"], "output_modalities", "invalid_value"),
        ("usage/input_tokens", -1, "usage.input_tokens", "invalid_value"),
        ("usage/input_tokens", 1.5, "usage.input_tokens", "invalid_type"),
        ("metadata", {"k": "v" * 513}, "metadata.k", "string_above_max_length"),
        ("metadata", {"k": 5}, "metadata.k", "invalid_type"),
        ("metadata", dict.fromkeys(map(str, range(17)), ""), "metadata", "invalid_value"),
        ("audio/output/voice", None, "audio.output.voice", "invalid_type"),
        ("audio/output/format/type", "mp3", "audio.output.format.type", "invalid_value"),
        ("output", [{"type": "poem"}], "output[0].type", "invalid_value"),
        ("output", [{"type": "function_call"}], "output[0].name", "missing_required_parameter"),
    ],
)
def test_a_bad_value_is_refused_by_the_path_of_its_field(path, value, param, code) -> None:
    fields = json.loads(encode(ANSWERED))
    *parents, last = PurePosixPath(path).parts
    place = fields
    for parent in parents:
        place = place[parent]
    place[last] = value
    with pytest.raises(RequestError) as caught:
        decode_as(json.dumps(fields), RealtimeResponse)
    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize("key", ["id", "status", "output", "usage", "metadata", "audio"])
def test_a_missing_key_is_refused(key) -> None:
    fields = json.loads(encode(ASKED))
    del fields[key]
    with pytest.raises(RequestError, match=f"Missing required parameter: '{key}'"):
        decode_as(json.dumps(fields), RealtimeResponse)


def test_spoken_history_of_the_assistant_cannot_be_given_as_input() -> None:
    spoken = {"type": "message", "role": "assistant", "content": [{"type": "output_audio"}]}
    with pytest.raises(RequestError) as caught:
        decode_as(json.dumps({"input": [spoken]}), response.ResponseCreateParams)
    assert caught.value.param == "input[0].content[0].text"
