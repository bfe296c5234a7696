"""Prometheus can read what is made for it, and alerts are of metrics that there are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.exported import METRIC, exported

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ,
    reason="Prometheus is not installed",
)


def alerts() -> list[dict[str, Any]]:
    read = yaml.safe_load(FOLDER.joinpath("alerts.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


@needs_promtool
@pytest.mark.parametrize(
    "checked", [("config", "--syntax-only", "prometheus.yml"), ("rules", "alerts.yml")]
)
def test_prometheus_understands_the_files(checked):
    command = ["promtool", "check", *checked]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_alerts_are_of_metrics_that_the_server_exports():
    named = {name for alert in alerts() for name in METRIC.findall(alert["expr"])}
    assert named
    assert named - await exported() == set()


def test_each_alert_says_what_it_is_about_and_whether_it_can_wait():
    for alert in alerts():
        assert alert["annotations"]["summary"].endswith((".", "?"))
        assert alert["labels"]["severity"] in ("page", "ticket")
