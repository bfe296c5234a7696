"""What an operator decided that changes nothing, most likely by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from antiphon.config.fields import Config
from antiphon.engines.base import Role

__all__ = ["unused"]


def unused(config: Config) -> Iterator[str]:
    """Yield a sentence or two for each decision that changes nothing.

    Args:
        config: The operator's choices.
    """
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
