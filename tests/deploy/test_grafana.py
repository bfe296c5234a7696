"""The dashboard shows what the server exports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.exported import METRIC, exported

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "antiphon.json"

_SUFFIXES = ("_bucket", "_count", "_sum", "_total")


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return read


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


async def test_every_query_is_of_metrics_that_the_server_exports():
    variables = [one.get("definition", "") for one in dashboard()["templating"]["list"]]
    named = set(METRIC.findall(" ".join([*queries(), *variables])))
    assert named
    assert named - await exported() == set()


async def test_every_metric_of_the_server_is_shown():
    named = set(METRIC.findall(" ".join(queries())))
    shown = {name for name in await exported() if name.startswith("antiphon_")}
    base = {re.sub("|".join(f"{suffix}$" for suffix in _SUFFIXES), "", name) for name in named}
    hidden = {
        name
        for name in shown
        if re.sub("|".join(f"{suffix}$" for suffix in _SUFFIXES), "", name) not in base
    }
    assert hidden == {"antiphon_phase"}


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    everything = dashboard()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


@pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ,
    reason="Prometheus is not installed",
)
def test_prometheus_understands_every_query(tmp_path):
    rules = [
        {"record": f"query:number:{index}", "expr": expr.replace("$__rate_interval", "5m")}
        for index, expr in enumerate(queries())
    ]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
