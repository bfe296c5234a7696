import json
import math
from typing import Annotated

import msgspec
import pytest

from antiphon.errors import RequestError
from antiphon.wire.codec import decode_client_event
from antiphon.wire.refusal import InvalidFieldError, explain, listed

SEVENTEEN_PAIRS = {str(number): "" for number in range(17)}


def refusal_of(event: dict[str, object]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode_client_event(json.dumps(event))
    return caught.value


def update(**session: object) -> dict[str, object]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def vad(**fields: object) -> dict[str, object]:
    return update(audio={"input": {"turn_detection": {"type": "server_vad", **fields}}})


def item(**fields: object) -> dict[str, object]:
    return {"type": "conversation.item.create", "item": fields}


@pytest.mark.parametrize(
    ("event", "code", "param", "message"),
    [
        (
            {"type": "session.update", "session": {}},
            "missing_required_parameter",
            "session.type",
            "Missing required parameter: '{}'.",
        ),
        (
            {"type": "session.update", "session": {"type": "translation"}},
            "invalid_value",
            "session.type",
            "Invalid value: 'translation'. Supported values are: 'realtime' and 'transcription'.",
        ),
        (
            {"type": "conversation.item.delete"},
            "missing_required_parameter",
            "item_id",
            "Missing required parameter: '{}'.",
        ),
        (
            update(audio={"output": {"speed": 2}}),
            "invalid_value",
            "session.audio.output.speed",
            (
                "Invalid '{}': decimal above maximum value. Expected a value <= 1.5, but got 2 "
                "instead."
            ),
        ),
        (
            update(max_output_tokens=5000),
            "integer_above_max_value",
            "session.max_output_tokens",
            (
                "Invalid '{}': integer above maximum value. Expected a value <= 4096, but got "
                "5000 instead."
            ),
        ),
        (
            update(max_output_tokens=0),
            "invalid_value",
            "session.max_output_tokens",
            (
                "Invalid '{}': integer below minimum value. Expected a value >= 1, but got 0 "
                "instead."
            ),
        ),
        (
            update(max_output_tokens="many"),
            "invalid_value",
            "session.max_output_tokens",
            "Invalid value: 'many'. Supported values are: 'inf'.",
        ),
        (
            update(max_output_tokens=True),
            "invalid_type",
            "session.max_output_tokens",
            (
                "Invalid type for '{}': expected one of an integer or a string, but got a boolean"
                " instead."
            ),
        ),
        (
            update(tools=None),
            "invalid_type",
            "session.tools",
            "Invalid type for '{}': expected an array, but got null instead.",
        ),
        (
            update(tools=[{"type": "function", "name": "f"}, {"type": "function"}]),
            "missing_required_parameter",
            "session.tools[1].name",
            "Missing required parameter: '{}'.",
        ),
        (
            update(tools=[{"type": "mcp", "server_label": "s"}]),
            "missing_required_parameter",
            "session.tools[0].server_url",
            (
                "Missing required parameter: '{}'. Give the MCP server's URL (or a 'connector_id'"
                " or a 'tunnel_id')."
            ),
        ),
        (
            update(output_modalities=["text", "audio"]),
            "invalid_value",
            "session.output_modalities",
            (
                "Invalid '{}': array too long. Expected an array with maximum length 1, but got "
                "an array with length 2 instead."
            ),
        ),
        (
            update(output_modalities=[]),
            "invalid_value",
            "session.output_modalities",
            (
                "Invalid '{}': empty array. Expected an array with minimum length 1, but got an "
                "empty array instead."
            ),
        ),
        (
            vad(idle_timeout_ms=100),
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
            (
                "Invalid '{}': integer below minimum value. Expected a value >= 5000, but got 100"
                " instead."
            ),
        ),
        (
            vad(silence_duration_ms=1.5),
            "invalid_type",
            "session.audio.input.turn_detection.silence_duration_ms",
            "Invalid type for '{}': expected an integer, but got a decimal instead.",
        ),
        (
            item(type="message", role="user", content=[{"type": "output_text", "text": "a"}]),
            "invalid_value",
            "item.content[0].type",
            (
                "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_audio',"
                " and 'input_image'."
            ),
        ),
        (
            item(type="message", role="user", content=[{"type": "input_text"}]),
            "missing_required_parameter",
            "item.content[0].text",
            "Missing required parameter: '{}'.",
        ),
        (
            item(type="message", role="assistant", content=[{"type": "output_audio"}]),
            "missing_required_parameter",
            "item.content[0].text",
            "Missing required parameter: '{}'.",
        ),
        (
            item(type="message", id="no spaces", role="user", content=[]),
            "invalid_value",
            "item.id",
            (
                "Invalid '{}': 'no spaces'. Expected a string that contains only letters, "
                "numbers, underscores, or dashes."
            ),
        ),
        (
            item(type="function_call_output", call_id="c" * 33, output=""),
            "string_above_max_length",
            "item.call_id",
            (
                "Invalid '{}': string too long. Expected a string with maximum length 32, but got"
                " a string with length 33 instead."
            ),
        ),
        (
            item(type="function_call_output", call_id="", output=""),
            "invalid_value",
            "item.call_id",
            (
                "Invalid '{}': string too short. Expected a string with minimum length 1, but got"
                " a string with length 0 instead."
            ),
        ),
        (
            {"type": "response.create", "response": {"metadata": {"a": "b", "c": "d" * 513}}},
            "string_above_max_length",
            "response.metadata.c",
            (
                "Invalid '{}': string too long. Expected a string with maximum length 512, but "
                "got a string with length 513 instead."
            ),
        ),
        (
            {
                "type": "response.create",
                "response": {"metadata": SEVENTEEN_PAIRS},
            },
            "invalid_value",
            "response.metadata",
            (
                "Invalid '{}': too many properties. Expected an object with at most 16 "
                "properties, but got an object with 17 properties instead."
            ),
        ),
        (
            {"type": "input_audio_buffer.append", "audio": "not base64!"},
            "invalid_value",
            "audio",
            (
                "Invalid '{}': the audio is not valid base64. Expected standard base64 with "
                "padding and without line breaks."
            ),
        ),
        (
            {"type": "input_audio_buffer.append", "audio": [1]},
            "invalid_type",
            "audio",
            "Invalid type for '{}': expected a string, but got an array instead.",
        ),
        (
            {"type": "input_audio_buffer.append", "audio": "AAAA" * (5 * 1024 * 1024 + 1)},
            "invalid_value",
            "audio",
            (
                "Invalid '{}': too much audio. Expected at most 15728640 bytes of audio in one "
                "event, but got 15728643 bytes instead. Send it in several events."
            ),
        ),
    ],
)
def test_a_refusal_names_field_value_and_limit(event, code, param, message) -> None:
    refusal = refusal_of(event)
    assert (refusal.code, refusal.param) == (code, param)
    assert refusal.message == message.format(param)
    assert refusal.type == "invalid_request_error"


def test_long_values_are_not_sent_back_whole() -> None:
    refusal = refusal_of(update(tool_choice="x" * 10_000))
    assert len(refusal.message) < 300
    long_key = refusal_of({"type": "response.create", "response": {"metadata": {"k" * 10_000: ""}}})
    assert len(long_key.param or "") < 100


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["a"], "'a'"),
        (["a", "b"], "'a' and 'b'"),
        (["a", "b", "c"], "'a', 'b', and 'c'"),
    ],
)
def test_lists_read_as_english(values, text) -> None:
    assert listed(values) == text


def test_the_words_of_msgspec_are_used_where_the_walk_finds_no_fault() -> None:
    refusal = explain(int, 5, msgspec.ValidationError("Something else"))
    assert (refusal.code, refusal.message) == ("invalid_value", "Invalid value: Something else.")


@pytest.mark.parametrize(
    ("limits", "value", "message"),
    [
        ({"gt": 0}, -5, "decimal below minimum value. Expected a value > 0, but got -5 instead."),
        ({"gt": 0}, 0.0, "decimal below minimum value. Expected a value > 0, but got 0.0 instead."),
        ({"ge": 0}, math.nan, "below minimum value. Expected a value >= 0, but got nan instead."),
        ({"lt": 1}, 1.0, "decimal above maximum value. Expected a value < 1, but got 1.0 instead."),
        ({"le": 1}, math.inf, "above maximum value. Expected a value <= 1, but got inf instead."),
    ],
)
def test_a_limit_of_decimals_is_named_with_the_value(limits, value, message):
    wanted = dict[str, Annotated[float, msgspec.Meta(**limits)]]
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert({"pace": value}, wanted)
    refusal = explain(wanted, {"pace": value}, error.value)
    assert refusal.message.startswith("Invalid 'pace': ")
    assert message in refusal.message
    assert (refusal.code, refusal.param) == ("invalid_value", "pace")


def test_a_broken_rule_reads_well_on_its_own() -> None:
    assert str(InvalidFieldError("a.b", "Missing: '{param}'.")) == "Missing: 'a.b'."


class Lamp(msgspec.Struct, forbid_unknown_fields=True):
    colour: str = "white"


class Room(msgspec.Struct, forbid_unknown_fields=True):
    lamps: dict[str, Lamp] = {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"lamp": {}}, "Unknown parameter: 'lamp'. Did you mean 'lamps'?"),
        ({"lamps": {"desk": {"color": ""}}}, "Unknown parameter: 'lamps.desk.color'. Did you mean"),
        ({"chairs": 4}, "Unknown parameter: 'chairs'."),
    ],
)
def test_where_unknown_fields_are_forbidden_the_nearest_known_one_is_named(value, message):
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(value, Room)
    refusal = explain(Room, value, error.value)
    assert refusal.message.startswith(message)
    assert refusal.code == "unknown_parameter"
