from __future__ import annotations

import pytest

from antiphon.config import Limits, Price
from antiphon.core.effects import StartResponse
from antiphon.core.rate_limits import Exceeded, Overspent, failure_of_limit
from antiphon.runtime.rate_limits import KeyAccount, ModelAccount
from tests.core.support import Rig, settings, types
from tests.core.test_session import VAD


def limited(**limits: int) -> Rig:
    return Rig(limits=KeyAccount(Limits(**limits)))


def test_a_limit_is_told_with_when_to_try_again_as_the_hosted_service_words_it():
    failure = failure_of_limit(Exceeded("tokens", 200, 1.2341))
    assert (failure.type, failure.code) == ("rate_limit_exceeded", "inference_rate_limit_exceeded")
    assert failure.message == (
        "Rate limit reached: 200 tokens per minute. Please try again in 1.235s."
    )


def test_a_quota_is_told_with_when_it_is_renewed_as_the_hosted_service_words_it():
    failure = failure_of_limit(Overspent("day", 2.5, "EUR", 3600.4))
    assert (failure.type, failure.code) == ("insufficient_quota", "insufficient_quota")
    assert failure.message == (
        "You exceeded your current quota: 2.5 EUR per day. Please try again in 3600s."
    )


def test_a_response_beyond_the_quota_fails_and_the_session_goes_on():
    account = KeyAccount(Limits(spend_per_day=1.0))
    rig = Rig(limits=ModelAccount(account, Price(output=1_000_000.0)))
    rig.send("response.create")
    assert rig.answer("Hello")[-1]["response"]["status"] == "completed"
    frames = rig.send("response.create")
    assert types(frames) == ["response.created", "response.done"]  # and no limit that has no name
    error = frames[1]["response"]["status_details"]["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert rig.say("Well?")
    assert len(rig.effects(StartResponse)) == 1


def test_the_end_of_a_response_is_followed_by_how_the_limits_stand():
    rig = limited(requests_per_minute=6, tokens_per_minute=600)
    rig.send("response.create")
    done, updated = rig.answer("Hello")[-2:]
    assert (done["type"], updated["type"]) == ("response.done", "rate_limits.updated")
    used = done["response"]["usage"]["total_tokens"]
    requests, tokens = updated["rate_limits"]
    assert requests == {"name": "requests", "limit": 6, "remaining": 5, "reset_seconds": 10.0}
    assert (tokens["name"], tokens["remaining"]) == ("tokens", 600 - used)


def test_without_limits_none_are_told():
    rig = Rig()
    rig.send("response.create")
    assert "rate_limits.updated" not in types(rig.answer("Hello"))


def test_a_response_beyond_the_limit_fails_and_the_next_minute_is_another():
    rig = limited(requests_per_minute=1)
    rig.send("response.create")
    rig.answer("Hello")
    frames = rig.send("response.create")
    assert types(frames) == ["response.created", "response.done", "rate_limits.updated"]
    response = frames[1]["response"]
    assert response["status"] == "failed"
    assert response["status_details"]["error"] == {
        "type": "rate_limit_exceeded",
        "code": "inference_rate_limit_exceeded",
        "message": "Rate limit reached: 1 requests per minute. Please try again in 60.0s.",
    }
    assert response["usage"]["total_tokens"] == 0
    assert len(rig.effects(StartResponse)) == 1
    rig.now += 60
    rig.send("response.create")
    assert rig.answer("Hello again")[-2]["response"]["status"] == "completed"


def test_tokens_of_a_cancelled_response_count():
    rig = limited(tokens_per_minute=60)
    rig.send("response.create")
    rig.begin("Hello", " there")
    done, updated = rig.send("response.cancel")[-2:]
    used = done["response"]["usage"]["total_tokens"]
    assert used > 0
    assert updated["rate_limits"][0]["remaining"] == 60 - used


def test_a_refused_event_uses_nothing_up():
    account = KeyAccount(Limits(requests_per_minute=2))
    rig = Rig(limits=account)
    before = account.figures(rig.now)
    choice = {"type": "function", "name": "nobody"}
    assert types(rig.send("response.create", response={"tool_choice": choice})) == ["error"]
    assert account.figures(rig.now) == before
    rig.send("response.create")
    assert types(rig.send("response.create")) == ["error"]
    assert account.figures(rig.now)[0].remaining == 1


def test_answers_to_turns_count_as_well_and_the_session_goes_on():
    account = KeyAccount(Limits(requests_per_minute=1))
    rig = Rig(settings(turn_detection=VAD), limits=account)
    account.admit(rig.now)
    rig.speech(640)
    rig.silence(960)
    item_id = next(f for f in rig.frames if f["type"] == "input_audio_buffer.committed")["item_id"]
    assert types(rig.frames)[-3:] == ["response.created", "response.done", "rate_limits.updated"]
    assert rig.item(item_id)["role"] == "user"


def test_at_the_end_of_a_session_the_limits_are_told_as_they_stand_then():
    rig = Rig(limits=KeyAccount(Limits(requests_per_minute=1)), lifetime_s=45)
    rig.send("response.create")
    frames = rig.tick(45)
    assert types(frames) == ["response.done", "rate_limits.updated", "error"]
    (requests,) = frames[1]["rate_limits"]
    assert requests["reset_seconds"] == 15.0


def test_two_sessions_of_a_key_share_its_limits():
    account = KeyAccount(Limits(requests_per_minute=1))
    one, other = Rig(limits=account), Rig(limits=account)
    one.send("response.create")
    assert other.send("response.create")[1]["response"]["status"] == "failed"


@pytest.mark.parametrize("out_of_band", [True, False])
def test_each_response_is_followed_by_its_own_figures(out_of_band):
    rig = limited(requests_per_minute=10)
    rig.send("response.create", response={"conversation": "none"})
    first = rig.plan.response_id
    rig.send("response.create", response={"conversation": "none"} if out_of_band else {})
    rig.answer("One")
    rig.send("response.cancel", response_id=first)
    seen = types(rig.frames)
    assert seen.count("rate_limits.updated") == seen.count("response.done") == 2
