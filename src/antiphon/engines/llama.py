"""Language models in GGUF files, run by llama.cpp through ``xllamacpp``.

The figures below were measured on two cores with Qwen2.5-Coder 0.5B Q4_K_M: it reads 150 tokens a
second and writes 54. So a prompt that is not cached costs seconds, and everything here is
arranged for the prefix to stay: a conversation returns to the slot that has read it
(``engines/slots.py``), tools are described whenever they are offered, whatever the model may do
with them, and history is never rewritten, only left out.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread

from antiphon.core.plan import ChatMessage
from antiphon.engines.base import EngineInfo, EngineSettings
from antiphon.engines.bpe import token_counter
from antiphon.engines.chat_template import ChatTemplate, chat_completions_message
from antiphon.engines.gguf import read_metadata
from antiphon.engines.llama_options import LlamaOptions
from antiphon.engines.message_ends import PROBABILITIES, end_probability, open_prompt
from antiphon.engines.options import file_of, options_as
from antiphon.engines.pool import Emitter, Stopped, WorkerPool
from antiphon.engines.prompt_counter import PromptCounter
from antiphon.engines.slots import Slots
from antiphon.engines.thinking import GenerationEnd, GenerationEvent, GenerationRequest, PromptRead
from antiphon.engines.toolcalls import (
    CallReader,
    Reading,
    ToolRules,
    call_grammar,
    described,
    tool_rules,
)
from antiphon.errors import EngineError

__all__ = ["LlamaLanguageModel", "create"]

_log = logging.getLogger(__name__)

_SPINS = "1000"
"""Some microseconds; quiet machines do not notice the difference."""


class LlamaLanguageModel:
    """Answers with a GGUF model. Built by :func:`create`.

    Args:
        info: What it is.
        server: An ``xllamacpp.Server`` with the model loaded.
        options: Its options.
        counter: Counts its tokens, if they can be counted.
    """

    def __init__(
        self,
        info: EngineInfo,
        server: Any,  # noqa: ANN401 (untyped library)
        options: LlamaOptions,
        counter: PromptCounter | None,
    ) -> None:
        self.info = info
        self.counter = counter
        self._server = server
        self._options = options
        self._pool = WorkerPool(stage="generate", threads=options.parallel, name=info.name)
        self._slots = Slots(max(options.conversations, options.parallel))
        self._read_by: dict[int, str | None] = {}  # slot → whose text is in it
        self._generating = 0

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer; see :class:`antiphon.engines.thinking.LanguageModel`.

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
                placed = self._placed(payload, slot, request.conversation)
                self._complete(placed, lambda _: given_way())

        async with contextlib.aclosing(self._pool.stream(read)) as nothing:
            async for _ in nothing:
                pass

    async def predict_message_end(self, request: GenerationRequest) -> float:
        """Say whether the user's message is over; see ``base.MessageEndPredictor``.

        Raises:
            EngineError: Code ``not_supported`` if the model's chat template cannot be used.
        """
        produce = partial(self._foresee, self._open_prompt(request), request.conversation)
        self._generating += 1  # so that reading ahead gives way, which takes the slot
        try:
            async with contextlib.aclosing(self._pool.stream(produce)) as probabilities:
                async for probability in probabilities:
                    return float(probability)
        finally:
            self._generating -= 1
        message = f"{self.info.name} did not say whether the message is over"
        raise EngineError(message, stage="generate")

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

    def _open_prompt(self, request: GenerationRequest) -> str:
        offered = self._rules(request).offered
        messages = [_chat_message(message) for message in request.messages]
        try:
            if self.counter is None:
                message = "its chat template is of a kind that is not known"
                raise ValueError(message)
            return open_prompt(self.counter.template, messages, [described(t) for t in offered])
        except ValueError as error:
            message = f"{self.info.name} cannot say whether a message is over: {error}"
            raise EngineError(message, stage="generate", code="not_supported") from error

    def _foresee(self, prompt: str, conversation: str | None, emit: Emitter[float]) -> None:
        payload = {
            "prompt": prompt,
            "stream": True,
            "return_progress": True,  # calls back between batches of the prompt, to be cancelled
            "cache_prompt": True,
            "n_predict": 1,
            "n_probs": PROBABILITIES,
            "temperature": 0.0,
        }
        chosen: list[dict[str, Any]] = []

        def on_chunk(chunk: dict[str, Any]) -> bool:
            if any(choice["logprobs"] for choice in chunk.get("choices", ())):
                chosen.append(chunk)
            return emit.stopped

        with self._slots.lend(conversation, lambda: emit.stopped) as slot:
            emit.check()
            placed = self._placed(payload, slot, conversation)
            self._complete(placed, on_chunk, self._server.handle_completions)
        if chosen:
            emit(end_probability(chosen[0]))

    def _placed(
        self, payload: dict[str, Any], slot: int, conversation: str | None
    ) -> dict[str, Any]:
        """The payload for a slot that was lent to a conversation."""
        # Only of a conversation's own text are passages reused out of place: what the model makes
        # of a passage depends on all that came before it, which is nobody else's business.
        own = conversation is not None and self._read_by.get(slot) == conversation
        self._read_by[slot] = conversation
        reused_tokens = self._options.reused_tokens if own else 0
        return {**payload, "id_slot": slot, "n_cache_reuse": reused_tokens}

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
            self._complete(self._placed(payload, slot, conversation), on_chunk)
        emit.check()
        answer.finish(must_call=rules.must_call)

    def _complete(
        self,
        payload: dict[str, Any],
        on_chunk: Callable[[dict[str, Any]], bool],
        run: Callable[[dict[str, Any], Callable[[dict[str, Any]], bool]], None] | None = None,
    ) -> None:
        """Run one completion, of a chat unless said otherwise; ``on_chunk`` may stop it: by true.

        Raises:
            EngineError: llama.cpp refused the request.
        """
        refusals: list[dict[str, Any]] = []

        def watch(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                refusals.append(chunk["error"])
                return True
            return on_chunk(chunk)

        run = run or self._server.handle_chat_completions
        run(payload, watch)
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
    counter = _counter(path, options)
    added_tokens = 0
    if counter is not None and options.after_tool_output:
        added_tokens = counter.message_tokens(ChatMessage("system", options.after_tool_output))
    info = EngineInfo(
        name=settings.name,
        role="language_model",
        context_tokens=options.context_tokens - added_tokens,
        tools=options.tools,
    )
    return LlamaLanguageModel(info, server, options, counter)


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


def _counter(path: Path, options: LlamaOptions) -> PromptCounter | None:
    """What counts the model's tokens, if its tokenizer and template are of a kind that is known."""
    try:
        metadata = read_metadata(path)
        template = ChatTemplate(metadata["tokenizer.chat_template"], options.template_options)
        return PromptCounter(template, token_counter(metadata))
    except (KeyError, ValueError) as error:
        _log.warning("conversations that outgrow %s will fail: %r", path.name, error)
        return None


def _chat_message(message: ChatMessage) -> dict[str, Any]:
    if message.images:
        error = "this language model cannot see images; send text, or choose a model that can"
        raise EngineError(error, stage="generate", code="image_not_supported")
    return chat_completions_message(message)
