"""The settings of a translation session, and how an update changes them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from antiphon.core.abilities import primary_language
from antiphon.core.settings import DEFAULT_STRENGTH
from antiphon.errors import RequestError
from antiphon.wire.translation import (
    TranslationAudioUpdate,
    TranslationInputUpdate,
    TranslationOutputUpdate,
    TranslationSession,
    TranslationSessionUpdate,
)

__all__ = ["SpokenLanguages", "translation_updated"]

_DEFAULT_LANGUAGE = "en"


class SpokenLanguages(Struct, frozen=True, kw_only=True):
    """What can be translated into.

    Attributes:
        synthesizer: Who speaks, for refusals.
        codes: ISO-639-1 codes; empty if any language can be spoken.
    """

    synthesizer: str
    codes: tuple[str, ...] = ()

    @property
    def default(self) -> str:
        """What is translated into, unless the client says otherwise: English, if that can be."""
        if not self.codes or _DEFAULT_LANGUAGE in self.codes:
            return _DEFAULT_LANGUAGE
        return self.codes[0]

    def require(self, language: str, param: str) -> None:
        """Refuse a language that cannot be spoken.

        Raises:
            RequestError: ``invalid_value``; the message names the languages that can be.
        """
        if not language:
            message = f"Invalid '{param}': empty. Expected an ISO-639-1 code such as 'en'."
            raise RequestError(message, code="invalid_value", param=param)
        if self.codes and primary_language(language) not in self.codes:
            speaks = ", ".join(f"'{code}'" for code in self.codes)
            only = "only " if len(self.codes) == 1 else ""
            message = (
                f"Invalid value: '{language}'. The synthesizer '{self.synthesizer}' speaks "
                f"{only}{speaks}. Translate into that, or have the server run another synthesizer."
            )
            raise RequestError(message, code="invalid_value", param=param)


def translation_updated(
    current: TranslationSession, update: TranslationSessionUpdate, *, spoken: SpokenLanguages
) -> TranslationSession:
    """Return a translation session's settings after an update.

    Args:
        current: Settings now; left as they are.
        update: The patch: absent leaves as it is, ``null`` switches off.
        spoken: What can be translated into.

    Raises:
        RequestError: Something in the patch cannot be done.
    """
    _require_same("type", "translation", update.type)
    _require_same("model", current.model, update.model)
    audio = update.audio or TranslationAudioUpdate()
    heard = audio.input or TranslationInputUpdate()
    output = audio.output or TranslationOutputUpdate()
    if heard.noise_reduction and heard.noise_reduction.strength is UNSET:
        before = current.audio.input.noise_reduction
        strength = before.strength if before is not None else DEFAULT_STRENGTH
        heard = replace(heard, noise_reduction=replace(heard.noise_reduction, strength=strength))
    if output.language is not UNSET:
        spoken.require(output.language, "session.audio.output.language")
    merged = replace(
        current.audio,
        input=replace(current.audio.input, **_given(heard)),
        output=replace(current.audio.output, **_given(output)),
    )
    return replace(current, audio=merged)


def _require_same(name: str, current: str, wanted: str | UnsetType) -> None:
    if wanted is not UNSET and wanted != current:
        message = (
            f"A translation session's {name} cannot be changed: it is '{current}', and '{wanted}' "
            "was asked for. Open another session for it."
        )
        raise RequestError(message, code="invalid_value", param=f"session.{name}")


def _given(patch: Struct) -> dict[str, Any]:
    """Return the fields that a patch changes."""
    fields = {name: getattr(patch, name) for name in patch.__struct_fields__}
    return {name: value for name, value in fields.items() if value is not UNSET}
