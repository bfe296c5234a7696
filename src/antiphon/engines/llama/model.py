"""The language model itself: what it is asked, and in which slot llama.cpp works on it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import anyio.to_thread

from antiphon.engines.base import EngineInfo
from antiphon.engines.llama.answer import Answer
from antiphon.engines.llama.message_ends import PROBABILITIES, end_probability
from antiphon.engines.llama.options import LlamaOptions
from antiphon.engines.llama.prompt_counter import PromptCounter
from antiphon.engines.llama.prompts import Prompt, Prompts
from antiphon.engines.llama.slots import Slots
from antiphon.engines.native.pool import Emitter, Stopped, WorkerPool
from antiphon.engines.thinking import GenerationEvent, GenerationRequest
from antiphon.errors import EngineError

__all__ = ["LlamaLanguageModel"]


class LlamaLanguageModel:
    """Answers with a GGUF model. Built by :func:`create`.

    Args:
        info: What it is.
        server: An ``xllamacpp.Server`` with the model loaded.
        options: Its options.
        prompts: Say what to ask it.
        counter: Counts its tokens, if they can be counted.
        pool: A thread for each answer that is worked out at once.
    """

    def __init__(
        self,
        info: EngineInfo,
        server: Any,  # noqa: ANN401 (untyped library)
        options: LlamaOptions,
        prompts: Prompts,
        counter: PromptCounter | None,
        pool: WorkerPool,
    ) -> None:
        self.info = info
        self.counter = counter
        self._server = server
        self._options = options
        self._prompts = prompts
        self._pool = pool
        self._slots = Slots(max(options.conversations, options.parallel))
        self._read_by: dict[int, str | None] = {}  # slot → whose text is in it
        self._generating = 0
        self._answers = set[Answer]()  # under way

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer; see :class:`antiphon.engines.thinking.LanguageModel`.

        Text comes before calls, if there are both. Arguments fit their function's schema, unless
        the answer was cut off within them.

        Raises:
            EngineError: Code ``context_length_exceeded`` if the prompt is too long,
                ``image_not_supported`` if a message shows an image,
                ``invalid_function_parameters`` if a function's parameters are nothing that
                arguments can be held to, ``tool_call_failed`` if the model did not make a call that
                it had to make, or made one that does not fit.
        """
        prompt = self._prompts.answer_to(request)
        produce = partial(self._answer, prompt, request.conversation)
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
        payload = self._prompts.answer_to(request).payload
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
        """Say whether the user's message is over; see ``thinking.MessageEndPredictor``.

        Raises:
            EngineError: Code ``not_supported`` if the model's chat template cannot be used.
        """
        produce = partial(
            self._foresee, self._prompts.open_at_last_word(request), request.conversation
        )
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
        prompt: Prompt,
        conversation: str | None,
        emit: Emitter[GenerationEvent],
    ) -> None:
        answer = Answer(prompt, emit)

        def on_chunk(chunk: dict[str, Any]) -> bool:
            try:
                return answer.take(chunk)
            except Stopped:
                return True

        self._answers.add(answer)
        try:
            with self._slots.lend(conversation, lambda: emit.stopped) as slot:
                emit.check()
                placed = self._placed(prompt.payload, slot, conversation)
                self._complete(placed, on_chunk, answer=answer)
        finally:
            self._answers.discard(answer)
        emit.check()
        answer.finish()

    def _complete(
        self,
        payload: dict[str, Any],
        on_chunk: Callable[[dict[str, Any]], bool],
        run: Callable[[dict[str, Any], Callable[[dict[str, Any]], bool]], None] | None = None,
        answer: Answer | None = None,
    ) -> None:
        """Run one completion, of a chat unless said otherwise; ``on_chunk`` may stop it: by true.

        llama.cpp reads one prompt after the other, so answers other than ``answer`` are told while
        it reads this one that they have to wait.

        Raises:
            EngineError: llama.cpp refused the request.
        """
        refusals: list[dict[str, Any]] = []

        def watch(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                refusals.append(chunk["error"])
                return True
            if "prompt_progress" in chunk:
                for waiting in self._answers - {answer}:
                    waiting.go_on()
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
