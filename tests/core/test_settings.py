from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from antiphon.core.abilities import Abilities
from antiphon.core.settings import DEFAULT_TRANSCRIPTION_MODEL, Resolved, resolve, updated
from antiphon.errors import RequestError
from antiphon.wire.audio_config import CustomVoice, PcmuFormat, ServerVad
from antiphon.wire.response import ResponseCreateParams
from antiphon.wire.session import RealtimeSession, RealtimeSessionUpdate
from antiphon.wire.tools import FunctionTool

from .support import ABILITIES, DEFAULT_INSTRUCTIONS, settings

LOOK_UP = {"type": "function", "name": "look_up"}


def update(
    current: RealtimeSession | None = None,
    *,
    abilities: Abilities = ABILITIES,
    voice_is_fixed: bool = False,
    **patch: Any,
) -> RealtimeSession:
    return updated(
        current or settings(),
        msgspec.convert({"type": "realtime", **patch}, RealtimeSessionUpdate),
        default_instructions=DEFAULT_INSTRUCTIONS,
        abilities=abilities,
        voice_is_fixed=voice_is_fixed,
    )


def ask(session: RealtimeSession | None = None, **params: Any) -> Resolved:
    return resolve(session or settings(), msgspec.convert(params, ResponseCreateParams), ABILITIES)


# --- session.update -------------------------------------------------------------------------------


def test_an_empty_update_changes_nothing() -> None:
    assert update() == settings()


def test_the_session_before_the_update_is_left_as_it_was() -> None:
    before = settings()
    update(before, instructions="Rhyme.")
    assert before == settings()


def test_one_deep_field_changes_and_its_neighbours_do_not() -> None:
    after = update(audio={"output": {"speed": 1.5}})
    assert after.audio.output.speed == 1.5
    assert after.audio.output.voice == settings().audio.output.voice
    assert after.audio.input == settings().audio.input


def test_formats_of_both_directions_are_independent() -> None:
    after = update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    assert after.audio.input.format == PcmuFormat()
    assert after.audio.output.format == settings().audio.output.format


def test_transcription_without_a_model_gets_the_default_one() -> None:
    heard = update(audio={"input": {"transcription": {}}}).audio.input
    assert heard.transcription is not None
    assert heard.transcription.model == DEFAULT_TRANSCRIPTION_MODEL


def test_a_given_turn_detection_replaces_the_old_one() -> None:
    before = settings(turn_detection=ServerVad(threshold=0.9, silence_duration_ms=900))
    after = update(before, audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert after.audio.input.turn_detection == ServerVad()


def test_reasoning_and_parallel_calls_are_taken() -> None:
    after = update(reasoning={"effort": "low"}, parallel_tool_calls=False)
    assert after.parallel_tool_calls is False
    assert ask(after).plan.reasoning_effort == "low"
    assert ask(after).plan.parallel_tool_calls is False


def test_reasoning_is_unset_by_null() -> None:
    after = update(update(reasoning={"effort": "low"}), reasoning=None)
    assert after.reasoning is UNSET
    assert ask(after, reasoning=None).plan.reasoning_effort is None


def test_tracing_is_switched_on_once() -> None:
    traced = update(tracing="auto")
    assert update(traced, tracing="auto").tracing == "auto"
    for other in (None, {"workflow_name": "another"}):
        with pytest.raises(RequestError, match="can no longer be changed") as refusal:
            update(traced, tracing=other)
        assert refusal.value.param == "session.tracing"


def test_log_probabilities_are_refused_where_there_are_none() -> None:
    include = ["item.input_audio_transcription.logprobs"]
    assert update(include=include).include == tuple(include)
    with pytest.raises(RequestError, match="'ears' has no log probabilities") as refusal:
        update(abilities=replace(ABILITIES, logprobs=False), include=include)
    assert refusal.value.param == "session.include"


@pytest.mark.parametrize(
    ("hints", "path"),
    [
        ({"language": "de"}, "language"),
        ({"language": "de-AT"}, "language"),
        ({"languages": ["en", "de"]}, "languages[1]"),
    ],
)
def test_a_language_that_is_not_understood_is_refused(hints: dict[str, Any], path: str) -> None:
    english = replace(ABILITIES, languages=("en", "fr"))
    with pytest.raises(RequestError, match="'ears' understands 'en', 'fr'") as refusal:
        update(abilities=english, audio={"input": {"transcription": hints}})
    assert refusal.value.param == f"session.audio.input.transcription.{path}"


@pytest.mark.parametrize(
    "hints", [{"language": "en"}, {"language": "EN_us"}, {"language": ""}, {"languages": ["fr"]}]
)
def test_a_language_that_is_understood_is_taken_as_it_came(hints: dict[str, Any]) -> None:
    english = replace(ABILITIES, languages=("en", "fr"))
    heard = update(abilities=english, audio={"input": {"transcription": hints}}).audio.input
    assert heard.transcription is not None
    assert heard.transcription.language == hints.get("language")


def test_any_language_may_be_named_to_a_transcriber_that_takes_any() -> None:
    hints = {"language": "tlh", "languages": ["xx"]}
    heard = update(audio={"input": {"transcription": hints}}).audio.input
    assert heard.transcription is not None
    assert heard.transcription.language == "tlh"
    assert heard.transcription.languages == ("xx",)


def test_a_fixed_voice_is_the_same_by_name_and_by_id() -> None:
    after = update(voice_is_fixed=True, audio={"output": {"voice": {"id": "alloy"}}})
    assert after.audio.output.voice == CustomVoice(id="alloy")
    assert ask(after).plan.voice == ask().plan.voice == "alloy"


def test_a_voice_may_be_named_by_its_id() -> None:
    after = update(audio={"output": {"voice": {"id": "marin"}}})
    assert after.audio.output.voice == CustomVoice(id="marin")
    assert ask(after).plan.voice == "marin"
    assert ask(after).settings.audio.output.voice == "marin"


def test_an_unknown_voice_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RequestError, match=r"'nobody'.*'alloy', 'marin'") as refusal:
        update(audio={"output": {"voice": "nobody"}})
    assert refusal.value.param == "session.audio.output.voice"


def test_a_fixed_voice_stays_but_may_be_sent_again() -> None:
    with pytest.raises(RequestError) as refusal:
        update(voice_is_fixed=True, audio={"output": {"voice": "marin"}})
    assert refusal.value.code == "cannot_update_voice"
    same = update(voice_is_fixed=True, audio={"output": {"voice": "alloy", "speed": 1.2}})
    assert same.audio.output.speed == 1.2


def test_a_tool_has_to_be_there_to_be_chosen() -> None:
    choice = {"type": "function", "name": "look_up"}
    with pytest.raises(RequestError, match="'look_up' is not one of the tools: none") as refusal:
        update(tool_choice=choice)
    assert refusal.value.param == "session.tool_choice.name"
    assert update(tools=[LOOK_UP], tool_choice=choice).tools == (FunctionTool(name="look_up"),)


@pytest.mark.parametrize(
    "patch",
    [
        {"prompt": None},
        {"include": None},
        {"include": []},
        {"tracing": None},
        {"truncation": "auto"},
        {"audio": {"input": {"noise_reduction": None}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": None}}}},
    ],
)
def test_what_is_not_built_may_be_switched_off(patch: dict[str, Any]) -> None:
    update(**patch)


# --- response.create ------------------------------------------------------------------------------


def test_a_response_takes_what_it_does_not_say_from_the_session() -> None:
    session = update(
        instructions="Rhyme.",
        tools=[LOOK_UP],
        tool_choice="required",
        max_output_tokens=70,
        audio={"output": {"speed": 1.2}},
    )
    plan = ask(session).plan
    assert plan.instructions == "Rhyme."
    assert plan.tools == (FunctionTool(name="look_up"),)
    assert plan.tool_policy == "required"
    assert plan.forced_tool is None
    assert plan.max_output_tokens == 70
    assert plan.speed == 1.2
    assert plan.model == session.model


def test_null_instructions_of_a_response_are_the_sessions() -> None:
    assert ask(update(instructions="Rhyme."), instructions=None).plan.instructions == "Rhyme."


def test_what_a_response_says_replaces_the_sessions() -> None:
    plan = ask(instructions="Sing.", tools=[LOOK_UP], max_output_tokens=5).plan
    assert plan.instructions == "Sing."
    assert plan.tools == (FunctionTool(name="look_up"),)
    assert plan.max_output_tokens == 5


def test_a_response_may_do_without_the_sessions_tools() -> None:
    assert ask(update(tools=[LOOK_UP]), tools=[]).plan.tools == ()


def test_no_limit_is_no_limit() -> None:
    assert ask(update(max_output_tokens=70), max_output_tokens="inf").plan.max_output_tokens is None
    assert ask().settings.max_output_tokens == "inf"


def test_a_chosen_function_has_to_be_called() -> None:
    plan = ask(tools=[LOOK_UP], tool_choice={"type": "function", "name": "look_up"}).plan
    assert (plan.tool_policy, plan.forced_tool) == ("required", "look_up")


def test_a_chosen_function_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError) as refusal:
        ask(tool_choice={"type": "function", "name": "look_up"})
    assert refusal.value.param == "response.tool_choice.name"


def test_an_unknown_voice_of_a_response_is_refused() -> None:
    with pytest.raises(RequestError) as refusal:
        ask(audio={"output": {"voice": "nobody"}})
    assert refusal.value.param == "response.audio.output.voice"


def test_the_client_reads_back_what_its_response_runs_with() -> None:
    read_back, plan, _ = ask(
        output_modalities=["audio"],
        audio={"output": {"voice": "marin", "format": {"type": "audio/pcma"}}},
        metadata={"topic": "weather"},
    )
    assert read_back.modality == plan.modality == "audio"
    assert read_back.audio.output.voice == plan.voice == "marin"
    assert read_back.audio.output.format == plan.output_format
    assert read_back.metadata == {"topic": "weather"}
