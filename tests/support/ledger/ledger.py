"""The account of one session: every frame in both directions, in order."""

from collections.abc import Callable

from tests.support.ledger.conversation import ConversationAccount
from tests.support.ledger.frames import Frame, audio_ms
from tests.support.ledger.input_audio import InputAccount, Turn
from tests.support.ledger.mcp import McpAccount
from tests.support.ledger.playback import CUTTING_FRAMES, PlaybackAccount
from tests.support.ledger.rate_limits import LimitAccount
from tests.support.ledger.requests import Form, Request, Requests
from tests.support.ledger.responses import OutputItem, ResponseAccount, Stage
from tests.support.ledger.rules import check_answer, is_borderline, objections, would_cancel

__all__ = ["Ledger"]

CLOSING_FRAMES = {
    "response.output_text.done",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.function_call_arguments.done",
    "response.mcp_call_arguments.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
}
"""What the end of a response consists of."""

_LOGPROBS = "item.input_audio_transcription.logprobs"

_TRANSCRIPTION = "conversation.item.input_audio_transcription."


class Ledger:
    """Everything that was sent in one session, of speech or of transcription.

    Args:
        clock: Tells the time in seconds, if no other session uses the key's limits: see
            :class:`~tests.support.ledger.rate_limits.LimitAccount`.
        plays: Whether the server plays the answers, as in a call.

    Attributes:
        session: The settings as they were told last.
        conversation: The items.
        input: The input audio.
        mcp: The MCP servers and the calls to them.
        playback: The answers that the server plays; ``None`` if the client does.
        responses: Every response by its id.
        recordings: How many items with audio the client has sent whose words have to be found out.
        expired: Whether the session has come to its end.
    """

    def __init__(self, clock: Callable[[], float] | None = None, *, plays: bool = False) -> None:
        self.session: Frame = {}
        self.conversation = ConversationAccount()
        self.input = InputAccount()
        self.mcp = McpAccount()
        self.playback = PlaybackAccount() if plays else None
        self.responses: dict[str, ResponseAccount] = {}
        self.recordings = 0
        self.expired = False
        self._outputs: dict[str, OutputItem] = {}
        self._requests = Requests(self._take_audio, self._makes_call)
        self._event_ids: set[str] = set()
        self._next: tuple[str, str] | None = None  # type and item of what must come next
        self._committed: str | None = None  # the item that committed audio is becoming
        self._to_answer: str | None = None  # the item of a turn that is to be answered
        self._answer_is_due = False
        self.client_is_gone = False
        self._interrupted: str | None = None  # the response that must close before all else
        self._expiring = False
        self._limits = LimitAccount(clock)

    # --- what may be asked ------------------------------------------------------------------------

    @property
    def order(self) -> list[str]:
        """Ids of the conversation's items, first to last."""
        return self.conversation.order

    @property
    def announced(self) -> str | None:
        """Id that the turn under way will have as an item."""
        return self.input.announced

    @property
    def running(self) -> list[str]:
        """Ids of the responses that have not ended."""
        return [one for one, account in self.responses.items() if account.done is None]

    @property
    def active(self) -> str | None:
        """Id of the response that writes to the conversation."""
        return next((one for one in self.running if self.responses[one].in_conversation), None)

    @property
    def input_format(self) -> Frame:
        """Format of the audio that the client sends."""
        audio_format: Frame = self.session["audio"]["input"]["format"]
        return audio_format

    @property
    def answers(self) -> bool:
        """Whether the session answers; one of transcription only listens."""
        return bool(self.session["type"] == "realtime")

    @property
    def has_spoken(self) -> bool:
        """Whether the assistant's voice has been heard in the conversation."""
        return any(
            item.has_audio
            for account in self.responses.values()
            if account.in_conversation
            for item in account.items
        )

    def output_item(self, item_id: str) -> OutputItem | None:
        """Return an item of the conversation that a response has put out."""
        return self._outputs.get(item_id)

    # --- the client's frames ----------------------------------------------------------------------

    def sends(self, text: str | bytes, form: Form = Form.UNKNOWN) -> None:
        """Take a frame that the client sends."""
        if self.expired:
            return
        request = Request(text, form)
        if self.playback is not None and request.kind == "output_audio_buffer.clear":
            self.playback.ask()  # and if nothing is played, there is no answer
        else:
            self._requests.add(request)

    def settle(self) -> None:
        """Note that the server has taken in everything, and has nothing to say at the moment.

        Raises:
            AssertionError: Something must still be said.
        """
        if self.expired:
            return
        assert self._next is None, f"{self._next} has not come"
        assert not self._answer_is_due
        assert self._interrupted is None
        assert not self._expiring
        assert self.playback is None or not self.playback.due
        self._requests.settle()

    def rest(self) -> None:
        """Note that nothing happens any more, neither here nor at the engines.

        Raises:
            AssertionError: Something must still happen.
        """
        self.settle()
        assert self.running == []
        assert self.expired or self.playback is None or self.playback.settled
        assert self.expired or self._requests.settled
        assert self.expired or self.mcp.settled
        assert self.expired or self.conversation.settled_but(set(self.mcp.unanswered.values()))

    # --- the server's frames ----------------------------------------------------------------------

    def read(self, frame: Frame) -> None:
        """Take a frame that the client is sent.

        Raises:
            AssertionError: It contradicts what was sent before.
        """
        kind: str = frame["type"]
        assert not self.expired, "the session is over"
        assert frame["event_id"] not in self._event_ids
        self._event_ids.add(frame["event_id"])
        assert (kind == "session.created") == (len(self._event_ids) == 1)
        self._limits.follow(kind)
        if kind == "rate_limits.updated":
            self._limits.read(frame["rate_limits"])
            return
        self._check_order(kind, frame)
        if kind.startswith("mcp_list_tools."):
            self._read_listing(kind, frame)
        elif kind.startswith("response.mcp_call."):
            self.mcp.read_call(frame)
        elif kind.startswith("response."):
            self._read_response(kind, frame)
        elif kind.startswith(_TRANSCRIPTION):
            self.conversation.hear(kind, frame)
        elif kind.startswith("conversation.item."):
            self._read_item(kind, frame)
        elif kind.startswith("input_audio_buffer."):
            self._read_input(kind, frame)
        elif kind.startswith("output_audio_buffer."):
            assert self.playback is not None, "the client plays"
            self.playback.read(kind, frame["response_id"], self.responses[frame["response_id"]])
        elif kind == "error":
            self._read_error(frame["error"])
        else:
            self._read_session(kind, frame)

    def _check_order(self, kind: str, frame: Frame) -> None:
        """Check that what must come next does."""
        if self.client_is_gone:
            return  # nobody waits for anything
        if self._next is not None:
            expected, self._next = self._next, None
            item_id = frame["item"]["id"] if "item" in frame else frame.get("item_id")
            assert (kind, item_id) == expected
        elif self._answer_is_due:
            # The words may be known already, so that they are told first.
            if not kind.startswith(_TRANSCRIPTION):
                assert kind in {"response.created", "error"}, "a turn is answered at once"
        elif self._requests.overdue:
            # What sounded may have ended together with the response.
            due = {"conversation.item.added", "error", "output_audio_buffer.stopped"}
            assert kind in due, "the output of a call is due"
        elif self.playback is not None and self.playback.due:
            assert kind in CUTTING_FRAMES, "whoever speaks is not talked over"
        elif self._interrupted is not None and not (self.playback and kind in CUTTING_FRAMES):
            assert kind in CLOSING_FRAMES, "an interrupted response closes at once"
            assert frame.get("response_id", self._interrupted) == self._interrupted
        elif self._expiring:
            ending = {"error", "conversation.item.added"} | CLOSING_FRAMES
            assert kind in ending, "the session is about to end"

    def _read_session(self, kind: str, frame: Frame) -> None:
        if kind == "session.updated":
            request = self._answered(kind.removesuffix("d"))
            for key in ("id", "object", "type", "model", "expires_at"):
                assert self.session.get(key) == frame["session"].get(key)
            check_answer(request.event, frame, self)
            self.input.configure(frame["session"]["audio"]["input"]["turn_detection"])
        self.session = frame["session"]

    def _read_error(self, error: Frame) -> None:
        event_id = error["event_id"] or None
        if error["code"] == "session_expired":
            assert event_id is None
            assert self.running == []
            self.expired = True
        elif self._answer_is_due:
            self._answer_is_due = False
            assert event_id is None
            assert error["code"] == "conversation_already_has_active_response"
            assert self.active is not None
        else:
            request = self._requests.take(lambda one: self._may_be_refused(one, event_id))
            if request.form is Form.SOUND and not is_borderline(request.event, self):
                codes = objections(request.event, self)
                assert error["code"] in codes, f"{request} is refused, but not for one of {codes}"

    def _may_be_refused(self, request: Request, event_id: str | None) -> bool:
        """Whether an error that names an event may be about this one."""
        if request.event_id != event_id:
            return False
        if request.form is not Form.SOUND or event_id is not None:
            return True
        return is_borderline(request.event, self) or bool(objections(request.event, self))

    def _answered(self, kind: str, *, call_id: str | None = None) -> Request:
        """Return the request that has been done, as is told by a frame not entered yet.

        Args:
            kind: What was asked for.
            call_id: The call whose output was sent with it, if that is what it was.
        """
        request = self._requests.take(lambda one: (one.kind, one.answered_call) == (kind, call_id))
        assert request.form is not Form.BROKEN, f"{request} has been done"
        if not is_borderline(request.event, self):
            codes = objections(request.event, self)
            assert not codes, f"{request} has been done in spite of {codes}"
        self.recordings += sum(one.get("transcript") is None for one in request.recordings())
        return request

    # --- the conversation -------------------------------------------------------------------------

    def _read_item(self, kind: str, frame: Frame) -> None:
        match kind:
            case "conversation.item.added":
                self._add_item(frame)
            case "conversation.item.done":
                self._finish_item(frame)
            case "conversation.item.deleted":
                check_answer(self._answered("conversation.item.delete").event, frame, self)
                self.conversation.delete(frame["item_id"])
                self.mcp.withdraw(frame["item_id"])
                self._outputs.pop(frame["item_id"], None)
            case "conversation.item.retrieved":
                check_answer(self._answered("conversation.item.retrieve").event, frame, self)
                output = self.output_item(frame["item"]["id"])
                self.conversation.retrieve(frame["item"], output)
            case _:
                assert kind == "conversation.item.truncated"
                if not self._is_cut_off(frame):
                    check_answer(self._answered("conversation.item.truncate").event, frame, self)
                self.conversation.truncate(frame["item_id"], frame["audio_end_ms"])

    def _is_cut_off(self, truncated: Frame) -> bool:
        """Whether an item is truncated since the server has ceased to play it."""
        if self.playback is None:
            return False
        owner = next(
            account
            for account in self.responses.values()
            if any(item.id == truncated["item_id"] for item in account.items)
        )
        return self.playback.truncates(truncated, owner)

    def _add_item(self, frame: Frame) -> None:
        item_id = frame["item"]["id"]
        output = self.output_item(item_id)
        if output is not None:
            assert output.stage is Stage.ADDED
            output.stage = Stage.IN_CONVERSATION
            self.conversation.add(frame)
            assert self.conversation.last_id == item_id, "answers go to the end"
            return
        if self.mcp.is_listing(item_id):
            self.mcp.begin_listing(frame["item"])
            self.conversation.add(frame)
            return
        self._next = ("conversation.item.done", item_id)
        if self._is_asked_by_server(frame["item"]):
            self.conversation.amend(self.mcp.ask(frame["item"], self._whole_mcp_calls()))
            self.conversation.add(frame)
            return
        if self._committed == item_id:
            self._committed = None
            self.conversation.add(frame)
            assert self.conversation.last_id == item_id, "what is said goes to the end"
            if self.session["audio"]["input"]["transcription"] is not None:
                include = self.session.get("include") or ()
                self.conversation.expect_transcript(item_id, logprobs=_LOGPROBS in include)
            return
        is_output = frame["item"]["type"] == "function_call_output"
        call_id = frame["item"]["call_id"] if is_output else None
        request = self._answered("conversation.item.create", call_id=call_id)
        self.conversation.add(frame)
        check_answer(request.event, frame, self)
        if frame["item"]["type"] == "mcp_approval_response":
            self.mcp.answer(frame["item"])

    def _is_asked_by_server(self, item: Frame) -> bool:
        """Whether a request for approval is not one that the client has put in itself."""
        return item["type"] == "mcp_approval_request" and not self._requests.next_is(
            lambda one: (one.event.get("item") or {}).get("id") == item["id"]
        )

    def _whole_mcp_calls(self) -> dict[str, Frame]:
        items = [item for account in self.responses.values() for item in account.items]
        return {one.id: one.final for one in items if one.type == "mcp_call" and one.final}

    def _finish_item(self, frame: Frame) -> None:
        item_id = frame["item"]["id"]
        added = self.conversation.item(item_id)
        self.conversation.finish(frame)
        output = self.output_item(item_id)
        if self.mcp.is_listing(item_id):
            self.mcp.show_tools(frame["item"])
            self._next = ("mcp_list_tools.completed", item_id)
        elif output is None:
            assert frame["item"] == added
        elif output.type == "mcp_call":
            self.mcp.finish(frame["item"], is_whole=output.final is not None)
        if self._to_answer == item_id:
            self._to_answer = None
            self._answer_is_due = True

    # --- input audio ------------------------------------------------------------------------------

    def _read_input(self, kind: str, frame: Frame) -> None:
        match kind:
            case "input_audio_buffer.speech_started":
                self.input.start(frame)
                if self.session["audio"]["input"]["turn_detection"]["interrupt_response"]:
                    self._interrupted = self.active
                    if self.playback is not None:
                        own = (one for one, it in self.responses.items() if it.in_conversation)
                        self.playback.interrupt(own)
            case "input_audio_buffer.speech_stopped":
                self.input.stop(frame, self.input.taken_ms + self._pending_audio_ms())
                self._next = ("input_audio_buffer.committed", frame["item_id"])
                creates = self.session["audio"]["input"]["turn_detection"]["create_response"]
                if creates and self.answers:
                    self._to_answer = frame["item_id"]
            case "input_audio_buffer.timeout_triggered":
                assert self.session["audio"]["input"]["turn_detection"]["idle_timeout_ms"]
                assert self.active is None
                self.input.time_out(frame)
                self._next = ("input_audio_buffer.committed", frame["item_id"])
                self._to_answer = frame["item_id"]
            case "input_audio_buffer.committed":
                if self.input.turn is not Turn.STOPPED:
                    self._answered("input_audio_buffer.commit")
                assert frame["previous_item_id"] == self.conversation.last_id
                self.input.commit(frame)
                self._committed = frame["item_id"]
                self._next = ("conversation.item.added", frame["item_id"])
            case _:
                assert kind == "input_audio_buffer.cleared"
                self._answered("input_audio_buffer.clear")
                self.input.clear()

    def _take_audio(self, append: Frame) -> None:
        codes = objections(append, self)
        assert not codes, f"audio has been taken in in spite of {codes}"
        self.input.taken_ms += audio_ms(append["audio"], self.input_format)

    def _pending_audio_ms(self) -> float:
        return sum(audio_ms(audio, self.input_format) for audio in self._requests.pending_audio())

    # --- responses --------------------------------------------------------------------------------

    def _read_response(self, kind: str, frame: Frame) -> None:
        if kind == "response.created":
            self._create_response(frame)
            return
        account = self.responses[frame.get("response_id") or frame["response"]["id"]]
        assert account.done is None, "nothing comes after response.done"
        match kind:
            case "response.done":
                self._end_response(account, frame)
            case "response.output_item.added":
                item = account.open(frame)
                if item.type == "mcp_call":
                    self.mcp.open(frame["item"], account.tools)
                if account.in_conversation:
                    assert item.id not in self.order
                    self._outputs[item.id] = item
                    self._next = ("conversation.item.added", item.id)
            case "response.output_item.done":
                item_id = frame["item"]["id"]
                if frame["item"]["type"] == "mcp_call":
                    if item_id not in self.order and frame["item"]["error"] is not None:
                        self.mcp.cut_short(item_id)
                    assert self.mcp.is_cut_short(item_id) == (frame["item"]["error"] is not None)
                    self.conversation.amend(frame["item"])
                else:
                    assert self.conversation.is_done(item_id), "conversation.item.done first"
                account.close(frame)
            case _:
                account.read_content(kind, frame)

    def _read_listing(self, kind: str, frame: Frame) -> None:
        item_id = frame["item_id"]
        self.mcp.read_listing(frame)
        if kind == "mcp_list_tools.in_progress":
            self._next = ("conversation.item.added", item_id)
        elif kind == "mcp_list_tools.completed":
            assert self.conversation.is_done(item_id), "the item has never shown the tools"
        elif kind == "mcp_list_tools.failed":
            self.conversation.give_up(item_id)

    def _create_response(self, frame: Frame) -> None:
        response = frame["response"]
        assert response["id"] not in self.responses
        self._limits.create_response()
        context: tuple[str, ...] | None = tuple(self.order)
        params: Frame = {}
        if self._answer_is_due:
            self._answer_is_due = False
            assert response["conversation_id"] is not None
            assert self.active is None
        else:
            event = self._answered("response.create").event
            check_answer(event, frame, self)
            params = event.get("response") or {}
            if params.get("input") is not None:
                context = None
        account = ResponseAccount(response, context, is_played=self.playback is not None)
        account.tools = self.session["tools"] if params.get("tools") is None else params["tools"]
        if not params.get("prompt"):
            account.instructions = params.get("instructions") or self.session["instructions"]
        self.responses[response["id"]] = account

    def _end_response(self, account: ResponseAccount, frame: Frame) -> None:
        response_id = frame["response"]["id"]
        reason = (frame["response"]["status_details"] or {}).get("reason")
        assert (self._interrupted == response_id) == (reason == "turn_detected")
        self._interrupted = None
        if reason == "client_cancelled":
            if self._requests.next_is(lambda one: would_cancel(one.event, self) == response_id):
                check_answer(self._answered("response.cancel").event, frame, self)
            else:
                self._expiring = True  # all that runs is cancelled then
        account.finish(frame["response"])
        self._limits.end_response(frame["response"])
        self._requests.end_response(account.made_call)

    def _makes_call(self, call_id: str) -> bool:
        return any(self.responses[one].made_call(call_id) for one in self.running)
