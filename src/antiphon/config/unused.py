"""What an operator decided that changes nothing, most likely by mistake."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import get_args

from antiphon.config.fields import Config
from antiphon.config.loading import FILE_VARIABLE, PREFIX, variable_of
from antiphon.engines.base import Role

__all__ = ["unused"]


_OF_CLIENTS = {"ANTIPHON_API_KEY": "api_keys", "ANTIPHON_ADMIN_KEY": "admin_keys"}
"""Variables of one key, which clients and deployments read, and the field that has the server's."""

_OF_OTHERS = {*_OF_CLIENTS, "ANTIPHON_URL", "ANTIPHON_NAME", "ANTIPHON_SERVER"}
"""What the command ``ask``, the examples and the files in ``deploy`` read."""

_OF_KUBERNETES = re.compile(rf"{PREFIX}(SERVICE|PORT)_")
"""What it sets in every container where a service is called ``antiphon``."""


def unused(config: Config, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield a sentence or two for each decision that changes nothing.

    Args:
        config: The operator's choices.
        environment: Variables, of which a configuration may be made.
    """
    yield from _unused_engines(config)
    given = sorted(name for name in environment if name.startswith(PREFIX))
    yield from _unknown_variables(given)
    for name, field in _OF_CLIENTS.items():
        if name in given and not getattr(config, field):
            yield (
                f"{name} is for clients: the server has no '{field}'. If this is to be one of "
                f"them, set {variable_of(field)}."
            )


def _unused_engines(config: Config) -> Iterator[str]:
    by_engines = [model for model in config.models.values() if model.service is None]
    for role in get_args(Role):
        if getattr(config, role) and all(getattr(model, role, None) for model in by_engines):
            yield (
                f"'{role}' is used by no model: {_why(config, by_engines=bool(by_engines))} Leave "
                "it out, or add a model that has none of its own."
            )


def _why(config: Config, *, by_engines: bool) -> str:
    names = ", ".join(f"'{name}'" for name in config.models)
    answered = "has one of its own" if by_engines else "is answered for by a service"
    return f"each ({names}) {answered}."


def _unknown_variables(given: list[str]) -> Iterator[str]:
    known = {FILE_VARIABLE, *map(variable_of, Config.__struct_fields__)}
    endings = [name.removeprefix(PREFIX) for name in known]
    for name in given:
        if name in known | _OF_OTHERS or _OF_KUBERNETES.match(name):
            continue
        nearest = get_close_matches(name.removeprefix(PREFIX), endings, n=1)
        remedy = (
            f"Did you mean {PREFIX}{nearest[0]}?"
            if nearest
            else "'antiphon config' lists all fields."
        )
        yield f"The variable {name} means nothing to this server. {remedy}"
