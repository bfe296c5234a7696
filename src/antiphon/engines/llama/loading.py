"""Loads a GGUF file."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from antiphon.core.plan import ChatMessage
from antiphon.engines.base import EngineInfo, EngineSettings
from antiphon.engines.llama.bpe import token_counter
from antiphon.engines.llama.chat_template import ChatTemplate
from antiphon.engines.llama.gguf import read_metadata
from antiphon.engines.llama.model import LlamaLanguageModel
from antiphon.engines.llama.options import LlamaOptions
from antiphon.engines.llama.prompt_counter import PromptCounter
from antiphon.engines.llama.prompts import Prompts, template_variables
from antiphon.engines.native.openmp import spin_briefly
from antiphon.engines.native.pool import pool_for
from antiphon.engines.options import file_of, options_as
from antiphon.errors import EngineError

__all__ = ["create"]

_log = logging.getLogger(__name__)

_CONTROL = 3
"""Type of the tokens that are no text, in a GGUF file."""


def create(settings: EngineSettings) -> LlamaLanguageModel:
    """Load the GGUF file ``model``; options as in :class:`LlamaOptions`.

    Raises:
        EngineError: xllamacpp is not installed, an option is wrong, or the file cannot be used.
    """
    options = options_as(settings, LlamaOptions, "generate")
    path = file_of(settings, "model", "generate")
    spin_briefly()
    try:
        import xllamacpp  # noqa: PLC0415 (an optional extra, loaded by name)
    except ImportError as error:
        message = (
            f"xllamacpp cannot be loaded ({error}); install antiphon[local], and if it is a shared "
            "library that is missing, its package (libgomp1 on Debian)"
        )
        raise EngineError(message, stage="generate", code="not_installed") from error
    if not xllamacpp.json_schema_to_grammar({}).startswith("%llguidance"):
        _log.warning("this build of xllamacpp has no llguidance; function calls may be malformed")
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, str(path), options, settings.threads))
        # A server that is freed before its main loop runs waits for that loop for ever; once it
        # has answered, the loop runs.
        greeting = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        server.handle_chat_completions({**greeting, "stream": True}, lambda _: False)
    except Exception as error:  # it raises RuntimeError, and whatever the native code throws
        message = f"llama.cpp cannot load {path}: {error}"
        raise EngineError(message, stage="generate", code="weights_unreadable") from error
    about = _about(path, options)
    context_tokens = min(options.context_tokens, about.trained_tokens or options.context_tokens)
    added_tokens = 0
    if about.counter is not None and options.after_tool_output:
        added_tokens = about.counter.message_tokens(
            ChatMessage("system", options.after_tool_output)
        )
    info = EngineInfo(
        name=settings.name,
        role="language_model",
        context_tokens=context_tokens - added_tokens,
        tools=options.tools,
    )
    prompts = Prompts(settings.name, options, about.template, about.control_tokens)
    pool = pool_for(settings, "generate", options.parallel)
    return LlamaLanguageModel(info, server, options, prompts, about.counter, pool)


def _parameters(xllamacpp: Any, path: str, options: LlamaOptions, threads: int) -> Any:  # noqa: ANN401 (untyped library)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.n_gpu_layers = 0
    slots = max(options.conversations, options.parallel)
    parameters.n_parallel = slots
    parameters.n_ctx = options.context_tokens * slots
    parameters.n_batch = parameters.n_ubatch = options.batch_tokens
    parameters.cpuparams.n_threads = options.writing_threads or max(1, threads - 1)
    parameters.cpuparams_batch.n_threads = threads
    parameters.use_jinja = True
    if options.chat_template is not None:
        parameters.chat_template = options.chat_template
    parameters.prefill_assistant = False  # a last assistant message is history, not a beginning
    parameters.cache_ram_mib = options.kept_mib
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    parameters.verbosity = -1
    # xllamacpp also listens on a port of the loopback interface, and cannot be told not to. Nobody
    # knows the key, so nobody else gets to use the model there.
    parameters.api_keys = [secrets.token_urlsafe(32)]
    parameters.ui = parameters.endpoint_slots = parameters.endpoint_props = False
    return parameters


class _About(Struct, frozen=True):
    """What a model's file says of it, as far as that is of a kind that is known.

    Attributes:
        template: Its chat template.
        counter: Counts its tokens.
        control_tokens: Numbers of its tokens that are no text, by what they are called.
        trained_tokens: Longest context that it was trained with.
    """

    template: ChatTemplate | None = None
    counter: PromptCounter | None = None
    control_tokens: Mapping[str, int] = {}
    trained_tokens: int | None = None


def _about(path: Path, options: LlamaOptions) -> _About:
    try:
        metadata = read_metadata(path)
    except ValueError as error:
        _log.warning("conversations that outgrow %s will fail: %s", path.name, error)
        return _About()
    control_tokens = {
        token: number
        for number, (token, kind) in enumerate(
            zip(
                metadata["tokenizer.ggml.tokens"],
                metadata.get("tokenizer.ggml.token_type", ()),
                strict=False,  # the types are optional
            )
        )
        if kind == _CONTROL
    }
    trained_tokens = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    template = counter = None
    try:
        source = options.chat_template or metadata["tokenizer.chat_template"]
        template = ChatTemplate(source, template_variables(options), control_tokens)
        counter = PromptCounter(template, token_counter(metadata), tells_tools=options.tools)
    except (KeyError, ValueError) as error:
        _log.warning("conversations that outgrow %s will fail: %r", path.name, error)
    return _About(template, counter, control_tokens, trained_tokens)
