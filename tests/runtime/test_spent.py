from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from antiphon.config import Limits, Price
from antiphon.runtime.costs import Spent
from antiphon.runtime.spent import spent_before
from antiphon.store.choices import StoreChoice
from antiphon.store.store import open_store
from antiphon.store.usage import COUNTED, add_usage
from tests.support.server import running_server

NOON_S = 1_800_014_400  # 2027-01-15 12:00 UTC
DAY_S = 86_400


def row(key_name: str | None, at_s: int, cost_micros: int | None) -> dict[str, Any]:
    counted = dict.fromkeys(COUNTED[2:], 0)
    of_whom = {"model": "antiphon", "key_name": key_name, "created_at": at_s * 1_000_000}
    return {**of_whom, "status": "completed", "cost_micros": cost_micros, **counted}


async def test_a_server_that_starts_knows_what_was_spent_this_day_and_this_month(tmp_path):
    rows = (
        row("kiosk", NOON_S - 60, 5),
        row("kiosk", NOON_S - DAY_S, 7),
        row("kiosk", NOON_S - 30 * DAY_S, 11),
        row("tests", NOON_S - DAY_S, 13),
        row("free", NOON_S - 60, None),
        row(None, NOON_S - 60, 17),
    )
    async with open_store(StoreChoice(), tmp_path) as store:
        await store.change(lambda connection: add_usage(connection, rows))
        spent = await spent_before(store, NOON_S)
    assert spent == {
        "kiosk": Spent(5, 12),
        "tests": Spent(0, 13),
        "free": Spent(0, 0),
        None: Spent(17, 17),
    }


async def test_a_store_that_cannot_be_read_keeps_nobody_from_talking(tmp_path, caplog):
    async with open_store(StoreChoice(), tmp_path) as store:
        await store.change(lambda connection: connection.exec_driver_sql("DROP TABLE usage_hours"))
        assert await spent_before(store, NOON_S) == {}
    assert "begin anew" in caplog.text


async def test_a_server_that_starts_again_goes_on_counting(tmp_path):
    limits, prices = Limits(spend_per_month=1.0), {"*": Price(output=1_000_000.0)}
    fields: dict[str, Any] = {"home": tmp_path, "rate_limits": limits, "prices": prices}
    config = {"store": StoreChoice(), **fields}
    async with running_server(**config) as server, server.socket() as client:
        await client.until("session.created")
        assert (await client.ask("Hello?"))["status"] == "completed"
    async with running_server(**config) as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket():
                pass
    assert refusal.value.response.status_code == 429
    assert json.loads(refusal.value.response.body)["error"]["code"] == "insufficient_quota"
