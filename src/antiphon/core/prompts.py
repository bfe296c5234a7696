"""Stored prompts: instructions that the operator keeps, and clients ask for by id.

As with the hosted service, a prompt has versions, and placeholders that the client fills in:
``{{shop}}`` stands for the variable ``shop``. The messages of refusals follow the hosted service's
where those are known; the codes are those of its other refusals of fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, Struct

from antiphon.errors import RequestError
from antiphon.wire.refusal import InvalidFieldError, listed
from antiphon.wire.session import Prompt, RealtimeSession, RealtimeSessionUpdate

__all__ = ["PromptVersion", "Prompts", "StoredPrompt", "instructions_after", "instructions_of"]

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")

_TEXT_TYPE = "input_text"


class PromptVersion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a stored prompt.

    Attributes:
        instructions: What the model is told; placeholders are written ``{{name}}``.
        defaults: Values of variables that the client may leave out; it has to give the others.
    """

    instructions: Annotated[str, Meta(min_length=1)]
    defaults: dict[str, str] = {}

    def __post_init__(self) -> None:
        for name in self.defaults:
            if name not in self.variables:
                message = (
                    f"Invalid '{{param}}': the instructions have no placeholder '{{{{{name}}}}}'. "
                    f"Their variables are: {listed(self.variables) or 'none'}."
                )
                raise InvalidFieldError(f"defaults.{name}", message)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the placeholders, in the order of their first use."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(self.instructions)))


class StoredPrompt(PromptVersion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stored prompt: the version that clients get if they name none, and others that they may.

    Attributes:
        version: Name of the version that this is.
        versions: The others by their names.
    """

    version: str = "1"
    versions: dict[str, PromptVersion] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.version in self.versions:
            message = (
                "Invalid '{param}': version "
                f"'{self.version}' is there twice. Give the prompt itself another 'version'."
            )
            raise InvalidFieldError(f"versions.{self.version}", message)


Prompts: TypeAlias = Mapping[str, StoredPrompt]
"""Stored prompts by their ids."""


def instructions_of(prompt: Prompt, prompts: Prompts, param: str) -> str:
    """Return the instructions that a client asks for, placeholders filled in.

    Values are put in as they are: a placeholder inside a value stays text.

    Args:
        prompt: Id, version and variables, as the client sent them.
        prompts: What there is.
        param: Path of the prompt in the client's event.

    Raises:
        RequestError: There is no such prompt or version, or its variables are not those given.
    """
    stored = prompts.get(prompt.id)
    if stored is None:
        message = (
            f"Prompt with id '{prompt.id}' not found. The operator of the server keeps prompts in "
            "its configuration; or send 'instructions' instead."
        )
        raise RequestError(message, code="invalid_value", param=f"{param}.id")
    version = _version_of(stored, prompt, param)
    given = {
        name: _text_of(value, f"{param}.variables.{name}")
        for name, value in (prompt.variables or {}).items()
    }
    values = {**version.defaults, **given}
    if unknown := [name for name in given if name not in version.variables]:
        message = (
            f"Unknown prompt variables: {', '.join(unknown)}. Prompt '{prompt.id}' has: "
            f"{listed(version.variables) or 'none'}."
        )
        raise RequestError(
            message, code="unknown_parameter", param=f"{param}.variables.{unknown[0]}"
        )
    if missing := [name for name in version.variables if name not in values]:
        message = (
            f"Missing prompt variables: {', '.join(missing)}. Prompt '{prompt.id}' needs a value "
            "for each of them."
        )
        raise RequestError(
            message, code="missing_required_parameter", param=f"{param}.variables.{missing[0]}"
        )
    return _PLACEHOLDER.sub(lambda found: values[found[1]], version.instructions)


def instructions_after(
    current: RealtimeSession, update: RealtimeSessionUpdate, default: str, prompts: Prompts
) -> str:
    """Return a session's instructions after an update.

    The session's prompt takes the place of the default, to which ``instructions: ""`` resets. As
    with the hosted service, instructions win over a prompt that comes with them. A prompt that
    comes without replaces what held before; taking the prompt away takes back its instructions,
    and no others.

    Args:
        current: Settings now.
        update: The patch.
        default: What holds without a prompt.
        prompts: What there is.

    Raises:
        RequestError: As with :func:`instructions_of`.
    """

    def unless_given(prompt: Prompt | None) -> str:
        return instructions_of(prompt, prompts, "session.prompt") if prompt else default

    base = unless_given(current.prompt if update.prompt is UNSET else update.prompt)
    if update.instructions is not UNSET:
        return update.instructions or base
    is_followed = current.instructions == unless_given(current.prompt)
    if update.prompt or (update.prompt is None and is_followed):
        return base
    return current.instructions


def _version_of(stored: StoredPrompt, prompt: Prompt, param: str) -> PromptVersion:
    wanted = prompt.version
    if not wanted or wanted == stored.version:
        return stored
    if wanted not in stored.versions:
        message = (
            f"Prompt with id '{prompt.id}' has no version '{wanted}'. "
            f"Versions are: {listed((*stored.versions, stored.version))}."
        )
        raise RequestError(message, code="invalid_value", param=f"{param}.version")
    return stored.versions[wanted]


def _text_of(value: Any, param: str) -> str:  # noqa: ANN401 (as it came from the client)
    """Return the text of a variable: a string, or an ``input_text`` part."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        message = f"Invalid type for '{param}': expected a string or an 'input_text' object."
        raise RequestError(message, code="invalid_type", param=param)
    if value.get("type") != _TEXT_TYPE:
        message = (
            f"Invalid value: '{value.get('type')}'. Supported values are: '{_TEXT_TYPE}'; "
            "instructions hold text only."
        )
        raise RequestError(message, code="invalid_value", param=f"{param}.type")
    if not isinstance(value.get("text"), str):
        message = f"Invalid type for '{param}.text': expected a string."
        raise RequestError(message, code="invalid_type", param=f"{param}.text")
    text: str = value["text"]
    return text
