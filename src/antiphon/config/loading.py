"""Puts a configuration together: flags over environment over the file over defaults.

Every field of :class:`~antiphon.config.fields.Config` is a key of the file and a variable of the
environment, ``ANTIPHON_`` and its name in capitals; nothing is configurable in one way only.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast, get_args

import msgspec
from msgspec import inspect

from antiphon.config.fields import Config, InvalidSettingError
from antiphon.config.models import ModelChoice
from antiphon.config.tls import TlsChoice
from antiphon.engines.base import Role
from antiphon.engines.catalogue import Catalogue, catalogue_with
from antiphon.engines.choices import Choice, located
from antiphon.engines.options import number_in
from antiphon.engines.weights.store import default_home
from antiphon.errors import ConfigurationError
from antiphon.wire.refusal import explain

__all__ = [
    "DEFAULT_FILE",
    "DEFAULT_SOURCE",
    "Loaded",
    "file_to_read",
    "load",
    "load_config",
    "load_shelf",
]

DEFAULT_FILE = Path("antiphon.toml")
"""Read where there is one, unless another file is named."""

DEFAULT_SOURCE = "default"
"""Where a value comes from that nobody gave."""

PREFIX = "ANTIPHON_"
"""What variables of the environment begin with."""

FILE_VARIABLE = f"{PREFIX}CONFIG"
"""Names the file that is read."""

_NO_FLAGS: Mapping[str, object] = MappingProxyType({})

_SINGULARS = {"api_keys": "api_key", "admin_keys": "admin_key", "allow_origins": "allow_origin"}
"""Flags of fields that hold several values: one flag gives one of them."""

_FIELDS = {field.name: field for field in msgspec.structs.fields(Config)}
_ROLES = {*get_args(Role)}
_PATHS = {name for name, field in _FIELDS.items() if field.type in (Path, Path | None)}
_Given: Any = msgspec.defstruct(
    "Given",
    [(n, str if n in _PATHS else field.type, None) for n, field in _FIELDS.items()],
    forbid_unknown_fields=True,
    module=__name__,
)
"""Some of the fields, as a source gives them; paths are text until it is known whose they are."""


class Loaded(NamedTuple):
    """A configuration, and who decided it.

    Attributes:
        config: The configuration, checked.
        sources: Where each field's value comes from: the path of a file, ``ANTIPHON_PORT``,
            ``--port``, or :data:`DEFAULT_SOURCE`.
    """

    config: Config
    sources: Mapping[str, str]


def load_config(file: Path | None = None, **flags: object) -> Config:
    """Return the configuration that :func:`load` puts together, for who need not know from where.

    Raises:
        ConfigurationError: As :func:`load` does.
    """
    return load(file, flags).config


def load(
    file: Path | None = None,
    flags: Mapping[str, object] = _NO_FLAGS,
    environment: Mapping[str, str] = os.environ,
) -> Loaded:
    """Put a configuration together.

    Args:
        file: A TOML file; otherwise the one that ``ANTIPHON_CONFIG`` names; otherwise
            :data:`DEFAULT_FILE` of the working directory, if it is there.
        flags: Fields that were given on the command line; ``None`` and ``()`` mean not given.
        environment: Variables; an empty one means not given.

    Raises:
        ConfigurationError: It cannot be used; the message says where, why and what to do.
    """
    values, sources = _gathered(file, flags, environment)
    try:
        return Loaded(Config(**values), sources)  # type: ignore[arg-type]  # checked by msgspec
    except InvalidSettingError as error:
        raise told(error, sources) from None


def told(error: InvalidSettingError, sources: Mapping[str, str]) -> ConfigurationError:
    """Return what to tell of a setting that cannot be used, with who decided it.

    Args:
        error: Names the setting.
        sources: As in :class:`Loaded`.
    """
    source = sources[error.field]
    return ConfigurationError(str(error) if source == DEFAULT_SOURCE else f"{source}: {error}")


def load_shelf(file: Path | None = None) -> tuple[Path, Catalogue]:
    """Return where weights are kept, and which there are by name.

    This works even if a server could not use the configuration.

    Raises:
        ConfigurationError: A field by itself is not what it has to be, or the operator's catalogue
            is none.
    """
    values, _ = _gathered(file, _NO_FLAGS, os.environ)
    own = values.get("catalogue")
    return Path(str(values["home"])), catalogue_with(None if own is None else Path(str(own)))


def _gathered(
    file: Path | None, flags: Mapping[str, object], environment: Mapping[str, str]
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the fields that were given, and where each value comes from."""
    values: dict[str, object] = {"home": default_home()}
    sources = dict.fromkeys(_FIELDS, DEFAULT_SOURCE)
    if (path := file_to_read(file, environment)) is not None:
        found = _from_file(path)
        values |= found
        sources |= dict.fromkeys(found, str(path))
    for name in _FIELDS:
        variable = variable_of(name)
        if text := environment.get(variable, "").strip():
            values[name] = _from_variable(variable, name, text)
            sources[name] = variable
    for name, value in flags.items():
        if value is not None and value != ():
            values[name] = value
            sources[name] = _flag(name)
    return values, sources


def file_to_read(file: Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file that :func:`load` reads; ``None`` if there is none.

    Who reads a configuration again gives it that file: otherwise one that has vanished meanwhile
    would be as if nobody had decided anything, keys included.

    Args:
        file: As for :func:`load`.
        environment: As for :func:`load`.
    """
    if file is not None:
        return file
    if named := environment.get(FILE_VARIABLE):
        return Path(named).expanduser()
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _from_file(path: Path) -> dict[str, object]:
    """Return the fields that a file gives. Paths in it are relative to its folder."""
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        message = (
            f"The configuration file {path} cannot be read: {error.strerror}. "
            f"Name another one with --config or {FILE_VARIABLE}."
        )
        raise ConfigurationError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: this is not TOML: {error}. See docs/antiphon.example.toml."
        raise ConfigurationError(message) from error
    values = _converted(given, str(path), strict=True)
    folder = path.parent.absolute()
    for name in _PATHS & values.keys():
        values[name] = folder / Path(str(values[name])).expanduser()
    for role in _ROLES & values.keys():
        values[role] = located(cast("str | Choice", values[role]), folder)
    if (tls := cast("TlsChoice | None", values.get("tls"))) is not None:
        values["tls"] = _beside(tls, folder)
    models = cast("dict[str, ModelChoice]", values.get("models", {}))
    for model, choice in models.items():
        models[model] = _located(choice, folder)
    return values


def _beside(tls: TlsChoice, folder: Path) -> TlsChoice:
    """Return a certificate whose paths stand alone."""
    return TlsChoice(
        certificate=str(folder / Path(tls.certificate).expanduser()),
        key=str(folder / Path(tls.key).expanduser()),
    )


def _located(model: ModelChoice, folder: Path) -> ModelChoice:
    """Return a model whose engines' paths stand alone."""
    chosen = {role: getattr(model, role, None) for role in _ROLES}
    given = {role: located(one, folder) for role, one in chosen.items() if one is not None}
    return msgspec.structs.replace(model, **given)


def variable_of(field: str) -> str:
    """Return the variable of the environment that gives a field."""
    return f"{PREFIX}{field.upper()}"


def _from_variable(variable: str, name: str, text: str) -> object:
    """Return the field that a variable gives.

    Lists of names are separated by commas; what is a table in the file is written as in the file,
    for example ``ANTIPHON_RATE_LIMITS='{requests_per_minute = 60}'``. Paths of engines are relative
    to the working directory.
    """
    raw: object = text
    match inspect.type_info(_FIELDS[name].type):
        case inspect.VarTupleType(item_type=inspect.StrType()):
            raw = [part.strip() for part in text.split(",") if part.strip()]
        case inspect.VarTupleType() | inspect.DictType() | inspect.StructType():
            raw = _toml_value(variable, text)
        case inspect.UnionType(types=types) if _is_table(types, text):
            raw = _toml_value(variable, text)
    value = _converted({name: raw}, variable, strict=False)[name]
    return Path(str(value)).expanduser() if name in _PATHS else value


def _is_table(types: tuple[inspect.Type, ...], text: str) -> bool:
    """Whether a text is to be a table; what may also be plain text is one if it looks like one."""
    kinds = {type(one) for one in types}
    return inspect.StructType in kinds and (inspect.StrType not in kinds or text.startswith("{"))


def _toml_value(variable: str, text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        message = (
            f"{variable}: '{text}' is not a TOML value: {error}. Write it as in the configuration "
            "file, tables in one line: {key = value}."
        )
        raise ConfigurationError(message) from error


def _converted(given: dict[str, Any], source: str, *, strict: bool) -> dict[str, object]:
    """Return what a source gives, checked field by field.

    Args:
        given: Raw values by field.
        source: Where they come from.
        strict: Whether numbers and booleans have to be such, or may be text.

    Raises:
        ConfigurationError: A key is unknown, or a value is not what it has to be.
    """
    try:
        fields = msgspec.convert(given, _Given, strict=strict)
    except msgspec.ValidationError as error:
        meant = given if strict else {name: number_in(value) for name, value in given.items()}
        reason = explain(_Given, meant, error)
        key = reason.param or ""
        named = "" if f"'{key}'" in reason.message else f"{key}: "
        message = f"{source}: {named}{reason.message}{_remedy(key)}"
        raise ConfigurationError(message) from error
    return {name: getattr(fields, name) for name in given}


def _remedy(key: str) -> str:
    name = key.partition(".")[0]
    default = _FIELDS[name].default if name in _FIELDS else None
    if not isinstance(default, str | int | float):
        return " See docs/antiphon.example.toml."
    shown = str(default).lower() if isinstance(default, bool) else repr(default)  # as in TOML
    return f" Leave '{name}' out for the default, {shown}."


def _flag(name: str) -> str:
    singular = _SINGULARS.get(name, name)
    return f"--{singular.replace('_', '-')}"
