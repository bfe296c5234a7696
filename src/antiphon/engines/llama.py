"""Language models in GGUF files, run by llama.cpp through ``xllamacpp``.

The figures below were measured on two cores with Qwen2.5-Coder 0.5B Q4_K_M: it reads 150 tokens a
second and writes 54. So a prompt that is not cached costs seconds, and everything here is
arranged for the prefix to stay: a conversation returns to the slot that has read it
(``engines/slots.py``), tools are described whenever they are offered, whatever the model may do
with them, and history is never rewritten.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import anyio.to_thread
from msgspec import Struct, field

from antiphon.core.plan import ChatMessage
from antiphon.engines.base import (
    EngineInfo,
    EngineSettings,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
)
from antiphon.engines.options import file_of, options_as
from antiphon.engines.pool import Emitter, Stopped, WorkerPool
from antiphon.engines.slots import Slots
from antiphon.engines.toolcalls import (
    CallReader,
    Reading,
    ToolRules,
    call_grammar,
    described,
    tool_rules,
)
from antiphon.errors import EngineError

__all__ = ["LlamaLanguageModel", "LlamaOptions", "create"]

_log = logging.getLogger(__name__)

_SPINS = "1000"
"""Some microseconds; quiet machines do not notice the difference."""


class LlamaOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        parallel: Answers that are worked out at once; more wait.
        conversations: How many conversations' texts are kept, each in a slot; the one that was
            silent for longest makes room for another. At least ``parallel``.
        context_tokens: Longest prompt and answer together. A slot's memory is taken when the model
            is loaded; a token of Qwen 0.5B takes 6.5 KiB, so 8 slots of 4096 take 208 MiB.
        batch_tokens: How many tokens of a prompt are read at a time. Between batches, other
            answers go on and a cancelled one ends. 64 take 0.4 s here; a long prompt is then read
            8 % slower than with 512.
        writing_threads: Threads that write a token together; ``None`` for one less than the engine
            may compute with, at least 1. Prompts are read by all of them. llama.cpp's threads spin
            while they wait for each other after each operation, so when they outnumber the free
            cores they all but stop: on two cores, two threads write 54 tokens a second alone and
            5 beside another busy process; one thread writes 42 and 25, and leaves a core to the
            synthesizer, which is then 30 ms quicker.
        longest_answer_tokens: Where an answer without a limit of the client's own is cut off. Small
            models sometimes fall into lists that never end; this many tokens are spoken for two or
            three minutes.
        temperature: Low, because a small model that picks unlikely words soon talks nonsense; not
            0, so that asking again can get another answer.
        top_p: Share of the likeliest words that may be picked at all.
        repeat_penalty: Above 1, because small models fall into loops and, at 1, tend to answer a
            question by repeating it.
        seed: Makes answers repeatable; ``None`` draws a new one for each.
        tools: Whether functions are offered to the model. One that was not trained for it calls
            them only when it must.
        repeat_calls: Whether the model may call a function again before the user has spoken again.
            Small models call it forever.
        after_tool_output: Instruction that is added to the prompt while the last message is what a
            function answered; ``""`` for none. Without it, Qwen 0.5B rather writes the call again
            than say what came of it.
        template_options: Variables for the chat template. Reasoning is switched off, for the
            templates that know the switch: a caller should not wait for it.
    """

    parallel: int = 4
    conversations: int = 8
    context_tokens: int = 4096
    batch_tokens: int = 64
    writing_threads: int | None = None
    longest_answer_tokens: int = 512
    temperature: float = 0.3
    top_p: float = 0.9
    repeat_penalty: float = 1.1
    seed: int | None = None
    tools: bool = True
    repeat_calls: bool = False
    after_tool_output: str = "Tell the user the result in one short sentence."
    template_options: dict[str, Any] = field(default_factory=lambda: {"enable_thinking": False})


class LlamaLanguageModel:
    """Answers with a GGUF model. Built by :func:`create`.

    Args:
        info: What it is.
        server: An ``xllamacpp.Server`` with the model loaded.
        options: Its options.
    """

    def __init__(self, info: EngineInfo, server: Any, options: LlamaOptions) -> None:  # noqa: ANN401 (untyped library)
        self.info = info
        self._server = server
        self._options = options
        self._pool = WorkerPool(stage="generate", threads=options.parallel, name=info.name)
        self._slots = Slots(max(options.conversations, options.parallel))
        self._generating = 0

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer; see :class:`antiphon.engines.base.LanguageModel`.

        At most one function is called in an answer. What is generated after the call is dropped.

        Raises:
            EngineError: Code ``context_length_exceeded`` if the prompt is too long,
                ``image_not_supported`` if a message shows an image, ``tool_call_failed`` if the
                model did not make a call that it had to make.
        """
        rules = self._rules(request)
        payload = self._payload(request, rules)
        produce = partial(self._answer, payload, rules, request.conversation)
        self._generating += 1
        try:
            async with contextlib.aclosing(self._pool.stream(produce)) as events:
                async for event in events:
                    yield event
        finally:
            self._generating -= 1

    async def warm(self, request: GenerationRequest) -> None:
        """Read the request's prefix, unless and until an answer is asked for."""
        if self._generating:
            return
        payload = self._payload(request, self._rules(request))
        if not request.messages or request.messages[-1].role != "user":
            # The next message will be the user's; its opening can be read already.
            payload["messages"].append({"role": "user", "content": ""})
        payload["max_tokens"] = 1

        def read(emit: Emitter[None]) -> None:
            def given_way() -> bool:
                return emit.stopped or self._generating > 0

            with self._slots.lend(request.conversation, given_way) as slot:
                self._complete({**payload, "id_slot": slot}, lambda _: given_way())

        async with contextlib.aclosing(self._pool.stream(read)) as nothing:
            async for _ in nothing:
                pass

    async def aclose(self) -> None:
        """Cancel all work, end the threads and free the model."""
        await self._pool.aclose()
        await anyio.to_thread.run_sync(self._free)  # waits for the native threads

    def _free(self) -> None:
        self._server = None

    def _rules(self, request: GenerationRequest) -> ToolRules:
        options = self._options
        return tool_rules(request, trained=options.tools, repeat_calls=options.repeat_calls)

    def _payload(self, request: GenerationRequest, rules: ToolRules) -> dict[str, Any]:
        options = self._options
        template_options = dict(options.template_options)
        messages = [_chat_message(message) for message in request.messages]
        if options.after_tool_output and messages and messages[-1]["role"] == "tool":
            messages.append({"role": "system", "content": options.after_tool_output})
        payload: dict[str, Any] = {
            "messages": messages,
            "stream": True,
            "cache_prompt": True,
            "timings_per_token": True,  # the only place that counts tokens as they come
            "return_progress": True,  # calls back between batches of the prompt, to be cancelled
            "temperature": options.temperature,
            "top_p": options.top_p,
            # A call repeats the names that its schema gives; it must not be punished for that.
            "repeat_penalty": 1.0 if rules.must_call else options.repeat_penalty,
            "chat_template_kwargs": template_options,
        }
        if rules.offered:
            # Told to the template only: llama.cpp refuses `tools` beside a grammar of one's own.
            template_options["tools"] = [described(tool) for tool in rules.offered]
            payload["grammar"] = call_grammar(rules.allowed, must_call=rules.must_call)
        payload["max_tokens"] = request.max_output_tokens or options.longest_answer_tokens
        if options.seed is not None:
            payload["seed"] = options.seed
        return payload

    def _answer(
        self,
        payload: dict[str, Any],
        rules: ToolRules,
        conversation: str | None,
        emit: Emitter[GenerationEvent],
    ) -> None:
        answer = _Answer(CallReader([tool.name for tool in rules.allowed]), emit)

        def on_chunk(chunk: dict[str, Any]) -> bool:
            try:
                return answer.take(chunk)
            except Stopped:
                return True

        with self._slots.lend(conversation, lambda: emit.stopped) as slot:
            emit.check()
            self._complete({**payload, "id_slot": slot}, on_chunk)
        emit.check()
        answer.finish(must_call=rules.must_call)

    def _complete(
        self, payload: dict[str, Any], on_chunk: Callable[[dict[str, Any]], bool]
    ) -> None:
        """Run one completion; ``on_chunk`` stops it by returning true.

        Raises:
            EngineError: llama.cpp refused the request.
        """
        refusals: list[dict[str, Any]] = []

        def watch(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                refusals.append(chunk["error"])
                return True
            return on_chunk(chunk)

        self._server.handle_chat_completions(payload, watch)
        if refusals:
            raise self._refused(refusals[0])

    def _refused(self, refusal: dict[str, Any]) -> EngineError:
        if refusal.get("type") == "exceed_context_size_error":
            message = (
                f"the conversation has {refusal.get('n_prompt_tokens')} tokens, but "
                f"{self.info.name} reads at most {refusal.get('n_ctx')}; truncate the "
                "conversation or raise the option context_tokens"
            )
            return EngineError(message, stage="generate", code="context_length_exceeded")
        message = f"{self.info.name} refused the request: {refusal.get('message')}"
        return EngineError(message, stage="generate")


class _Answer:
    """Turns the chunks of one completion into events."""

    def __init__(self, reader: CallReader, emit: Emitter[GenerationEvent]) -> None:
        self._reader = reader
        self._emit = emit
        self._prompt_read = False
        self._tokens = 0
        self._emitted_tokens = 0
        self._finish_reason: str | None = None

    def take(self, chunk: dict[str, Any]) -> bool:
        """Emit what a chunk brings; true if nothing after it is wanted."""
        self._emit.check()
        timings = chunk.get("timings")
        if timings is not None and timings["predicted_n"]:  # 0 while the prompt is being read
            self._tokens = timings["predicted_n"]
            if not self._prompt_read:
                self._prompt_read = True
                cached_tokens = timings["cache_n"]
                self._emit(PromptRead(cached_tokens + timings["prompt_n"], cached_tokens))
        for choice in chunk.get("choices", ()):
            self._finish_reason = choice["finish_reason"] or self._finish_reason
            text = choice["delta"].get("content")
            if text:
                new_tokens = self._tokens - self._emitted_tokens
                self._emitted_tokens = self._tokens
                for event in self._reader.read(text, new_tokens):
                    self._emit(event)
        return self._reader.reading is Reading.CALLED

    def finish(self, *, must_call: bool) -> None:
        """Emit what is left, and the end.

        Raises:
            EngineError: The model broke off, or made no call although it had to.
        """
        called = self._reader.reading in (Reading.ARGUMENTS, Reading.CALLED)
        length = self._finish_reason == "length"
        if must_call and not called and not length:
            message = "the model was to call a function, but answered with text"
            raise EngineError(message, stage="generate", code="tool_call_failed")
        if self._finish_reason is None and self._reader.reading is not Reading.CALLED:
            message = "the model broke off in the middle of its answer"
            raise EngineError(message, stage="generate", retryable=True)
        for event in self._reader.finish():
            self._emit(event)
        self._emit(GenerationEnd("length" if length else "stop", self._tokens))


def create(settings: EngineSettings) -> LlamaLanguageModel:
    """Load the GGUF file ``model``; options as in :class:`LlamaOptions`.

    Raises:
        EngineError: xllamacpp is not installed, an option is wrong, or the file cannot be used.
    """
    options = options_as(settings, LlamaOptions, "generate")
    path = file_of(settings, "model", "generate")
    # llama.cpp's threads wait for each other by spinning, hundreds of times a token. On cores that
    # others use as well that costs far more than it saves: measured beside two busy processes, the
    # first token came after 310 ms instead of 3100. Read once, as the library is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    try:
        import xllamacpp  # noqa: PLC0415 (an optional extra, loaded by name)
    except ImportError as error:
        message = "xllamacpp is not installed; install antiphon[local]"
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
    info = EngineInfo(
        name=settings.name,
        role="language_model",
        context_tokens=options.context_tokens,
        tools=options.tools,
    )
    return LlamaLanguageModel(info, server, options)


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
    parameters.prefill_assistant = False  # a last assistant message is history, not a beginning
    parameters.cache_ram_mib = 0  # its second cache serves slots that it picks itself
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    parameters.verbosity = -1
    # xllamacpp also listens on a port of the loopback interface, and cannot be told not to. Nobody
    # knows the key, so nobody else gets to use the model there.
    parameters.api_keys = [secrets.token_urlsafe(32)]
    parameters.ui = parameters.endpoint_slots = parameters.endpoint_props = False
    return parameters


def _chat_message(message: ChatMessage) -> dict[str, Any]:
    """The message in the form of the Chat Completions API, which chat templates read."""
    if message.images:
        error = "this language model cannot see images; send text, or choose a model that can"
        raise EngineError(error, stage="generate", code="image_not_supported")
    chat: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        chat["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": _valid_json(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        chat["tool_call_id"] = message.tool_call_id
    return chat


def _valid_json(arguments: str) -> str:
    """The arguments, or as a JSON string if they are not JSON (an answer may have been cut off)."""
    try:
        json.loads(arguments)
    except ValueError:
        return json.dumps(arguments)
    return arguments
