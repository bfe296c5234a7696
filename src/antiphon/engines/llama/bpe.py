"""Byte-level BPE tokenizers, as GGUF files describe them.

llama.cpp has the same tokenizer inside, but nothing that its Python binding gives access to. The
rules by which a text is split before it is encoded are not in the file, only their name; they are
taken over from llama.cpp's ``llama-vocab.cpp``, for the models that Antiphon is tested with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["token_counter"]

_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_SPLITS = {
    "qwen2": (_QWEN2,),
    "smollm": (
        r"\p{N}",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
    ),
}
"""Name of the rule → patterns, applied one after the other."""

_CONTROL, _USER_DEFINED = 3, 4
"""Types of tokens that are found in a text before it is split."""


def token_counter(metadata: Mapping[str, Any]) -> Callable[[str], int]:
    """Return a function that counts the tokens of a text, markers such as ``<|im_end|>`` included.

    Args:
        metadata: As read from the model's file.

    Raises:
        ValueError: The model's tokenizer is of a kind that is not known here.
    """
    kind, split = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre")
    if kind != "gpt2" or split not in _SPLITS:
        known = ", ".join(_SPLITS)
        message = f"no tokenizer for {kind!r} with {split!r}; known are 'gpt2' with {known}"
        raise ValueError(message)
    from tokenizers import (  # noqa: PLC0415 (an optional extra)
        AddedToken,
        Regex,
        Tokenizer,
        models,
        pre_tokenizers,
    )

    tokens = metadata["tokenizer.ggml.tokens"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ", 1)) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in _SPLITS[split]),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    types = metadata["tokenizer.ggml.token_type"]
    tokenizer.add_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, type_ in zip(tokens, types, strict=True)
            if type_ in (_CONTROL, _USER_DEFINED)
        ]
    )
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))
