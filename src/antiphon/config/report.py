"""Prints a configuration: what holds, and who decided it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from antiphon.config.keys import HASH_PREFIX
from antiphon.config.loading import DEFAULT_SOURCE, Loaded
from antiphon.engines.addresses import MASK, without_passwords
from antiphon.engines.choices import ENVIRONMENT

__all__ = ["report"]

_SHOWN_HASH_DIGITS = 8  # tell hashes apart
_SECRETS = {
    *("api_key", "api_keys", "admin_keys", "authorization", "body", "credential", "hash"),
    "headers",
}
"""What is not to be shown, with everything in it."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # TOML: others are quoted


def report(loaded: Loaded, *, with_defaults: bool = True) -> Iterator[str]:
    """Yield the lines of a configuration as TOML, with the source of each value as a comment.

    Keys, passwords, headers, and texts in queries and bodies of requests are masked, wherever they
    are, and of hashes only the beginning is shown. In which variable of the environment a secret is
    kept may be seen.

    Args:
        loaded: The configuration.
        with_defaults: Whether values are to be shown that nobody gave.
    """
    for name in loaded.config.__struct_fields__:
        if loaded.sources[name] == DEFAULT_SOURCE and not with_defaults:
            continue
        plain = _without_secrets(
            msgspec.to_builtins(getattr(loaded.config, name), enc_hook=str), secret=name in _SECRETS
        )
        source = loaded.sources[name]
        if plain is None:
            yield f"# {name} is not set"
        for key, leaf in _leaves(name, plain):
            yield f"{key} = {_toml(leaf)}  # {source}"


def _without_secrets(value: Any, *, secret: bool) -> Any:  # noqa: ANN401
    match value:
        case dict():
            return {
                name: _without_secrets(one, secret=secret or name in _SECRETS)
                for name, one in value.items()
            }
        case list() | tuple():
            return [_without_secrets(one, secret=secret) for one in value]
        case str() if secret:
            return _masked(value)
        case str():
            return without_passwords(value)
        case _:
            return value


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield what is to be said of a value: tables by their dotted keys."""
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _leaves(f"{key}.{_key(name)}", one)
    elif value is not None:
        yield key, value


def _toml(value: Any) -> str:  # noqa: ANN401
    match value:
        case Mapping():
            pairs = [
                f"{_key(name)} = {_toml(one)}" for name, one in value.items() if one is not None
            ]
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)  # numbers, booleans, text: as in TOML


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _masked(secret: str) -> str:
    if secret.startswith(ENVIRONMENT):
        return secret
    if secret.startswith(HASH_PREFIX):
        return secret[: len(HASH_PREFIX) + _SHOWN_HASH_DIGITS] + "…"
    return MASK
