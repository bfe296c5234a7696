"""What an operator may write where an engine is wanted: a name, a path, or a server's address.

=============================  ====================================================================
``moonshine-tiny-en``          an entry of the catalogue, or the entry point of a package
``./model.gguf``, ``~/voices/x.onnx``   a file or folder; what runs it is told by what it is
``http://host:11434/v1#llama3``  an OpenAI-compatible server, after ``#`` its model
``hf:OWNER/REPO/FILE``         weights of the Hugging Face hub; see ``engines/weights/hub.py``
=============================  ====================================================================

Wherever that is not enough, a table says the rest: :class:`Choice`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from msgspec import Meta, Struct
from msgspec.structs import replace

from antiphon.engines.addresses import without_passwords
from antiphon.engines.base import QUEUE_S, Role
from antiphon.engines.catalogue import Catalogue, Entry
from antiphon.engines.options import Count, FromVariable, Seconds, Threads
from antiphon.engines.weights.hub import is_reference, local_path_of
from antiphon.errors import ConfigurationError
from antiphon.wire.refusal import InvalidFieldError

__all__ = [
    "ENVIRONMENT",
    "GROUP",
    "Candidate",
    "Choice",
    "candidate",
    "choice_of",
    "from_environment",
    "located",
    "with_fallbacks",
]

GROUP = "antiphon.engines"
"""Entry points of installed packages that build engines."""

_SUFFIXES = (".gguf", ".onnx", ".bin")
"""What files of weights end in, and names of engines do not."""

_HOST_AND_PORT = re.compile(r"[A-Za-z0-9][\w.-]*:\d+(?=[/#]|$)")
"""What an address begins with that lacks its ``http://``."""

ENVIRONMENT = "env:"
"""What a text option begins with that stands in a variable, for example a key."""


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An engine, with everything an operator may say about it.

    Attributes:
        use: Name, path or address.
        engine: The entry point that runs a path; needed only where it cannot be told from the path.
        options: Over those of the catalogue. Text that begins with ``env:`` stands for the
            variable that it names, so that no key has to be in a file.
        threads: How many threads it may compute with; ``None`` for what suits its role.
        parallel: How many requests it works on at once, the others wait; ``None`` for any number.
        queue_s: How long a request waits before it fails with ``server_overloaded``.
        stall_s: How long nothing may come of a request before the engine counts as hung.
        isolated: Whether it runs in a process of its own, which may crash without taking this one
            with it.
        fallback: What takes its place for a request that it fails before it has begun to answer.
    """

    use: Annotated[str, Meta(min_length=1)]
    engine: str | None = None
    options: dict[str, Any] = {}
    threads: Threads | None = None
    parallel: Count | None = None
    queue_s: Seconds = QUEUE_S
    stall_s: Seconds = 60.0
    isolated: bool = False
    fallback: tuple[str | Choice, ...] = ()

    def __post_init__(self) -> None:
        if self.engine is not None and not (_is_path(self.use) or is_reference(self.use)):
            message = (
                f"Invalid '{{param}}': '{self.engine}' is to run '{self.use}', which is no path. "
                "Leave 'engine' out."
            )
            raise InvalidFieldError("engine", message)


def choice_of(written: str | Choice) -> Choice:
    """Return the choice that a text or a table is."""
    return Choice(use=written) if isinstance(written, str) else written


def with_fallbacks(written: str | Choice) -> Iterator[str | Choice]:
    """Yield a choice, its fallbacks, and theirs."""
    yield written
    for one in choice_of(written).fallback:
        yield from with_fallbacks(one)


def located(written: str | Choice, folder: Path) -> str | Choice:
    """Return a choice with paths that are relative to a folder made to stand alone.

    Args:
        written: What the operator wrote.
        folder: An absolute path: joined to ``.``, a path would lose its dot and be a name.
    """
    if isinstance(written, str):
        return str(folder / Path(written).expanduser()) if _is_path(written) else written
    use = located(written.use, folder)
    assert isinstance(use, str), "text stays text"
    fallback = tuple(located(one, folder) for one in written.fallback)
    return replace(written, use=use, fallback=fallback)


class Candidate(NamedTuple):
    """An engine that can be looked at, and loaded.

    Attributes:
        entry: What the catalogue says of it, or what can be said of it without.
        files: Files that are not the catalogue's, by the key under which the engine looks for them.
        options: Over those of the entry.
    """

    entry: Entry
    files: Mapping[str, Path] = {}
    options: Mapping[str, Any] = {}


def candidate(role: Role, choice: Choice, catalogue: Catalogue, home: Path) -> Candidate:
    """Find out what a choice stands for.

    Args:
        role: What it is to do.
        choice: What the operator wrote.
        catalogue: What there is by name.
        home: Where weights are kept.

    Raises:
        ConfigurationError: It stands for nothing; the message says what to write.
        WeightsError: It stands for weights of the hub that have not been fetched.
    """
    options = {name: _option(name, value) for name, value in choice.options.items()}
    if "://" in choice.use:
        engine, address = _http_engine(role, choice.use), _address(role, choice.use)
        # Clients may read the name in an error; where the server is, is not for them.
        entry = Entry(role=role, name=address["model"] or engine, engine=engine)
        return Candidate(entry, options=address | options)
    if _is_path(choice.use) or is_reference(choice.use):
        path = local_path_of(choice.use, home) if is_reference(choice.use) else Path(choice.use)
        engine = choice.engine or _engine_for(role, path.expanduser())
        files = {"model": path.expanduser()}
        return Candidate(Entry(role=role, name=path.name, engine=engine), files, options)
    if catalogue.knows(role, choice.use):
        return Candidate(catalogue.find(role, choice.use), options=options)
    if _HOST_AND_PORT.match(choice.use):
        message = (
            f"There is no {role} named '{choice.use}'. If it is the address of a server, write "
            f"http://{choice.use}."
        )
        raise ConfigurationError(message)
    if _may_be_a_path(choice.use):
        message = (
            f"There is no {role} named '{choice.use}'. If it is a file, write './{choice.use}' or "
            "its whole path: what has neither slash nor dot before it is a name."
        )
        raise ConfigurationError(message)
    return Candidate(Entry(role=role, name=choice.use, engine=choice.use), options=options)


def _is_path(use: str) -> bool:
    """Whether it is a path: names have no separators, and do not begin with a dot."""
    if "://" in use or is_reference(use) or _HOST_AND_PORT.match(use):
        return False
    return use.startswith((".", "~")) or "/" in use or os.sep in use


def _may_be_a_path(name: str) -> bool:
    """Whether something that was written as a name is meant as a path, since no engine has it."""
    meant = name.endswith(_SUFFIXES) or Path(name).exists()
    return meant and not entry_points(group=GROUP, name=name)


def _option(name: str, written: Any) -> Any:  # noqa: ANN401 (as in TOML)
    """Return the value of an option, marked if it is one that was in a variable."""
    value = from_environment(name, written)
    return FromVariable(value) if isinstance(value, str) and value is not written else value


def from_environment(option: str, value: Any) -> Any:  # noqa: ANN401 (as in TOML)
    """Return the value of an option, which ``env:NAME`` says is in a variable.

    Args:
        option: What it is called, for the message.
        value: As it was written; everything but such text stands for itself. In tables and lists,
            each value by itself.

    Raises:
        ConfigurationError: There is no such variable.
    """
    match value:
        case Mapping():
            return {name: from_environment(f"{option}.{name}", one) for name, one in value.items()}
        case list() | tuple():
            return [from_environment(f"{option}[{at}]", one) for at, one in enumerate(value)]
        case str() if value.startswith(ENVIRONMENT):
            return _variable(option, value)
        case _:
            return value


def _variable(option: str, written: str) -> str:
    variable = written.removeprefix(ENVIRONMENT)
    if variable not in os.environ:
        message = (
            f"The option '{option}' is to be taken from the variable {variable}, which is not set. "
            f"Set it, or write the value in place of '{written}'."
        )
        raise ConfigurationError(message)
    return os.environ[variable]


# --- servers --------------------------------------------------------------------------------------

_HTTP_ENGINES: Mapping[Role, str] = {
    "transcriber": "http-transcriber",
    "language_model": "http-language-model",
    "synthesizer": "http-synthesizer",
}


def _http_engine(role: Role, use: str) -> str:
    if role not in _HTTP_ENGINES:
        message = (
            f"'{without_passwords(use)}' is to be the {role}, but servers can only be: "
            f"{', '.join(_HTTP_ENGINES)}. Name an engine of the catalogue (see 'antiphon models') "
            "or a path."
        )
        raise ConfigurationError(message)
    return _HTTP_ENGINES[role]


def _address(role: Role, use: str) -> dict[str, Any]:
    """Return the base URL and the model of ``http://host:port/v1#model``."""
    try:
        parts = urlsplit(use)
        _ = parts.port
    except ValueError as error:
        message = f"'{without_passwords(use)}' cannot be the {role}: {error}."
        raise ConfigurationError(message) from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        message = (
            f"'{without_passwords(use)}' cannot be the {role}: an address begins with http:// or "
            "https:// and a host, as http://localhost:11434/v1#llama3."
        )
        raise ConfigurationError(message)
    return {"base_url": urlunsplit(parts._replace(fragment="")), "model": parts.fragment or None}


# --- files ----------------------------------------------------------------------------------------


class _Form(NamedTuple):
    """How a model's file or folder can be told to be an engine's."""

    engine: str
    looks: str  # for people
    matches: Callable[[Path], bool]


def _has(pattern: str) -> Callable[[Path], bool]:
    return lambda path: path.is_dir() and any(path.glob(pattern))


def _ends_in(suffix: str) -> Callable[[Path], bool]:
    return lambda path: path.suffix == suffix and path.is_file()


_FORMS: Mapping[Role, tuple[_Form, ...]] = {
    "transcriber": (
        _Form("faster-whisper", "a folder with a CTranslate2 'model.bin'", _has("model.bin")),
        _Form("onnx-asr", "a folder with '.onnx' files", _has("*.onnx")),
    ),
    "language_model": (_Form("llama", "a '.gguf' file", _ends_in(".gguf")),),
    "synthesizer": (
        _Form("piper", "an '.onnx' file, with its '.onnx.json' beside it", _ends_in(".onnx")),
    ),
    "voice_detector": (_Form("silero", "an '.onnx' file", _ends_in(".onnx")),),
    "turn_predictor": (_Form("smart-turn", "an '.onnx' file", _ends_in(".onnx")),),
}


def _engine_for(role: Role, path: Path) -> str:
    forms = _FORMS.get(role, ())
    for form in forms:
        if form.matches(path):
            return form.engine
    if not path.exists():
        message = f"The {role} is to be {path}, but there is nothing."
    else:
        message = (
            f"What would run {path} as the {role} cannot be told from it. Known are "
            f"{' and '.join(_listed(forms)) or 'none'}; otherwise name the engine in a table: "
            f'{{use = "{path}", engine = "…"}}.'
        )
    raise ConfigurationError(message)


def _listed(forms: tuple[_Form, ...]) -> Iterator[str]:
    return (f"{form.looks} ({form.engine})" for form in forms)
