"""Limits of the client's key, for responses that a service behind this server makes.

A response counts as in the core: as a request when it is created, whoever asked for it, and with
its tokens when it has ended. One that a client asks for beyond the limit never reaches the service.
One that the service begins by itself, since somebody has spoken, is cancelled there at once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from antiphon.core.abilities import voice_name
from antiphon.core.entropy import Entropy
from antiphon.core.rate_limits import failure_of_limit
from antiphon.core.signals import Failure
from antiphon.runtime.rate_limits import ModelAccount
from antiphon.runtime.upstream.frames import Outcome
from antiphon.runtime.upstream.responses import failed
from antiphon.wire.codec import encode
from antiphon.wire.response import RealtimeResponseUsage, ResponseCreateParams
from antiphon.wire.server_events import RateLimitsUpdated

__all__ = ["RelayedLimits", "unbegun_response"]


class RelayedLimits:
    """What a session does to the account of its key.

    Args:
        account: The key's, for the model.
        entropy: Makes ids.
    """

    def __init__(self, account: ModelAccount, entropy: Entropy) -> None:
        self._account = account
        self._entropy = entropy
        self._beyond: dict[str, Failure] = {}

    def failure(self, now: float) -> Failure | None:
        """Return why a response that is asked for now would fail; ``None`` if it would not."""
        exceeded = self._account.exceeded(now)
        return failure_of_limit(exceeded) if exceeded else None

    def begin(self, response_id: str, now: float) -> bool:
        """Count a response of the service; return whether it is within the limits."""
        exceeded = self._account.admit(now)
        if exceeded is not None:
            self._beyond[response_id] = failure_of_limit(exceeded)
        return exceeded is None

    def end(self, response: Outcome) -> Failure | None:
        """Return why a response failed here, whatever the service says; ``None`` if it did not.

        One that was beyond the limits may have been complete before it could be cancelled.
        """
        failure = self._beyond.pop(response.id, None)
        return failure if response.status == "cancelled" else None

    @property
    def told(self) -> bool:
        """Whether the client is told of limits of its key, in the place of the service's."""
        return bool(self._account.figures(0.0))

    def spend(self, usage: RealtimeResponseUsage, now: float) -> bytes | None:
        """Count the tokens and the cost of a response that has ended.

        Args:
            usage: What it used.
            now: Monotonic clock in seconds.

        Returns:
            The frame that tells what is left; ``None`` if the key has no such limits.
        """
        self._account.spend(usage, now)
        figures = self._account.figures(now)
        if not figures:
            return None
        event_id = self._entropy.identifier("event")
        return encode(RateLimitsUpdated(event_id=event_id, rate_limits=figures))

    def unbegun(
        self,
        failure: Failure,
        params: ResponseCreateParams,
        session: dict[str, Any],
        conversation_id: str | None,
    ) -> list[bytes]:
        """Return the frames of a response that fails before it has begun.

        Args:
            failure: Why.
            params: What the client asked for.
            session: The settings, as the service told them last.
            conversation_id: What it would have written to, as far as that is known.
        """
        response = unbegun_response(params, session, conversation_id)
        response["id"] = self._entropy.identifier("resp")
        return [
            self._frame("response.created", response),
            self._frame("response.done", failed(response, failure)),
        ]

    def _frame(self, kind: str, response: dict[str, Any]) -> bytes:
        event_id = self._entropy.identifier("event")
        return encode({"type": kind, "event_id": event_id, "response": response})


def unbegun_response(
    params: ResponseCreateParams, session: dict[str, Any], conversation_id: str | None
) -> dict[str, Any]:
    """Return a response as ``response.created`` shows it, without an id."""
    spoken = session.get("audio", {}).get("output", {})
    own = params.audio.output if params.audio and params.audio.output else None
    voice = own.voice if own and own.voice else spoken.get("voice")
    audio = {
        "format": msgspec.to_builtins(own.format) if own and own.format else spoken.get("format"),
        "voice": voice.get("id") if isinstance(voice, dict) else voice_name(voice or ""),
    }
    out_of_band = params.conversation == "none"
    return {
        "object": "realtime.response",
        "id": "",
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": None if out_of_band else conversation_id,
        "output_modalities": params.output_modalities or session.get("output_modalities"),
        "max_output_tokens": params.max_output_tokens or session.get("max_output_tokens"),
        "audio": {"output": audio},
        "usage": None,
        "metadata": params.metadata or None,
    }
