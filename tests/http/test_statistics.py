from __future__ import annotations

import time

import pytest

from tests.support.keeping import KEYS, keeping
from tests.support.kept import BEGIN_S, kept, opened

USAGE, LATENCY, ERRORS = (f"/v1/antiphon/{page}" for page in ("usage", "latency", "errors"))
THEN = {"from": str(BEGIN_S), "to": str(BEGIN_S + 24 * 3600)}


async def test_usage_is_told_by_day_model_and_key():
    async with keeping(currency="EUR") as server:
        await server.keep(
            kept(1, key="ann", cost_micros=2_500_000), kept(2, key="ann"), kept(3, model="quick")
        )
        answer = (await server.get(USAGE, **THEN)).json()
        by_key = (await server.get(USAGE, group_by="key", **THEN)).json()
        by_hour = (await server.get(USAGE, group_by="hour", **THEN)).json()
        whole = (await server.get(USAGE, group_by="", **THEN)).json()
    tokens = {"cached_tokens": 0, "input_audio_tokens": 0, "output_audio_tokens": 0}
    assert answer == {
        "object": "list",
        "data": [
            {
                "day": "2027-01-15",
                "model": "antiphon",
                "key": "ann",
                "responses": 2,
                "failed": 0,
                "input_tokens": 40,
                "output_tokens": 20,
                **tokens,
                "cost": 2.5,
            },
            {
                "day": "2027-01-15",
                "model": "quick",
                "key": None,
                "responses": 1,
                "failed": 0,
                "input_tokens": 20,
                "output_tokens": 10,
                **tokens,
                "cost": None,
            },
        ],
        "currency": "EUR",
    }
    assert [(one["key"], one["responses"]) for one in by_key["data"]] == [(None, 1), ("ann", 2)]
    assert "day" not in by_key["data"][0]
    assert [(one["hour"], one["responses"]) for one in by_hour["data"]] == [(BEGIN_S, 3)]
    assert [one["responses"] for one in whole["data"]] == [3]


async def test_latencies_are_points_over_time():
    async with keeping() as server:
        await server.keep(kept(1), kept(2), kept(3, model="quick"))
        answer = (await server.get(LATENCY, **THEN)).json()
        quick = (await server.get(LATENCY, model="quick", stage="transcribed", **THEN)).json()
    (point,) = answer["data"]
    assert (answer["object"], answer["stage"]) == ("list", "voice_to_voice")
    assert (point["at"], point["count"]) == (BEGIN_S, 3)
    assert point["p50_ms"] == point["p99_ms"] == pytest.approx(700, rel=0.02)
    assert [point["p95_ms"] for point in quick["data"]] == [pytest.approx(100, rel=0.02)]


async def test_what_is_new_is_shown_without_being_asked_for():
    now_s = time.time() - BEGIN_S
    async with keeping() as server:
        await server.keep(kept(1, after_s=now_s))
        assert len((await server.get(USAGE)).json()["data"]) == 1
        for bucket in ("minute", "hour", "day"):
            assert len((await server.get(LATENCY, bucket=bucket)).json()["data"]) == 1


async def test_errors_are_the_newest_responses_that_failed():
    async with keeping() as server:
        await server.keep([opened()], kept(1, status="failed"), kept(2), kept(3, status="failed"))
        answer = (await server.get(ERRORS)).json()
        older = (await server.get(ERRORS, after="resp_3", to=str(BEGIN_S + 3))).json()
    assert [one["id"] for one in answer["data"]] == ["resp_3", "resp_1"]
    assert answer["data"][0]["status_details"]["error"]["message"] == "It broke."
    assert [one["id"] for one in older["data"]] == ["resp_1"]


@pytest.mark.parametrize(
    ("page", "query", "param"),
    [
        (USAGE, "group_by=month", "group_by[0]"),
        (USAGE, "group_by=day,day", "group_by"),
        (USAGE, "from=5&to=4", "from"),
        (USAGE, "from=0", "from"),
        (USAGE, "since=5", "since"),
        (LATENCY, "stage=thinking", "stage"),
        (LATENCY, "bucket=year", "bucket"),
        (LATENCY, "bucket=minute&from=0&to=200000", "from"),
        (ERRORS, "limit=1000", "limit"),
        (ERRORS, "status=failed", "status"),
    ],
)
async def test_what_cannot_be_asked_for_is_named(page, query, param):
    async with keeping() as server:
        answer = await server.http.get(f"{page}?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("page", [USAGE, LATENCY, ERRORS])
async def test_only_administrators_see_what_concerns_everybody(page):
    async with keeping(**KEYS) as server:
        statuses = [
            (await server.get(page, key)).status_code for key in (None, "key-ann", "key-admin")
        ]
    assert statuses == [401, 403, 200]
