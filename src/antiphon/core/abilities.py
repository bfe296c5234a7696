"""What a session's engines can do, and the refusal of what they cannot.

The core knows no engine. It is told at the start of a session what clients may ask for.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from antiphon.core.prompts import Prompts
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioTranscription, Voice

__all__ = ["Abilities", "primary_language", "voice_name"]


class Abilities(Struct, frozen=True, kw_only=True):
    """What clients may ask for.

    Attributes:
        voices: Names of the voices, the default first.
        transcriber: Name of the transcriber, for refusals.
        languages: ISO-639-1 codes that the transcriber understands; empty if it takes any.
        logprobs: Whether the transcriber says how sure it is of each token.
        language_model: Name of the language model, for refusals.
        message_ends: Whether the language model can say if a message is over.
        images: Whether the language model sees images.
        hears: Whether the language model hears what is said, and needs no words of it.
        prompts: What stored prompts there are.
    """

    voices: tuple[str, ...]
    transcriber: str
    languages: tuple[str, ...] = ()
    logprobs: bool = False
    language_model: str
    message_ends: bool = False
    images: bool = False
    hears: bool = False
    prompts: Prompts = {}

    def require_voice(self, voice: Voice, param: str) -> None:
        """Refuse a voice that there is not.

        Raises:
            RequestError: ``invalid_value``; the message names the voices.
        """
        name = voice_name(voice)
        if name not in self.voices:
            message = f"Invalid value: '{name}'. Supported values are: {_listed(self.voices)}."
            raise RequestError(message, code="invalid_value", param=param)

    def require_languages(self, transcription: AudioTranscription, param: str) -> None:
        """Refuse hints about languages that the transcriber does not understand.

        Args:
            transcription: The settings to be.
            param: Their path.

        Raises:
            RequestError: ``invalid_value``; the message names the languages.
        """
        for path, language in _languages_of(transcription, param):
            self.require_language(language, path)

    def require_language(self, language: str, param: str) -> None:
        """Refuse a language that the transcriber does not understand.

        Raises:
            RequestError: ``invalid_value``; the message names the languages.
        """
        if self.languages and primary_language(language) not in self.languages:
            message = (
                f"Invalid value: '{language}'. The transcriber '{self.transcriber}' "
                f"understands {_listed(self.languages)}."
            )
            raise RequestError(message, code="invalid_value", param=param)

    def require_logprobs(self, param: str) -> None:
        """Refuse log probabilities of transcripts, if the transcriber has none.

        Raises:
            RequestError: ``invalid_value``.
        """
        if not self.logprobs:
            message = (
                f"The transcriber '{self.transcriber}' has no log probabilities. Set 'include' to "
                "null, or have the server run a transcriber that has them."
            )
            raise RequestError(message, code="invalid_value", param=param)

    def require_images(self, param: str) -> None:
        """Refuse an image, if the language model cannot see it.

        Raises:
            RequestError: ``unsupported_content_type``.
        """
        if not self.images:
            message = (
                f"The language model '{self.language_model}' cannot see images. Describe the image "
                "in an 'input_text' part, or have the server run a model that sees."
            )
            raise RequestError(message, code="unsupported_content_type", param=param)


def voice_name(voice: Voice) -> str:
    """Return what a voice is called, whichever way it is named."""
    return voice if isinstance(voice, str) else voice.id


def primary_language(tag: str) -> str:
    """Return the language in a tag such as ``en-US``: clients often send those of their system.

    >>> primary_language("en-US")
    'en'
    """
    return tag.replace("_", "-").partition("-")[0].lower()


def _languages_of(transcription: AudioTranscription, param: str) -> Iterator[tuple[str, str]]:
    """Return each language that is hinted at, with its path."""
    if transcription.language:
        yield f"{param}.language", transcription.language
    for index, language in enumerate(transcription.languages or ()):
        yield f"{param}.languages[{index}]", language


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
