"""What the tokens of a model cost."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["Price"]

_PerMillion = Annotated[float, Meta(ge=0, le=1e12)]
"""In the configuration's currency, for a million tokens. TOML knows infinity, which has no sum."""


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a million tokens of each kind cost, in the configuration's currency.

    Attributes:
        input: Text that the model reads.
        cached_input: Text that it has read before; ``None`` for the price of ``input``.
        output: Text that it writes.
        audio_input: Speech that it hears; ``None`` for the price of ``input``.
        cached_audio_input: Speech that it has heard before; ``None`` for that of ``audio_input``.
        audio_output: Speech that it speaks; ``None`` for the price of ``output``.
        image_input: Images that it sees; ``None`` for the price of ``input``.
        cached_image_input: Images that it has seen before; ``None`` for that of ``image_input``.
    """

    input: _PerMillion = 0.0
    cached_input: _PerMillion | None = None
    output: _PerMillion = 0.0
    audio_input: _PerMillion | None = None
    cached_audio_input: _PerMillion | None = None
    audio_output: _PerMillion | None = None
    image_input: _PerMillion | None = None
    cached_image_input: _PerMillion | None = None
