"""What Prometheus is told of sessions; also of the state of the server (``gauges``)."""

from itertools import pairwise

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

from antiphon.engines.scripted.script import Fail, Script, Take
from antiphon.runtime.openings import Opening
from antiphon.runtime.reception import Reception
from antiphon.runtime.telemetry.metrics import VOICE_BUCKETS_S
from tests.support.memory import MemoryClient, open_room
from tests.support.sound import silence, speech


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def figures(reception: Reception) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """All that is exported: values by the names and labels of the series."""
    content, _ = reception.metrics.exposition("text/plain")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(content.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def the_only(series: dict[tuple[tuple[str, str], ...], float]) -> tuple[dict[str, str], float]:
    ((labels, value),) = series.items()
    return dict(labels), value


async def test_a_conversation_is_counted():
    async with open_room() as room:
        client = MemoryClient()
        await room.welcome(client)
        await client.append(speech(900) + silence(900))
        response = await client.answer()
        seen = figures(room.reception)
        about = {"kind": "realtime", "model": "antiphon", "transport": "websocket"}
        assert the_only(seen["antiphon_sessions_total"]) == (about, 1)
        assert the_only(seen["antiphon_sessions_open"]) == (about, 1)
        ended = {"model": "antiphon", "status": "completed", "reason": ""}
        assert the_only(seen["antiphon_responses_total"]) == (ended, 1)
        assert the_only(seen["antiphon_voice_to_voice_seconds_count"]) == ({}, 1)
        stages = {dict(labels)["stage"] for labels in seen["antiphon_stage_seconds_count"]}
        assert stages == {"transcribed", "first_token", "first_audio"}
        assert sum(seen["antiphon_tokens_total"].values()) == response["usage"]["total_tokens"]
        client.leave()
        await client.over.wait()
        seen = figures(room.reception)
        assert "antiphon_sessions_open" not in seen
        assert the_only(seen["antiphon_sessions_closed_total"]) == ({"code": "client_left"}, 1)
        assert the_only(seen["antiphon_session_seconds_count"]) == ({}, 1)


async def test_a_response_that_fails_is_counted_with_its_code():
    script = Script(answers=(Take(steps=(Fail("No.", "out_of_order"),)),))
    async with open_room(script) as room:
        client = MemoryClient()
        await room.welcome(client)
        assert (await client.ask("Hello?"))["status"] == "failed"
        labels, count = the_only(figures(room.reception)["antiphon_responses_total"])
    assert (labels["status"], labels["reason"], count) == ("failed", "out_of_order", 1)


async def test_names_that_clients_make_up_are_no_labels():
    async with open_room() as room:
        for name in ("anything", "else", "antiphon"):
            await room.welcome(MemoryClient(), Opening(model=name))
        counted = figures(room.reception)["antiphon_sessions_total"]
    assert {dict(labels)["model"]: value for labels, value in counted.items()} == {
        "other": 2,
        "antiphon": 1,
    }


async def test_what_waits_for_a_client_that_does_not_read_is_seen():
    async with open_room(Script(sentence="A long answer. " * 20)) as room:
        client = MemoryClient()
        await room.welcome(client)
        await client.write("Hello?")
        assert the_only(figures(room.reception)["antiphon_outbox_bytes"]) == ({}, 0)
        client.stop_reading()
        await client.send("response.create")
        await anyio.sleep(1.0)
        assert the_only(figures(room.reception)["antiphon_outbox_bytes"])[1] > 10_000
        client.read_on()
        await client.answer()


async def test_the_state_of_the_server_is_told():
    async with open_room(max_sessions=1) as room:
        seen = figures(room.reception)
        assert the_only(seen["antiphon_ready"]) == ({}, 1)
        assert the_only(seen["antiphon_places"]) == ({}, 1)
        await room.welcome(MemoryClient())
        seen = figures(room.reception)
        assert the_only(seen["antiphon_ready"]) == ({}, 0)
        assert the_only(seen["antiphon_places_taken"]) == ({}, 1)
        phases = {dict(labels)["phase"]: value for labels, value in seen["antiphon_phase"].items()}
        assert phases == {"loading": 0, "serving": 1, "draining": 0}


async def test_late_results_and_dropped_frames_are_kept_when_their_session_is_over():
    async with open_room() as room:
        client = MemoryClient()
        await room.welcome(client)
        (live,) = room.reception.live
        live.host._session._responses.dropped_signals = 3  # type: ignore[attr-defined]
        live.host.outbox._dropped_frames = 2
        open_ = figures(room.reception)
        client.leave()
        await client.over.wait()
        over = figures(room.reception)
    for seen in (open_, over):
        assert the_only(seen["antiphon_signals_late_total"]) == ({}, 3)
        assert the_only(seen["antiphon_frames_dropped_total"]) == ({}, 2)


async def test_two_servers_of_a_process_count_apart():
    async with open_room() as one, open_room() as other:
        await one.welcome(MemoryClient())
        assert "antiphon_sessions_total" in figures(one.reception)
        assert "antiphon_sessions_total" not in figures(other.reception)


def test_latencies_are_told_apart_where_people_notice():
    around = [bound for bound in VOICE_BUCKETS_S if 0.3 <= bound <= 1.0]
    assert all(high - low <= 0.11 for low, high in pairwise(around))
