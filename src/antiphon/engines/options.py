"""Reading what a factory was given, with messages that say what is wrong."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from antiphon.engines.base import EngineSettings
from antiphon.errors import EngineError, Stage
from antiphon.wire.refusal import explain

__all__ = [
    "LONGEST_S",
    "Count",
    "FromVariable",
    "Seconds",
    "Threads",
    "file_of",
    "number_in",
    "options_as",
]

LONGEST_S = 366 * 24 * 3600
"""A leap year. TOML knows infinity, which no clock and no timer does."""

Seconds = Annotated[float, Meta(gt=0, le=LONGEST_S)]

Count = Annotated[int, Meta(ge=1)]

Threads = Annotated[int, Meta(ge=1, le=1024)]
"""Libraries end the program when the system has no more threads for them."""

OptionsT = TypeVar("OptionsT", bound=msgspec.Struct)


class FromVariable(str):
    """Text that was in a variable of the environment, where numbers and booleans are text too."""

    __slots__ = ()


def number_in(value: object) -> object:
    """Return the number that a text stands for, if it does for one, so that its limits count."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(str(value))
    return value


def options_as(settings: EngineSettings, kind: type[OptionsT], stage: Stage) -> OptionsT:
    """The settings' options as a typed struct.

    Raises:
        EngineError: An option is unknown (if the struct forbids it) or of the wrong type.
    """
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    options = {
        name: _read(value, types.get(name, str)) if isinstance(value, FromVariable) else value
        for name, value in settings.options.items()
    }
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        fault = explain(kind, options, error)
        where = f"{fault.param}: " if fault.param and fault.param not in fault.message else ""
        message = f"the options of {settings.name} cannot be used: {where}{fault.message}"
        raise EngineError(message, stage=stage, code="invalid_options") from error


def _read(text: str, wanted: Any) -> object:  # noqa: ANN401 (a type)
    """Return what a text is as a value of a type, and for what is none what it looks like."""
    try:
        return msgspec.convert(str(text), wanted, strict=False)
    except msgspec.ValidationError:
        return number_in(str(text))


def file_of(settings: EngineSettings, key: str, stage: Stage) -> Path:
    """Path of the file that the catalogue lists under ``key``.

    Raises:
        EngineError: The entry lists no such file, or it is not there.
    """
    path = settings.files.get(key)
    if path is None or not path.is_file():
        where = f"at {path}" if path else "in its catalogue entry"
        message = f"{settings.name} needs the file {key!r}, but there is none {where}"
        raise EngineError(message, stage=stage, code="weights_missing")
    return path
