"""What clients are told who asked for a session that outlives its connection: Antiphon's own.

Nobody else is sent any of it, and the types of the protocol do not know it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.wire.event_bases import ServerEventBase

__all__ = ["ResumeGrant", "SessionResumed"]


class ResumeGrant(Struct, frozen=True, kw_only=True):
    """Lets a client come back. In ``session.created`` it is the field ``antiphon``."""

    resume_token: Annotated[
        str, Meta(description="A secret to connect with, once; the next grant has another.")
    ]
    resume_within_s: Annotated[
        float, Meta(description="How long the session lasts without a connection, in seconds.")
    ]


class SessionResumed(ServerEventBase, frozen=True, kw_only=True, tag="antiphon.session.resumed"):
    """The client is back; the events that it has missed follow. Always the first event."""

    session_id: Annotated[str, Meta(description="The session.")]
    received_events: Annotated[
        int,
        Meta(description="How many events of the client have arrived, on all of its connections."),
    ]
    antiphon: Annotated[ResumeGrant, Meta(description="How to come back the next time.")]
