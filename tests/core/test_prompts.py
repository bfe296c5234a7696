from __future__ import annotations

import msgspec
import pytest

from antiphon.core.effects import StartResponse, WarmPrompt
from antiphon.core.prompts import PromptVersion, StoredPrompt, instructions_of
from antiphon.errors import RequestError
from antiphon.wire.session import Prompt
from tests.core.support import ABILITIES, DEFAULT_INSTRUCTIONS, Rig

PROMPTS = {
    "greeter": StoredPrompt(
        version="2",
        instructions="Greet for {{shop}}, be {{ tone }}. {{shop}}!",
        defaults={"tone": "kind"},
        versions={"1": PromptVersion(instructions="Greet.")},
    )
}


def filled_in(**fields: object) -> str:
    return instructions_of(Prompt(**{"id": "greeter", **fields}), PROMPTS, "session.prompt")  # type: ignore[arg-type]


# --- filling in -----------------------------------------------------------------------------------


def test_placeholders_are_filled_in_wherever_they_are():
    variables = {"shop": "Müller & Co", "tone": "stern"}
    assert filled_in(variables=variables) == "Greet for Müller & Co, be stern. Müller & Co!"


def test_a_variable_with_a_default_may_be_left_out():
    assert filled_in(variables={"shop": "us"}) == "Greet for us, be kind. us!"


def test_a_variable_may_be_a_text_part():
    part = {"type": "input_text", "text": "us"}
    assert filled_in(variables={"shop": part}) == "Greet for us, be kind. us!"


def test_a_value_is_no_template():
    assert filled_in(variables={"shop": "{{tone}}"}) == "Greet for {{tone}}, be kind. {{tone}}!"


@pytest.mark.parametrize("version", [None, "", "2"])
def test_the_newest_version_is_what_clients_get(version):
    assert filled_in(version=version, variables={"shop": "us"}).startswith("Greet for us")


def test_an_older_version_can_be_had_by_name():
    assert filled_in(version="1") == "Greet."


@pytest.mark.parametrize(
    ("fields", "code", "param", "message"),
    [
        (
            {"id": "nobody"},
            "invalid_value",
            "session.prompt.id",
            "Prompt with id 'nobody' not found.",
        ),
        (
            {"version": "3"},
            "invalid_value",
            "session.prompt.version",
            "Prompt with id 'greeter' has no version '3'. Versions are: '1' and '2'.",
        ),
        (
            {},
            "missing_required_parameter",
            "session.prompt.variables.shop",
            "Missing prompt variables: shop.",
        ),
        (
            {"variables": {"shop": "us", "mood": "x"}},
            "unknown_parameter",
            "session.prompt.variables.mood",
            "Unknown prompt variables: mood. Prompt 'greeter' has: 'shop' and 'tone'.",
        ),
        (
            {"version": "1", "variables": {"shop": "us"}},
            "unknown_parameter",
            "session.prompt.variables.shop",
            "Unknown prompt variables: shop. Prompt 'greeter' has: none.",
        ),
        (
            {"variables": {"shop": 5}},
            "invalid_type",
            "session.prompt.variables.shop",
            "Invalid type for 'session.prompt.variables.shop': expected a string",
        ),
        (
            {"variables": {"shop": {"type": "input_image", "image_url": "data:"}}},
            "invalid_value",
            "session.prompt.variables.shop.type",
            "Invalid value: 'input_image'. Supported values are: 'input_text'",
        ),
        (
            {"variables": {"shop": {"type": "input_text"}}},
            "invalid_type",
            "session.prompt.variables.shop.text",
            "Invalid type for 'session.prompt.variables.shop.text'",
        ),
    ],
)
def test_what_there_is_not_is_refused(fields, code, param, message):
    with pytest.raises(RequestError) as refusal:
        filled_in(**fields)
    assert (refusal.value.code, refusal.value.param) == (code, param)
    assert refusal.value.message.startswith(message)


@pytest.mark.parametrize(
    "table",
    [
        {"instructions": "Hi {{who}}.", "defaults": {"whom": "you"}},
        {"instructions": "Hi.", "versions": {"1": {"instructions": "Hello."}}},
        {"instructions": ""},
        {"instructions": "Hi.", "language": "en"},
    ],
)
def test_a_prompt_that_cannot_be_meant_so_is_refused(table):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, StoredPrompt)


# --- in a session ---------------------------------------------------------------------------------


@pytest.fixture
def rig() -> Rig:
    return Rig(abilities=msgspec.structs.replace(ABILITIES, prompts=PROMPTS))


def prompt(shop: str = "us", **fields: object) -> dict[str, object]:
    return {"id": "greeter", "variables": {"shop": shop}, **fields}


def update(rig: Rig, **session: object) -> str:
    """Update the session and return its instructions."""
    (frame,) = rig.send("session.update", session={"type": "realtime", **session})
    assert frame["type"] == "session.updated", frame
    instructions: str = frame["session"]["instructions"]
    return instructions


def test_a_session_shows_its_prompt_as_sent_and_the_instructions_it_makes(rig):
    (frame,) = rig.send("session.update", session={"type": "realtime", "prompt": prompt()})
    assert frame["session"]["prompt"] == prompt()
    assert frame["session"]["instructions"] == "Greet for us, be kind. us!"
    rig.send("response.create")
    assert rig.plan.instructions == "Greet for us, be kind. us!"
    assert rig.effects(WarmPrompt)[-1].instructions == "Greet for us, be kind. us!"


def test_instructions_win_over_the_prompt_that_comes_with_them(rig):
    assert update(rig, prompt=prompt(), instructions="Be rude.") == "Be rude."
    assert update(rig, instructions="") == "Greet for us, be kind. us!"


def test_the_latest_word_holds(rig):
    update(rig, instructions="Be rude.")
    assert update(rig, prompt=prompt()) == "Greet for us, be kind. us!"
    assert update(rig, prompt=prompt("them")) == "Greet for them, be kind. them!"
    assert update(rig, instructions="Be rude.") == "Be rude."
    assert update(rig, tool_choice="none") == "Be rude."


def test_taking_the_prompt_away_takes_its_instructions_away_and_no_others(rig):
    update(rig, prompt=prompt())
    assert update(rig, prompt=None) == DEFAULT_INSTRUCTIONS
    update(rig, instructions="Be rude.")
    assert update(rig, prompt=None) == "Be rude."


def test_an_unknown_prompt_changes_nothing(rig):
    before = rig.state()
    session = {"type": "realtime", "tool_choice": "none", "prompt": {"id": "nobody"}}
    (frame,) = rig.send("session.update", session=session)
    assert frame["error"]["param"] == "session.prompt.id"
    assert rig.state() == before


def test_a_prompt_that_would_not_be_used_has_to_be_there_all_the_same(rig):
    session = {"type": "realtime", "instructions": "Be rude.", "prompt": {"id": "nobody"}}
    (frame,) = rig.send("session.update", session=session)
    assert frame["error"]["param"] == "session.prompt.id"


def test_one_response_can_have_a_prompt_of_its_own(rig):
    rig.send("response.create", response={"prompt": prompt()})
    assert rig.plan.instructions == "Greet for us, be kind. us!"
    rig.answer("Hello")
    rig.send("response.create")
    assert rig.plan.instructions == DEFAULT_INSTRUCTIONS


def test_the_instructions_of_a_response_win_over_its_prompt(rig):
    rig.send("response.create", response={"prompt": prompt(), "instructions": "Be rude."})
    assert rig.plan.instructions == "Be rude."


def test_a_response_with_an_unknown_prompt_is_refused(rig):
    (frame,) = rig.send("response.create", response={"prompt": {"id": "nobody"}})
    assert frame["error"]["param"] == "response.prompt.id"
    assert rig.effects(StartResponse) == []


def test_without_stored_prompts_none_is_found():
    (frame,) = Rig().send("response.create", response={"prompt": {"id": "greeter"}})
    assert frame["error"]["message"].startswith("Prompt with id 'greeter' not found.")
