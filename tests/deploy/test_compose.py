"""The example for Docker Compose is of files and settings that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from antiphon.config import load

FOLDER = Path(__file__).parents[2] / "deploy"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FOLDER.joinpath("compose.yaml").read_text())[
    "services"
]


def test_what_is_mounted_is_there():
    volumes = [one for service in SERVICES.values() for one in service.get("volumes", ())]
    mounted = [one.partition(":")[0] for one in volumes if one.startswith(".")]
    assert mounted
    assert [path for path in mounted if not FOLDER.joinpath(path).exists()] == []


def test_the_server_is_configured_as_it_says():
    variables = SERVICES["antiphon"]["environment"]
    filled = {name: re.sub(r"\$\{(\w+).*?\}", r"\1", value) for name, value in variables.items()}
    config, sources = load(environment=filled)
    used = {f"ANTIPHON_{field.upper()}" for field, source in sources.items() if source != "default"}
    assert {name for name in filled if name.startswith("ANTIPHON_")} <= used
    assert config.needs_key
    assert config.store.url == "env:DATABASE_URL"


def test_every_variable_is_in_the_example_of_them():
    text = FOLDER.joinpath("compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{([A-Z_]+)", text))
    given = re.findall(r"(?m)^([A-Z_]+)=", FOLDER.joinpath("compose.env.example").read_text())
    assert wanted == set(given)


def test_it_is_given_the_time_to_drain():
    assert int(SERVICES["antiphon"]["stop_grace_period"].removesuffix("s")) > 40
