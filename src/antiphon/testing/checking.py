"""Holds tests to what a script and a configuration can be, when they say it.

Later it would be the engines or the server that fail, and a test that looks at something else would
not notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from antiphon.config import Config
from antiphon.errors import ConfigurationError
from antiphon.wire.refusal import explain

__all__ = ["checked", "config_of"]

StructT = TypeVar("StructT", bound=Struct)


def checked(part: StructT) -> StructT:
    """Return a part of a script whose fields are what they have to be.

    Raises:
        ValueError: One is not; the message names it.
    """
    try:
        return msgspec.convert(structs.asdict(part), type(part))
    except msgspec.ValidationError as error:
        message = f"{part} cannot be acted out: {error}."
        raise ValueError(message) from None


def config_of(fields: Mapping[str, object]) -> Config:
    """Return the configuration with these fields.

    Raises:
        ConfigurationError: One is unknown, or not what it has to be; the message names it.
    """
    if unknown := fields.keys() - {field.name for field in structs.fields(Config)}:
        message = f"{min(unknown)!r} is no key of the configuration; see antiphon.config.Config."
        raise ConfigurationError(message)
    try:
        return msgspec.convert(fields, Config)
    except msgspec.ValidationError as error:
        raise ConfigurationError(explain(Config, fields, error).message) from None
