"""Which metrics there are."""

from __future__ import annotations

import re

from prometheus_client import Metric

from antiphon.runtime.telemetry.gauges import of_store
from antiphon.store.queue import StoreFigures
from tests.support.memory import MemoryClient, open_room

__all__ = ["METRIC", "exported"]

METRIC = re.compile(r"\b(?:antiphon|process)_[a-z_]+")
"""The name of one, in a query."""


async def exported() -> set[str]:
    """The names of all metrics, as queries write them."""
    families: list[Metric] = []
    async with open_room() as room:
        await room.welcome(MemoryClient())
        families += room.reception.metrics.registry.collect()
    families += of_store(StoreFigures(0, 0, 0, 0, None))
    counters = {f"{one.name}_total" for one in families if one.type == "counter"}
    histograms = {
        one.name + suffix
        for one in families
        if one.type == "histogram"
        for suffix in ("_bucket", "_count", "_sum")
    }
    plain = {one.name for one in families if one.type not in ("counter", "histogram")}
    return counters | histograms | plain
