"""Sessions that outlive their connections, over connections that stay in memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel
import msgspec
import pytest
from starlette.types import Scope

from antiphon.engines.base import Floats
from antiphon.engines.scripted.script import Gate, Say, Script, Sound, Take, Wait, WaitFor
from antiphon.engines.scripted.speaking import ScriptedSynthesizer
from antiphon.engines.speaking import SpeechRequest
from antiphon.errors import RequestError
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.hosts import CLOSE_TIMEOUT_S
from antiphon.runtime.openings import Opening
from antiphon.runtime.outbox import SOFT_BOUND_BYTES
from antiphon.runtime.resumption import RESUME_WITHIN_S
from antiphon.transports import resumable
from antiphon.transports.connection import Connection
from tests.simulation.dice import Dice
from tests.support.cast import make_cast
from tests.support.ledger import Ledger
from tests.support.ledger.frames import read_frame
from tests.support.ledger.requests import Form
from tests.support.memory import GoneClient, open_room
from tests.support.returning import Event, ReturningClient
from tests.support.sound import as_base64, silence, speech

SCOPE: Scope = {"type": "websocket"}
TURN = speech(700) + silence(800)
MOMENT_S = 1.0
"""Long enough for an answer to go on, and short enough to come back after."""


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


# --- cut at any frame, the client sees what it would have seen ------------------------------------

Step = tuple[str, str, dict[str, object]]
"""An event to wait for, and one to send then, if there is one."""

TALK: tuple[Step, ...] = (
    ("session.created", "session.update", {"session": {"type": "realtime", "instructions": "Hi"}}),
    (
        "session.updated",
        "conversation.item.create",
        {
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Tell me."}],
            }
        },
    ),
    ("conversation.item.done", "response.create", {}),
    ("response.done", "input_audio_buffer.append", {"audio": as_base64(TURN)}),
    ("response.done", "input_audio_buffer.clear", {}),
    ("input_audio_buffer.cleared", "", {}),
)
"""A written question and its answer, a spoken one and its answer."""

DICTATION: tuple[Step, ...] = (
    ("session.created", "input_audio_buffer.append", {"audio": as_base64(TURN)}),
    ("conversation.item.input_audio_transcription.completed", "", {}),
)

INTERPRETATION: tuple[Step, ...] = (
    ("session.created", "session.input_audio_buffer.append", {"audio": as_base64(TURN)}),
    ("session.output_transcript.delta", "session.close", {}),
    ("session.closed", "", {}),
)

SCRIPT = Script(
    answers=tuple(
        Take((Wait(300), Say("This takes a while. It really does.", every_ms=40))) for _ in range(2)
    ),
    speeches=tuple(Take((Wait(50), Sound(900), Wait(200), Sound(900))) for _ in range(4)),
)


@dataclass(frozen=True)
class Play:
    """A conversation.

    Attributes:
        opening: What the client connects for.
        steps: What it does.
    """

    opening: Opening
    steps: tuple[Step, ...]


PLAYS = {
    "talk": Play(Opening(model="antiphon"), TALK),
    "dictation": Play(Opening(kind="transcription", model="antiphon"), DICTATION),
    "interpretation": Play(Opening(kind="translation", model="antiphon"), INTERPRETATION),
    "beta": Play(Opening(model="antiphon", dialect="beta"), TALK),
}

Cuts = Callable[[int], bool]
"""Whether the connection breaks after so many events."""


async def play(of: Play, cuts: Cuts = lambda _: False, away_s: float = MOMENT_S) -> ReturningClient:
    """Play a conversation with a client whose connections break."""
    async with open_room(SCRIPT, speculation="off") as room:
        room.reception._entropy = room.reception.openings._entropy = RandomEntropy(1)
        client = ReturningClient(room, of.opening)
        await client.connect()
        for wanted, then, fields in steps_of(of):
            while client.frames[-1]["type"] != wanted:
                await read(client, cuts, away_s)
            if then:
                await client.send(then, **fields)
                await read(client, cuts, away_s)
        return client


async def read(client: ReturningClient, cuts: Cuts, away_s: float) -> None:
    """Read an event; what is sent after the connection is cut, and before this, gets lost."""
    if client.is_cut:
        await anyio.sleep(away_s)
        await client.come_back()
    await client.next()
    if cuts(len(client.frames)):
        client.cut()


def steps_of(of: Play) -> list[Step]:
    """The steps, by the names that events have in the client's dialect."""
    if of.opening.dialect == "ga":
        return list(of.steps)
    return [
        (
            "conversation.item.created" if wanted == "conversation.item.done" else wanted,
            then,
            {"session": {"instructions": "Hi"}} if then == "session.update" else fields,
        )
        for wanted, then, fields in of.steps
    ]


def seen(client: ReturningClient) -> list[Event]:
    """What a client saw of a session, but for what is another each time."""
    frames = msgspec.json.decode(
        re.sub(rb'"expires_at":\d+', b'"expires_at":0', msgspec.json.encode(client.frames))
    )
    return [{name: value for name, value in one.items() if name != "antiphon"} for one in frames]


@pytest.mark.parametrize("name", PLAYS)
async def test_wherever_the_connection_breaks_the_client_sees_the_same_once_and_in_order(name):
    uncut = await play(PLAYS[name])
    assert not uncut.resumed
    for place in range(2, len(uncut.frames)):
        cut = await play(PLAYS[name], place.__eq__)
        assert seen(cut) == seen(uncut), f"cut after {place} events"


@pytest.mark.parametrize("seed", range(20))
async def test_however_often_it_breaks(seed):
    dice = Dice(seed)
    uncut = await play(PLAYS["talk"])
    cut = await play(PLAYS["talk"], lambda _: dice.chance(0.3), away_s=dice.choice([0.0, 0.1, 5.0]))
    assert cut.resumed
    assert seen(cut) == seen(uncut)


async def test_the_orders_of_the_protocol_hold_over_all_connections():
    client = await play(PLAYS["talk"], lambda count: count % 3 == 0)
    ledger = Ledger()
    waited_for = (wanted for wanted, then, _ in TALK if then)
    to_send = zip(waited_for, client.sent, strict=True)
    wanted, text = next(to_send)
    for frame in client.frames:
        ledger.read(read_frame(msgspec.json.encode(frame)))
        if frame["type"] == wanted:
            ledger.sends(text, Form.SOUND)
            wanted, text = next(to_send, ("", ""))
    assert not ledger.running


# --- while the client is away ---------------------------------------------------------------------


async def ask(client: ReturningClient) -> None:
    """Ask for an answer, and wait until it has begun."""
    await client.send("response.create")
    await client.until("response.created")


async def test_an_answer_waits_for_a_client_that_is_away_and_goes_on():
    sentences, sentence_s = 6, 8
    text = " ".join("This takes a while." for _ in range(sentences))
    script = Script(
        answers=(Take((Say(text),)),),
        speeches=tuple(Take((Sound(sentence_s * 1000),)) for _ in range(sentences)),
    )
    async with open_room(script) as room:
        client = ReturningClient(room)
        await client.connect()
        await ask(client)
        client.cut()
        await anyio.sleep(RESUME_WITHIN_S - 1)
        spoken = len(room.cast.synthesizer.requests)
        assert spoken * sentence_s * 64_000 <= SOFT_BOUND_BYTES + 2 * sentence_s * 64_000
        await client.come_back()
        response = (await client.until("response.done"))["response"]
    assert response["status"] == "completed"
    assert len(room.cast.synthesizer.requests) == sentences


async def test_a_session_whose_client_does_not_come_back_ends_with_all_its_work():
    gate = Gate()
    async with open_room(Script(answers=(Take((WaitFor(gate),)),))) as room:
        client = ReturningClient(room)
        await client.connect()
        await ask(client)
        await gate.reached()
        client.cut()
        await anyio.sleep(RESUME_WITHIN_S - 1)
        assert (room.reception.open_sessions, room.cast.stage.running) == (1, 1)
        await anyio.sleep(2)
        assert (room.reception.open_sessions, room.cast.stage.running) == (0, 0)
        assert len(room.reception.live) == 0
        assert await refusal(client) == "session_not_found"


async def test_a_client_that_closes_the_connection_in_order_is_not_waited_for():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.connection.close(1000)
        await client.connection.over.wait()
        await anyio.lowlevel.checkpoint()
        assert room.reception.open_sessions == 0


async def test_a_client_that_goes_before_it_is_accepted_has_no_session(caplog):
    async with open_room() as room:
        gone = GoneClient()
        with pytest.raises(ConnectionError):  # which a server takes for what it is
            await resumable.serve(
                Connection(SCOPE, gone.asgi_receive, gone.asgi_send),
                reception=room.reception,
                opening=Opening(model="antiphon"),
            )
        assert room.reception.open_sessions == 0
    assert not caplog.records


async def test_one_that_goes_before_it_is_accepted_again_may_come_back_again():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.cut()
        gone, token = GoneClient(), client.token
        with pytest.raises(ConnectionError):
            await resumable.serve_again(
                Connection(SCOPE, gone.asgi_receive, gone.asgi_send),
                session=room.reception.resumptions.find(client.session_id, None, token),
                token=token,
                last_event_id=client.frames[-1]["event_id"],
            )
        await client.come_back()
        assert client.resumed


async def test_a_page_that_is_left_may_be_loaded_again():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.connection.close(1001)
        await client.connection.over.wait()
        await client.come_back()
        assert client.resumed


async def test_an_idle_session_is_without_a_task_for_what_it_sends():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        await anyio.sleep(1)
        before = len(asyncio.all_tasks())
        other = ReturningClient(room)
        await other.connect()
        await anyio.sleep(1)
        assert len(asyncio.all_tasks()) - before == 2  # the connection's, and the session's


# --- who may come back ----------------------------------------------------------------------------


async def refusal(client: ReturningClient, **otherwise: str) -> str | None:
    """Come back; return the code with which that is refused."""
    client.begin_to_reconnect(**otherwise)
    await client.connection.over.wait()
    assert client.refused is not None
    return client.refused.code


async def test_a_wrong_token_opens_nothing_and_changes_nothing():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.cut()
        for token in ("", "x", client.token + "x", "\u00fc"):
            assert await refusal(client, token=token) == "session_not_found"
        await client.come_back()
        assert client.resumed


async def test_another_key_opens_nothing():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.cut()
        with pytest.raises(RequestError, match="no session"):
            room.reception.resumptions.find(client.session_id, "another", client.token)


async def test_a_token_is_of_no_use_once_the_client_has_the_next():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        first = client.token
        client.cut()
        await client.come_back()
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        client.cut()
        assert client.token != first
        assert await refusal(client, token=first) == "session_not_found"
        await client.come_back()


async def test_a_token_is_good_again_if_the_next_did_not_arrive():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.cut()
        client.begin_to_reconnect()
        await client.connection.accepted.wait()
        client.cut()
        await anyio.sleep(MOMENT_S)
        await client.come_back()
        assert client.resumed


async def test_a_connection_that_still_seems_to_be_there_is_closed():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        old = client.connection
        await client.come_back()
        await old.over.wait()
        assert old.closed == (4001, "The session was resumed by another connection.")
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        assert room.reception.open_sessions == 1


# --- when it cannot go on -------------------------------------------------------------------------


async def test_a_client_that_has_missed_more_than_is_kept_is_told_so_and_the_session_ends():
    script = Script(speeches=(Take((Sound(100_000),)),))
    async with open_room(script) as room:
        client = ReturningClient(room)
        await client.connect()
        created = client.frames[0]["event_id"]
        await ask(client)
        await client.until("response.done")
        client.cut()
        assert await refusal(client, last_event_id=created) == "resume_gap"
        await anyio.sleep(MOMENT_S)
        assert room.reception.open_sessions == 0


async def test_a_session_that_the_server_ends_tells_the_client_that_comes_back():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.cut()
        await client.connection.over.wait()
        (live,) = room.reception.live
        live.host.end((1001, "The server is shutting down."))
        await client.come_back()
        await client.connection.over.wait()
        assert client.connection.closed == (1001, "The server is shutting down.")
        assert room.reception.open_sessions == 0


async def test_a_session_that_the_server_ends_is_over_even_if_nobody_comes_back():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.cut()
        await client.connection.over.wait()
        (live,) = room.reception.live
        live.host.end((1001, "The server is shutting down."))
        await anyio.sleep(CLOSE_TIMEOUT_S + 1)
        assert room.reception.open_sessions == 0


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_mistake_of_the_server_ends_the_session_and_no_other(is_away, caplog):
    script = Script(answers=(Take((Wait(1_000), Say("Never heard."))),))
    cast = make_cast(script)
    failing = replace(cast, synthesizer=Broken(cast.synthesizer.info, script))
    async with open_room(cast=failing) as room:
        client = ReturningClient(room)
        await client.connect()
        other = ReturningClient(room)
        await other.connect()
        await ask(client)
        if is_away:
            client.cut()
        await client.connection.over.wait()
        await anyio.sleep(2)
        assert room.reception.open_sessions == 1
        await other.send("input_audio_buffer.clear")
        await other.until("input_audio_buffer.cleared")
    assert is_away or client.connection.closed == (1011, "The server made a mistake.")
    assert "ended by a mistake" in caplog.text


class Broken(ScriptedSynthesizer):
    """Raises what no engine may raise."""

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        message = "a mistake of the synthesizer's author"
        raise ValueError(message)
        yield
