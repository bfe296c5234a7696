"""Everything that a client may send, sensible or not, in view of what it has been sent."""

from typing import Any

from tests.simulation.abilities import PROMPT_ID, VOICES
from tests.simulation.audio import HALF_A_SAMPLE_MORE, chunk
from tests.simulation.dice import Dice
from tests.simulation.mcp_servers import LABELS, random_server
from tests.support.ledger import Frame, Ledger

__all__ = ["Requests"]

TEXTS = ("", "Hello.", "Was sagen Sie dazu?", "Tell me a long story, please, and be quick.")
TOOL = {
    "type": "function",
    "name": "look_up",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
}
_CHUNKS_MS = (1, 7, 20, 20, 20, 32, 50, 100, 100, 200, 500)
_SILENCES_MS = (32, 64, 200, 300)

_IMAGE = {
    "type": "input_image",
    "image_url": "data:image/png;base64,iVBORw0KGgo=",  # nobody looks further than at its head
}
_LOGPROBS = "item.input_audio_transcription.logprobs"
_PROMPT = {"id": PROMPT_ID, "variables": {"shop": "Tea & Sons"}}
_CHOICES: list[Any] = [
    "auto",
    "auto",
    "none",
    "required",
    {"type": "function", "name": "look_up"},
    *({"type": "mcp", "server_label": label} for label in LABELS),
    {"type": "mcp", "server_label": LABELS[0], "name": "read"},
]
_TRUNCATIONS: list[Any] = [
    "auto",
    "disabled",
    {"type": "retention_ratio", "retention_ratio": 0.5},
    {
        "type": "retention_ratio",
        "retention_ratio": 0.8,
        "token_limits": {"post_instructions": 15},
    },
]


class Requests:
    """Makes well-formed events: whether they can be done is another question.

    Args:
        dice: Decides.
        ledger: What the client knows.
        uses_mcp: Whether there are MCP servers to name.
    """

    def __init__(self, dice: Dice, ledger: Ledger, *, uses_mcp: bool) -> None:
        self._dice = dice
        self._uses_mcp = uses_mcp
        self._ledger = ledger
        self._named = 0
        self._speaking = False

    @property
    def names_servers(self) -> bool:
        """Whether the session names an MCP server."""
        return any(tool["type"] == "mcp" for tool in self._ledger.session.get("tools", ()))

    # --- audio ------------------------------------------------------------------------------------

    def append(self) -> Frame:
        if self._dice.chance(0.15):
            self._speaking = not self._speaking
        if self._dice.chance(0.01):
            return {"type": "input_audio_buffer.append", "audio": HALF_A_SAMPLE_MORE}
        return self.sound(self._dice.choice(_CHUNKS_MS), loud=self._speaking)

    def sound(self, duration_ms: int, *, loud: bool) -> Frame:
        """Append so much of speech or of silence."""
        audio = chunk(duration_ms, self._ledger.input_format["type"], loud=loud)
        return {"type": "input_audio_buffer.append", "audio": audio}

    def commit(self) -> Frame:
        return {"type": "input_audio_buffer.commit"}

    def clear(self) -> Frame:
        return {"type": "input_audio_buffer.clear"}

    def clear_output(self) -> Frame:
        return {"type": "output_audio_buffer.clear"}

    # --- items ------------------------------------------------------------------------------------

    def create_message(self) -> Frame:
        return self._create(self._message())

    def create_call(self) -> Frame:
        call: Frame = {"type": "function_call", "name": "look_up", "arguments": "{}"}
        if self._dice.chance(0.7):
            call["call_id"] = f"mine_{self._dice.randrange(4)}"
        return self._create(call)

    def return_output(self) -> Frame:
        return self._create(self._output())

    def _create(self, item: Frame) -> Frame:
        event: Frame = {"type": "conversation.item.create", "item": item}
        if self._dice.chance(0.3):
            self._named += 1
            item["id"] = f"own_{self._named}"
        elif self._dice.chance(0.05):
            item["id"] = self._item_id()
        if self._dice.chance(0.3):
            event["previous_item_id"] = self._dice.choice([None, "", "root", self._item_id()])
        return event

    def _message(self) -> Frame:
        role = self._dice.choice(["user", "user", "user", "assistant", "system"])
        kind = "output_text" if role == "assistant" else "input_text"
        content: list[Frame] = [{"type": kind, "text": self._dice.choice(TEXTS)}]
        if role == "user" and self._dice.chance(0.2):
            content.append(self._recording())
        if role == "user" and self._dice.chance(0.1):
            content.append(_IMAGE)
        if role == "user" and self._dice.chance(0.1):
            content.insert(0, {"type": "input_audio", "transcript": "As I always say."})
        return {"type": "message", "role": role, "content": content}

    def _recording(self) -> Frame:
        audio_format = self._ledger.input_format["type"]
        part: Frame = {"type": "input_audio", "audio": chunk(200, audio_format, loud=True)}
        if self._dice.chance(0.1):
            part["audio"] = HALF_A_SAMPLE_MORE
        if self._dice.chance(0.3):
            part["transcript"] = "As I said."
        return part

    def _output(self) -> Frame:
        calls = ["nowhere", "mine_0"]
        for account in self._ledger.responses.values():
            calls += [item.call_id for item in account.items if item.call_id]
        return {
            "type": "function_call_output",
            "call_id": self._dice.choice(calls[-3:]),
            "output": "42",
        }

    def answer_approval(self) -> Frame:
        waiting = sorted(self._ledger.mcp.unanswered)
        request_id = self._dice.choice(waiting) if waiting else self._item_id()
        if self._dice.chance(0.1):
            request_id = self._item_id()
        answer: Frame = {
            "type": "mcp_approval_response",
            "approval_request_id": request_id,
            "approve": self._dice.chance(0.7),
        }
        if self._dice.chance(0.2):
            answer["reason"] = "It is late."
        return self._create(answer)

    def retrieve(self) -> Frame:
        return {"type": "conversation.item.retrieve", "item_id": self._item_id()}

    def delete(self) -> Frame:
        return {"type": "conversation.item.delete", "item_id": self._item_id()}

    def truncate(self) -> Frame:
        spoken = [
            item
            for account in self._ledger.responses.values()
            for item in account.items
            if item.has_audio
        ]
        item_id, audio_ms = self._item_id(), 100.0
        if spoken and self._dice.chance(0.9):
            item = self._dice.choice(spoken[-2:])
            item_id, audio_ms = item.id, item.audio_ms
        return {
            "type": "conversation.item.truncate",
            "item_id": item_id,
            "content_index": int(self._dice.chance(0.03)),
            "audio_end_ms": int(audio_ms * self._dice.choice([0, 0.2, 0.4, 0.6, 0.9, 1, 1.1, 5])),
        }

    def _item_id(self) -> str:
        """Return the id of an item: mostly of one that is there."""
        ledger = self._ledger
        if ledger.order and self._dice.chance(0.9):
            return self._dice.choice(ledger.order[-6:])
        gone = sorted(ledger.conversation.ever)[-3:]
        return self._dice.choice(["nowhere", ledger.announced or "nobody", *gone])

    # --- responses --------------------------------------------------------------------------------

    def respond(self) -> Frame:
        if self._dice.chance(0.5):
            return {"type": "response.create"}
        return {"type": "response.create", "response": self._response()}

    def _response(self) -> Frame:
        dice = self._dice
        choices: dict[str, list[Any]] = {
            "conversation": ["auto", "none", "none"],
            "output_modalities": [["text"], ["audio"]],
            "metadata": [None, {"topic": "x"}],
            "max_output_tokens": ["inf", 5, 100],
            "tools": [self._tools()],
            "tool_choice": _CHOICES,
            "instructions": ["Be kind."],
            "prompt": [None, _PROMPT],
        }
        response = {key: dice.choice(values) for key, values in choices.items() if dice.chance(0.3)}
        if dice.chance(0.3):
            response["input"] = [self._input_item() for _ in range(dice.randrange(3))]
        return response

    def _tools(self) -> list[Frame]:
        """Return tools: mostly what there is, so that some are listed at some time."""
        functions = [TOOL] if self._dice.chance(0.6) else []
        if not self._uses_mcp:
            return functions
        servers = [random_server(self._dice)] if self._dice.chance(0.5) else []
        known = [one for one in self._ledger.session.get("tools", ()) if one["type"] == "mcp"]
        return functions + (known if known and self._dice.chance(0.6) else servers)

    def _input_item(self) -> Frame:
        if self._dice.chance(0.5):
            return {"type": "item_reference", "id": self._item_id()}
        return self._dice.choice([self._message, self._output])()

    def cancel(self) -> Frame:
        event: Frame = {"type": "response.cancel"}
        if self._dice.chance(0.5):
            known = [*self._ledger.responses][-2:] + self._ledger.running
            event["response_id"] = self._dice.choice(known or ["nowhere"])
        return event

    # --- the session ------------------------------------------------------------------------------

    def update(self) -> Frame:
        dice = self._dice
        choices: dict[str, list[Any]] = {
            "instructions": ["", "Be brief."],
            "output_modalities": [["text"], ["audio"]],
            "tools": [self._tools()],
            "tool_choice": _CHOICES,
            "model": ["another-model"],
            "tracing": [None, "auto"],
            "truncation": _TRUNCATIONS,
            "prompt": [None, _PROMPT],
            "max_output_tokens": ["inf", 3],
            "include": [None, [_LOGPROBS]],
        }
        session = {key: dice.choice(values) for key, values in choices.items() if dice.chance(0.2)}
        spoken = {
            "voice": dice.choice(VOICES),
            "format": dice.choice([{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}]),
        }
        session["audio"] = {
            "input": self._hearing(),
            "output": {key: value for key, value in spoken.items() if dice.chance(0.3)},
        }
        return {"type": "session.update", "session": {"type": "realtime", **session}}

    def update_listening(self) -> Frame:
        """Change a session that only transcribes."""
        session: Frame = {"type": "transcription", "audio": {"input": self._hearing()}}
        if self._dice.chance(0.3):
            session["include"] = self._dice.choice([None, [_LOGPROBS]])
        return {"type": "session.update", "session": session}

    def _hearing(self) -> Frame:
        dice = self._dice
        heard = {
            "turn_detection": self._turn_detection(),
            "noise_reduction": dice.choice([None, {"type": "near_field"}]),
            "transcription": dice.choice([None, {"model": "any"}, {"model": "any"}]),
            "format": dice.choice(
                [
                    {"type": "audio/pcm", "rate": 24000},
                    {"type": "audio/pcmu"},
                    {"type": "audio/pcma"},
                ]
            ),
        }
        return {key: value for key, value in heard.items() if dice.chance(0.4)}

    def _turn_detection(self) -> Frame | None:
        if self._dice.chance(0.2):
            return None
        decides = {
            "create_response": self._dice.chance(0.8),
            "interrupt_response": self._dice.chance(0.7),
        }
        if self._dice.chance(0.2):
            return {"type": "semantic_vad", "eagerness": "high", **decides}
        return {
            "type": "server_vad",
            "silence_duration_ms": self._dice.choice(_SILENCES_MS),
            "prefix_padding_ms": self._dice.choice([0, 100, 300]),
            **decides,
            "idle_timeout_ms": self._dice.choice([None, None, 5000]),
        }
