"""What an operator may set of the language models that llama.cpp runs."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from antiphon.engines.options import Count, Threads

__all__ = ["LlamaOptions"]


_THINKING_CHARS = {"low": 1_000, "medium": 4_000, "high": 8_000}


class LlamaOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        parallel: Answers that are worked out at once; more wait.
        conversations: How many conversations' texts are kept ready, each in a slot; the one that
            was silent for longest makes room for another. At least ``parallel``.
        kept_mib: Memory for the texts of conversations that have lost their slot, in MiB; they are
            copied back in milliseconds. The oldest are forgotten when it is full. 0 for none.
        context_tokens: Longest prompt and answer together. A slot's memory is taken when the model
            is loaded; a token of Qwen 0.5B takes 6.5 KiB, so 8 slots of 4096 take 208 MiB.
        batch_tokens: How many tokens of a prompt are read at a time. Between batches, other
            answers go on and a cancelled one ends. 64 take 0.4 s here; a long prompt is then read
            8 % slower than with 512.
        reused_tokens: Length from which a passage of a conversation is found again where it has
            moved: when the oldest messages are left out, 205 of 221 tokens need not be read again,
            which takes 0.5 s instead of 5.9. 0 for never. The passage keeps what the model made of
            it when it followed on what has been left out.
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
        thinking_chars: How much the model may think before it answers, for each effort that a
            client may ask for; only with models whose template knows thoughts. An effort that is
            not named, and none at all, is an answer without thoughts: nobody hears anything while
            a model thinks.
        repeat_calls: Whether the model may call a function again before the user has spoken again.
            Small models call it forever.
        after_tool_output: Instruction that is added to the prompt while the last message is what a
            function answered; ``""`` for none. Without it, Qwen 0.5B rather writes the call again
            than say what came of it.
        chat_template: Jinja program to use in place of the one in the model's file.
        template_options: Variables for the chat template. Those that switch thinking on are set
            as the client's effort says.
    """

    parallel: Count = 4
    conversations: Count = 8
    kept_mib: Annotated[int, Meta(ge=0)] = 256
    context_tokens: Count = 4096
    batch_tokens: Count = 64
    reused_tokens: Annotated[int, Meta(ge=0)] = 16
    writing_threads: Threads | None = None
    longest_answer_tokens: Count = 512
    temperature: Annotated[float, Meta(ge=0, le=10)] = 0.3
    top_p: Annotated[float, Meta(gt=0, le=1)] = 0.9
    repeat_penalty: Annotated[float, Meta(gt=0, le=10)] = 1.1
    seed: int | None = None
    tools: bool = True
    repeat_calls: bool = False
    after_tool_output: str = "Tell the user the result in one short sentence."
    thinking_chars: dict[str, int] = field(default_factory=lambda: dict(_THINKING_CHARS))
    chat_template: str | None = None
    template_options: dict[str, Any] = field(default_factory=dict)
