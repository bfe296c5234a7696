"""Tokenizers of the embedded models; the counts are those that llama.cpp reports.

Whole prompts are compared with llama.cpp itself in llama/test_model.py.
"""

import pytest

from antiphon.engines.llama.bpe import token_counter
from antiphon.engines.llama.gguf import read_metadata
from tests.engines.embedded import settings_of


def counter(name):
    return token_counter(read_metadata(settings_of("language_model", name).files["model"]))


@pytest.fixture(scope="module")
def qwen():
    return counter(None)


@pytest.fixture(scope="module")
def smol():
    return counter("smollm2-135m")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Hello there", 2),
        ("2026", 4),
        ("I'LL", 3),
        ("<|im_start|>user\n", 3),
        ("<tool_call>", 1),
    ],
)
def test_qwen(qwen, text, tokens):
    assert qwen(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("Hello there", 2), ("2026", 4), ("<|im_start|>user\n", 3)],
)
def test_smollm(smol, text, tokens):
    assert smol(text) == tokens


@pytest.mark.parametrize(("model", "split"), [("llama", "default"), ("gpt2", "unheard-of")])
def test_other_kinds_are_refused_by_name(model, split):
    with pytest.raises(ValueError, match=f"no tokenizer for '{model}' with '{split}'"):
        token_counter({"tokenizer.ggml.model": model, "tokenizer.ggml.pre": split})
