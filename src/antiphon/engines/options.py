"""Reading what a factory was given, with messages that say what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from antiphon.engines.base import EngineSettings
from antiphon.errors import EngineError, Stage
from antiphon.wire.refusal import explain

__all__ = ["file_of", "options_as"]

OptionsT = TypeVar("OptionsT")


def options_as(settings: EngineSettings, kind: type[OptionsT], stage: Stage) -> OptionsT:
    """The settings' options as a typed struct.

    Raises:
        EngineError: An option is unknown (if the struct forbids it) or of the wrong type.
    """
    options = dict(settings.options)
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        reason = explain(kind, options, error).message
        message = f"the options of {settings.name} cannot be used: {reason}"
        raise EngineError(message, stage=stage, code="invalid_options") from error


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
