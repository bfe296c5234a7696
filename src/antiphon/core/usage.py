"""How the tokens of a response are counted.

* Text in and out: by the language model's own tokenizer. Transcripts of what was said count among
  the text read, since that is how this model reads them.
* Audio in: 10 tokens for each second of user audio that the model sees, each item rounded up.
* Images: what the engine counts for them, if it does; the rest of the prompt is text.
* Audio out: 20 tokens for each second of speech sent, rounded up.
* Cached: what the engine's prefix cache spared, as the engine reports it; only text is.

The audio rates are those of the hosted service (one token per 100 ms of input, one per 50 ms of
output).
"""

from __future__ import annotations

from math import ceil

from antiphon.wire.response import (
    CachedTokensDetails,
    InputTokenDetails,
    OutputTokenDetails,
    RealtimeResponseUsage,
)

__all__ = [
    "INPUT_AUDIO_TOKENS_PER_S",
    "OUTPUT_AUDIO_TOKENS_PER_S",
    "UsageCount",
    "audio_tokens",
    "usage_without_response",
]

INPUT_AUDIO_TOKENS_PER_S = 10
OUTPUT_AUDIO_TOKENS_PER_S = 20


def audio_tokens(duration_ms: float, per_s: int) -> int:
    """Return how many tokens audio of this length counts for.

    >>> audio_tokens(2400, INPUT_AUDIO_TOKENS_PER_S)
    24
    """
    # Rounded first, so that 2.4 s are 24 tokens whatever the last bit of the float says.
    return ceil(round(duration_ms * per_s / 1000, 6))


def usage_without_response(
    *, text_tokens: int = 0, heard_tokens: int = 0, spoken_tokens: int = 0
) -> RealtimeResponseUsage:
    """Return what was used by work that belongs to no response, in the same terms.

    Args:
        text_tokens: Of text that was read.
        heard_tokens: Of audio that was heard.
        spoken_tokens: Of audio that was spoken.
    """
    input_tokens = text_tokens + heard_tokens
    return RealtimeResponseUsage(
        total_tokens=input_tokens + spoken_tokens,
        input_tokens=input_tokens,
        output_tokens=spoken_tokens,
        input_token_details=InputTokenDetails(text_tokens=text_tokens, audio_tokens=heard_tokens),
        output_token_details=OutputTokenDetails(audio_tokens=spoken_tokens),
    )


class UsageCount:
    """Counts one response.

    Attributes:
        spoken_ms: How long its audio is so far.
    """

    def __init__(self) -> None:
        self._input_audio = 0
        self._input_text = 0
        self._input_images = 0
        self._cached_text = 0
        self._output_text = 0
        self.spoken_ms = 0.0

    def heard(self, audio_tokens: int) -> None:
        """Note what the user's audio counts for, in all that the model sees."""
        self._input_audio = audio_tokens

    def read(self, input_tokens: int, cached_tokens: int, image_tokens: int = 0) -> None:
        """Note the size of the prompt, and how much of it was cached or is images."""
        self._input_images = min(image_tokens, input_tokens)
        self._input_text = input_tokens - self._input_images
        self._cached_text = min(cached_tokens, self._input_text)

    def wrote(self, tokens: int) -> None:
        """Add tokens as they are generated."""
        self._output_text += tokens

    def wrote_in_all(self, tokens: int) -> None:
        """Replace the running count by the engine's own total."""
        self._output_text = tokens

    def spoke(self, duration_ms: float) -> None:
        """Add audio as it is sent."""
        self.spoken_ms += duration_ms

    def total(self) -> RealtimeResponseUsage:
        """Return the usage so far."""
        # Nothing of the context was used before the prompt was read.
        heard = self._input_audio if self._input_text else 0
        spoken = audio_tokens(self.spoken_ms, OUTPUT_AUDIO_TOKENS_PER_S)
        input_tokens = self._input_text + self._input_images + heard
        output_tokens = self._output_text + spoken
        return RealtimeResponseUsage(
            total_tokens=input_tokens + output_tokens,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            input_token_details=InputTokenDetails(
                text_tokens=self._input_text,
                audio_tokens=heard,
                image_tokens=self._input_images,
                cached_tokens=self._cached_text,
                cached_tokens_details=CachedTokensDetails(
                    text_tokens=self._cached_text,
                ),
            ),
            output_token_details=OutputTokenDetails(
                text_tokens=self._output_text, audio_tokens=spoken
            ),
        )
