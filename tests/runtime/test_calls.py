from __future__ import annotations

import anyio
import pytest

from antiphon.errors import RequestError
from antiphon.runtime.calls import Call, Calls
from antiphon.runtime.hosts import CLOSE_TIMEOUT_S, CloseReason
from antiphon.runtime.outbox import HARD_BOUND_BYTES, Outbox


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class Host:
    """The owner of a session that does nothing by itself."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.closing: CloseReason | None = None
        self.session_id = "sess_1"
        self.received: list[str | bytes] = []
        self.refused: list[RequestError] = []

    def receive(self, frame: str | bytes) -> None:
        self.received.append(frame)

    def refuse(self, error: RequestError) -> None:
        self.refused.append(error)

    async def ready(self) -> None:
        await anyio.lowlevel.checkpoint()

    def end(self, reason):
        self.closing = reason
        self.close()

    def close(self) -> None:
        self.outbox.close()


def made_call(send: list[bytes] | None = None, key_name: str | None = None) -> tuple[Call, Host]:
    host = Host()
    return Call("rtc_1", key_name, host, (send if send is not None else []).append), host


async def test_events_reach_the_caller_and_all_who_are_attached():
    sent: list[bytes] = []
    call, host = made_call(sent)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call.last, tasks)
        host.outbox.put(b"before")
        await anyio.sleep(1)
        one, other = call.attach(tasks), call.attach(tasks)
        host.outbox.put(b"after")
        await anyio.sleep(1)
        assert (await one.outbox.get(), await other.outbox.get()) == (b"after", b"after")
        call.hang_up("enough")
    assert sent == [b"before", b"after"]


async def test_what_the_attached_send_is_the_sessions_like_the_callers():
    call, host = made_call()
    async with anyio.create_task_group() as tasks:
        listener = call.attach(tasks)
        listener.receive("an event")
        listener.refuse(RequestError("No."))
        assert listener.session_id == "sess_1"
    assert host.received == ["an event"]
    assert [str(error) for error in host.refused] == ["No."]


async def test_who_does_not_read_is_left_behind_and_the_call_goes_on():
    sent: list[bytes] = []
    call, host = made_call(sent)
    frame = bytes(HARD_BOUND_BYTES + 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call.last, tasks)
        listener = call.attach(tasks)
        for _ in range(2):
            host.outbox.put(frame)
            await anyio.sleep(1)
        assert listener.closing is not None
        assert listener.closing[0] == 1013
        assert await listener.outbox.get() is None
        host.outbox.put(b"next")
        await anyio.sleep(1)
        assert sent[-1] == b"next"
        listener.receive("too late")
        assert host.received == []
        tasks.cancel_scope.deadline = float("inf")
        call.hang_up("enough")


@pytest.mark.parametrize(
    ("closing", "told"),
    [(None, (1000, "The call has ended.")), ((1001, "Time is up."), (1001, "Time is up."))],
)
async def test_the_end_is_told_to_the_attached_after_all_that_came_before(closing, told):
    call, host = made_call()
    async with anyio.create_task_group() as tasks, anyio.create_task_group() as connection:
        listener = call.attach(connection)
        tasks.start_soon(call.last, tasks)
        await anyio.sleep(1)
        host.outbox.put(b"the last")
        host.closing = closing
        if closing is None:
            await anyio.sleep(1)
            call.hang_up("enough")
        else:
            host.outbox.close()
        await anyio.sleep(1)
        assert listener.closing == told
        assert await listener.outbox.get() == b"the last"
        assert listener.outbox.closed
        left_s = connection.cancel_scope.deadline - anyio.current_time()
        assert 0 < left_s <= CLOSE_TIMEOUT_S


async def test_calls_are_found_by_the_key_that_opened_them_as_long_as_they_last():
    calls = Calls()
    call, _ = made_call(key_name="kiosk")
    with calls.listed(call):
        assert calls.find("rtc_1", "kiosk") is call
        for call_id, key_name in (("rtc_1", "other"), ("rtc_1", None), ("rtc_2", "kiosk")):
            with pytest.raises(RequestError) as refusal:
                calls.find(call_id, key_name)
            assert (refusal.value.code, refusal.value.param) == ("call_not_found", "call_id")
    with pytest.raises(RequestError):
        calls.find("rtc_1", "kiosk")


async def test_what_keeps_a_call_from_beginning_is_raised_where_it_was_to_begin():
    async def run(_status: object) -> None:
        await anyio.lowlevel.checkpoint()
        raise RequestError("No.", code="invalid_offer")

    calls = Calls()
    async with calls.taken():
        with pytest.raises(RequestError) as refusal:
            await calls.begin(run)
    assert refusal.value.code == "invalid_offer"
