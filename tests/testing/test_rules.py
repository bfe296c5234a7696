"""Rules: what answers and speech are made of, and which rule a request gets."""

from __future__ import annotations

import pytest

from antiphon.testing import scripted_server
from tests.testing.app import WEATHER, answer, connected, write


@pytest.fixture(scope="module")
def server():
    """One for all tests, which therefore use words of their own."""
    with scripted_server() as server:
        yield server


def test_an_answer_may_say_call_and_say_again_after_the_output(server):
    rule = server.when_heard("the weather").wait(ms=1).say("Let me look.")
    rule.call("get_weather", city="Oslo").then().say("Take an umbrella.")
    with connected(server) as app:
        for _ in range(2):  # rules hold again and again
            write(app, "What is THE WEATHER like?")
            assert answer(app) == ("completed", "Take an umbrella.")
        name, arguments, output, _ = server.session.tool_outputs[1]
        assert (name, arguments, output) == ("get_weather", '{"city": "Oslo"}', WEATHER)


def test_after_each_round_of_outputs_comes_the_next_part(server):
    rule = server.when_heard("both").call("one").call("two")
    rule.then().call("three").then().say("All done.")
    with connected(server) as app:
        write(app, "Do both.")
        assert answer(app)[1] == "All done."
    assert [output.name for output in server.session.tool_outputs] == ["one", "two", "three"]


def test_answers_without_words_are_given_once_in_turn(server):
    server.next_answer().call("look").then().say("First.")
    server.next_answer().say("Second.")
    with connected(server) as app:
        write(app, "Ask something.")
        assert answer(app)[1] == "First."
        write(app, "Ask more.")
        assert answer(app)[1] == "Second."
        write(app, "And more.")
        assert answer(app)[1] == "You said: And more."


def test_the_newest_rule_that_fits_is_used(server):
    server.when_heard("colour").say("Red.")
    with connected(server) as app:
        write(app, "Which colour?")
        assert answer(app)[1] == "Red."
        server.when_heard("colour").say("Blue.")
        write(app, "Which colour?")
        assert answer(app)[1] == "Blue."


def test_a_rule_that_was_used_up_cannot_go_on(server):
    rule = server.next_answer().say("One.")
    with connected(server) as app:
        write(app, "Begin.")
        answer(app)
    with pytest.raises(RuntimeError, match="before the app asks"):
        rule.say("Two.")


@pytest.mark.parametrize(
    "say",
    [
        lambda server: server.hears(None),
        lambda server: server.hears("Hello.", after_ms="1"),
        lambda server: server.fails_to_hear("No.", code=500),
        lambda server: server.when_heard(None),
        lambda server: server.when_heard("x").wait(ms="300"),
        lambda server: server.when_heard("x").wait(ms=-5),
        lambda server: server.when_heard("x").say(None),
        lambda server: server.when_heard("x").stop("max_tokens"),
        lambda server: server.when_speaking("x").sound(ms="1"),
    ],
)
def test_what_cannot_be_acted_out_is_refused_when_it_is_said(server, say):
    with pytest.raises(ValueError, match=r"cannot be acted out|Rules are for words"):
        say(server)
    with connected(server) as app:
        write(app, "Is there an x?")
        assert answer(app) == ("completed", "You said: Is there an x?.")


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        (lambda rule: rule.fail("It fell over."), "failed"),
        (lambda rule: rule.say("I would").stop("content_filter"), "incomplete"),
    ],
)
def test_answers_end_as_told(server, steps, status):
    steps(server.when_heard("end"))
    with connected(server) as app:
        write(app, "Where will it end?")
        assert answer(app)[0] == status


def test_an_answer_that_hangs_ends_when_the_app_cancels(server):
    server.when_heard("hang").say("Wait").hang()
    with connected(server) as app:
        write(app, "Hang on.")
        server.session.wait_for("response.output_audio_transcript.delta")
        app.response.cancel()
        assert answer(app)[0] == "cancelled"


def test_speech_sounds_as_told(server):
    server.when_speaking("a long story").sound(ms=250)
    server.when_speaking("hoarse").wait(ms=1).fail("No voice.")
    server.when_heard("story").say("This is a long story.")
    server.when_heard("voice").say("I am hoarse.")
    with connected(server) as app:
        write(app, "Tell a story.")
        assert answer(app)[0] == "completed"
        assert len(server.session.spoken_audio) == 250 * 24 * 2
        write(app, "Use your voice.")
        assert answer(app)[0] == "failed"
