"""Prints a configuration: what holds, and who decided it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from antiphon.config.keys import HASH_PREFIX
from antiphon.config.loading import DEFAULT_SOURCE, Loaded
from antiphon.engines.choices import ENVIRONMENT

__all__ = ["report"]

_SHOWN_HASH_DIGITS = 8  # tell hashes apart
_MASK = "********"
_SECRETS = ("hash", "credential")
"""What entries of lists call what is not to be shown."""

_KEYS = ("api_keys", "admin_keys")

_PASSWORD = re.compile(r":[^/@]*@")
"""Of a URL, after the user's name."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # TOML: others are quoted


def report(loaded: Loaded, *, with_defaults: bool = True) -> Iterator[str]:
    """Yield the lines of a configuration as TOML, with the source of each value as a comment.

    API keys are masked, and of hashes only the beginning is shown.

    Args:
        loaded: The configuration.
        with_defaults: Whether values are to be shown that nobody gave.
    """
    for name in loaded.config.__struct_fields__:
        if loaded.sources[name] == DEFAULT_SOURCE and not with_defaults:
            continue
        value = getattr(loaded.config, name)
        masked = tuple(_masked(key) for key in value) if name in _KEYS else value
        plain = msgspec.to_builtins(masked, enc_hook=str)
        source = loaded.sources[name]
        if plain is None:
            yield f"# {name} is not set"
        for key, leaf in _leaves(name, plain):
            yield f"{key} = {_toml(leaf)}  # {source}"


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield what is to be said of a value: tables by their dotted keys."""
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _leaves(f"{key}.{_key(name)}", one)
    elif value is not None:
        yield key, _shown(key, value)


def _shown(key: str, value: Any) -> Any:  # noqa: ANN401
    """Return a value, masked if it is a secret; where it is kept may be shown."""
    if key == "store.url":
        return _PASSWORD.sub(f":{_MASK}@", str(value))
    is_key = key.endswith(".api_key") and not str(value).startswith(ENVIRONMENT)
    return _MASK if is_key else value


def _toml(value: Any) -> str:  # noqa: ANN401
    match value:
        case Mapping():
            pairs = [
                f"{_key(name)} = {_toml(_masked(one) if name in _SECRETS else one)}"
                for name, one in value.items()
                if one is not None
            ]
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)  # numbers, booleans, text: as in TOML


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _masked(key: str) -> str:
    if key.startswith(HASH_PREFIX):
        return key[: len(HASH_PREFIX) + _SHOWN_HASH_DIGITS] + "…"
    return _MASK
