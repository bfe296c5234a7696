"""What a service behind this server sends, on its way to the client.

Frames pass as they came, audio without being decoded. Only those are changed that tell what is not
the client's affair: the service's model, its limits, the operator's key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import UnsetType

from antiphon.core.entropy import Entropy
from antiphon.core.signals import Failure
from antiphon.observe import Moment, TimelineLog
from antiphon.runtime.rate_limits import ModelAccount
from antiphon.runtime.timing import TurnTiming
from antiphon.runtime.upstream.call import RelayedCall
from antiphon.runtime.upstream.frames import Passing, decoded, outcome, peek
from antiphon.runtime.upstream.limits import RelayedLimits
from antiphon.runtime.upstream.responses import RelayedResponses, failed
from antiphon.runtime.upstream.watched import RelayedWatch
from antiphon.wire.codec import encode
from antiphon.wire.response import ResponseCreateParams

__all__ = ["OWN_EVENT", "UpstreamEvents"]

OWN_EVENT = "antiphon_relay_"
"""What the ids of client events begin with that no client has sent."""

_FIRST_OF: dict[str, Moment] = {
    "response.output_text.delta": Moment.FIRST_TOKEN,
    "response.output_audio_transcript.delta": Moment.FIRST_TOKEN,
    "response.function_call_arguments.delta": Moment.FIRST_TOKEN,
    "response.mcp_call_arguments.delta": Moment.FIRST_TOKEN,
    "response.output_audio.delta": Moment.FIRST_AUDIO,
}


class UpstreamEvents:
    """The events of one relayed session, and what can be learnt from them.

    Args:
        model: The name that the client asked for.
        without_key: Takes the operator's key out of a text.
        account: What the client's key may use.
        timelines: Keeps where the time of each response went.
        entropy: Makes ids for what the service does not say.
        send: Sends the client a frame.
        cancel: Has the service stop a response, by its id.
        call: Plays what is sound, where the session is held as a call.
        watch: Tells observers.
    """

    def __init__(
        self,
        model: str,
        without_key: Callable[[str], str],
        *,
        account: ModelAccount,
        timelines: TimelineLog,
        entropy: Entropy,
        send: Callable[[bytes], None],
        cancel: Callable[[str], None],
        call: RelayedCall | None,
        watch: RelayedWatch,
    ) -> None:
        self._model = model
        self._without_key = without_key
        self._limits = RelayedLimits(account, entropy)
        self._timing = TurnTiming(timelines)
        self._responses = RelayedResponses(partial(entropy.identifier, "event"))
        self._send = send
        self._cancel = cancel
        self._call = call
        self._watch = watch
        self._clock = asyncio.get_running_loop().time
        self._session: dict[str, Any] = {}
        self._conversation_id: str | None = None

    @property
    def answering(self) -> bool:
        """Whether the service has begun an answer that it has not ended."""
        return len(self._responses) > 0

    def take(self, frame: bytes) -> None:
        """Pass a frame of the service on.

        Raises:
            msgspec.DecodeError: It is no event.
        """
        passing = peek(frame)
        match passing.type:
            case "session.created" | "session.updated":
                frame = self._renamed(frame, passing)
            case "conversation.created":
                self._conversation_id = decoded(passing.conversation).get("id")
            case "rate_limits.updated" if self._limits.told:
                return  # those of the operator's key; the client is told those of its own
            case "error":
                if str(decoded(passing.error).get("event_id")).startswith(OWN_EVENT):
                    return
                frame = self._without_key(frame.decode()).encode()
            case "response.created":
                self._count(passing)
            case "response.done":
                frame = self._judged(frame, passing)
        self._pass_on(frame, passing)  # nothing of what is looked at was changed

    def fails_at_limit(self, given: ResponseCreateParams | UnsetType | None) -> bool:
        """Fail a response that a client asks for beyond the limits; return whether that was so."""
        params = given or ResponseCreateParams()
        failure = self._limits.failure(self._clock())
        if failure is None:
            return False
        if params.conversation != "none" and self._responses.active:
            return False  # the service refuses a second one, which is not a matter of limits
        unbegun = self._limits.unbegun(failure, params, self._session, self._conversation_id)
        for frame in unbegun:
            self._pass_on(frame, peek(frame))
        return True

    def fail_open_responses(self, failure: Failure) -> None:
        """Close what the service has left open."""
        for frame in self._responses.fail_all(failure):
            self._pass_on(frame, peek(frame))

    def leave_open_responses(self) -> None:
        """Tell observers how what is open ends, since the client has gone."""
        for frame in self._responses.cancel_all():
            passing = peek(frame)
            ended = None
            if passing.type == "response.done":
                ended = self._timing.end(outcome(passing).id, self._clock())
            self._responses.observe(passing)
            self._watch.tell(frame, passing, ended)

    def _renamed(self, frame: bytes, passing: Passing) -> bytes:
        """Return a frame about the session with the model's name as the client knows it."""
        self._session = decoded(passing.session)
        self._watch.configure(self._session)
        if "model" not in self._session:  # transcription sessions have none
            return frame
        self._session["model"] = self._model
        told = {"type": passing.type, "event_id": passing.event_id, "session": self._session}
        return encode(told)

    def _count(self, passing: Passing) -> None:
        """Count a response that begins; one beyond the limits is stopped at once."""
        response = outcome(passing)
        self._conversation_id = response.conversation_id or self._conversation_id
        if not self._limits.begin(response.id, self._clock()):
            self._cancel(response.id)

    def _judged(self, frame: bytes, passing: Passing) -> bytes:
        """Return the end of a response: a failure, if it was cancelled as beyond the limits."""
        failure = self._limits.end(outcome(passing))
        if failure is None:
            return frame
        told = {"type": passing.type, "event_id": passing.event_id}
        return encode(told | {"response": failed(decoded(passing.response), failure)})

    def _pass_on(self, frame: bytes, passing: Passing) -> None:
        """Send the client a frame, and keep account of it."""
        now = self._clock()
        match passing.type:
            case "input_audio_buffer.committed":
                self._timing.end_turn(now)
            case "conversation.item.input_audio_transcription.completed":
                self._timing.transcribe(now)
            case "response.created":
                self._timing.create(outcome(passing).id, now)
            case "response.done":
                self._end(passing, frame, now)
                return
            case kind if kind in _FIRST_OF and passing.response_id is not None:
                self._timing.mark(passing.response_id, _FIRST_OF[kind], now)
        self._responses.observe(passing)
        if self._call is not None and self._call.plays(passing):
            self._watch.tell(frame, passing)
            return
        self._send(frame)
        self._watch.tell(frame, passing)
        if self._call is not None:
            self._call.follow(passing)

    def _end(self, passing: Passing, frame: bytes, now: float) -> None:
        ended = outcome(passing)
        timeline = self._timing.end(ended.id, now) if ended.id in self._responses else None
        self._responses.observe(passing)
        self._send(frame)
        self._watch.tell(frame, passing, timeline)
        told = self._limits.spend(ended.usage, now)
        if told is not None:
            self._send(told)
        if self._call is not None:
            self._call.follow(passing)
