"""Scripts: how they are written, and which take a request gets."""

from __future__ import annotations

import pytest

from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    Fail,
    Reel,
    Say,
    Script,
    Sound,
    Take,
    Wait,
    read_script,
)
from antiphon.errors import EngineError

WRITTEN = """
sentence = "Good morning."
token_ms = 5

[[answers]]
steps = [
    { do = "wait", ms = 200 },
    { do = "say", text = "Let me see.", every_ms = 30 },
    { do = "call", name = "get_weather", arguments = '{"city": "Oslo"}' },
]

[[answers]]
when = "broken"
steps = [{ do = "fail", message = "The model fell over.", retryable = true }]

[[speeches]]
steps = [{ do = "sound", ms = 500 }]
"""


def test_a_script_can_be_written_as_toml(tmp_path):
    path = tmp_path / "script.toml"
    path.write_text(WRITTEN)
    assert read_script({"script": str(path)}, "generate") == Script(
        sentence="Good morning.",
        token_ms=5,
        answers=(
            Take(
                (
                    Wait(200),
                    Say("Let me see.", every_ms=30),
                    Call("get_weather", '{"city": "Oslo"}'),
                )
            ),
            Take((Fail("The model fell over.", retryable=True),), when="broken"),
        ),
        speeches=(Take((Sound(500),)),),
    )


def test_options_replace_what_the_file_says(tmp_path):
    path = tmp_path / "script.toml"
    path.write_text(WRITTEN)
    script = read_script({"script": path, "sentence": "Hi."}, "transcribe")
    assert (script.sentence, script.token_ms) == ("Hi.", 5)
    assert read_script({"script": script, "sentence": "Ho."}, "transcribe").sentence == "Ho."


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"sentense": "Hi."}, "Unknown parameter: 'sentense'. Did you mean 'sentence'"),
        ({"script": "/nowhere.toml"}, "nowhere"),
        ({"token_ms": "soon"}, "token_ms"),
        ({"speeches": [{"steps": [{"do": "say", "text": "Hi."}]}]}, "say"),
        ({"answers": [{"steps": [{"do": "wait"}]}]}, r"parameter: 'answers\[0\]\.steps\[0\]\.ms'"),
    ],
)
def test_a_mistake_in_a_script_is_named(options, complaint):
    with pytest.raises(EngineError, match=complaint) as caught:
        read_script(options, "generate")
    assert (caught.value.stage, caught.value.code) == ("generate", "invalid_script")


def test_takes_are_used_in_order_and_once():
    reel: Reel[AnswerStep] = Reel((Take((Say("one"),)), Take((Say("two"),))))
    assert [reel.next_for("") for _ in range(3)] == [(Say("one"),), (Say("two"),), None]


def test_a_take_on_cue_comes_first_and_again():
    reel: Reel[AnswerStep] = Reel((Take((Say("one"),)), Take((Say("sun"),), when="Weather")))
    assert reel.next_for("the weather?") == (Say("sun"),)
    assert reel.next_for("hello") == (Say("one"),)
    assert reel.next_for("WEATHER") == (Say("sun"),)


def test_a_take_may_be_for_the_answer_after_functions_have_returned():
    reel: Reel[AnswerStep] = Reel(
        (Take((Say("one"),), "sun", 0), Take((Say("two"),), "sun", 1), Take((Say("any"),), ""))
    )
    answers = [reel.next_for("Is there sun?", after_outputs) for after_outputs in (0, 1, 2, 0)]
    assert answers == [(Say("one"),), (Say("two"),), (Say("any"),), (Say("one"),)]


def test_takes_can_be_added_and_replaced():
    on_cue = Take[AnswerStep]((Say("cue"),), when="sun")
    reel: Reel[AnswerStep] = Reel((on_cue, Take((Say("first"),))))
    reel.add(Take((Say("second"),)))
    reel.add(Take((Say("newest"),), when="sunset"))
    reel.replace(on_cue, Take((Say("changed"),), when="sun"))
    asked = ("sun", "sunset", "rain", "rain", "rain")
    assert [reel.next_for(words) for words in asked] == [
        (Say("changed"),),
        (Say("newest"),),
        (Say("first"),),
        (Say("second"),),
        None,
    ]


def test_a_take_that_is_gone_cannot_be_replaced():
    take = Take[AnswerStep]((Say("once"),))
    reel: Reel[AnswerStep] = Reel((take,))
    reel.next_for("")
    with pytest.raises(LookupError):
        reel.replace(take, take)
