"""Answers of the server's own small pages."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "Health",
    "Model",
    "ModelList",
    "Obstruction",
    "Readiness",
    "ResponseTimeline",
    "VoiceList",
    "VoicesQuery",
]


class Model(Struct, frozen=True, kw_only=True):
    """A model that clients may ask for."""

    id: Annotated[str, Meta(description="Its name.")]
    object: Annotated[Literal["model"], Meta(description="The kind of object.")] = "model"
    created: Annotated[int, Meta(description="Since when the server has it, Unix time in seconds.")]
    owned_by: Annotated[str, Meta(description="Always `antiphon`.")] = "antiphon"


class ModelList(Struct, frozen=True, kw_only=True):
    """All models; the first one is the default."""

    object: Annotated[Literal["list"], Meta(description="The kind of object.")] = "list"
    data: Annotated[tuple[Model, ...], Meta(description="The models.")]


class ResponseTimeline(Struct, frozen=True, kw_only=True):
    """Where the time of a response went."""

    response_id: Annotated[str, Meta(description="The response.")]
    moments_ms: Annotated[
        dict[str, float], Meta(description="Milliseconds since the first of the moments.")
    ]


class VoicesQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of ``GET /v1/antiphon/voices``."""

    model: Annotated[
        str | UnsetType, Meta(description="Name of the model; the default if absent.")
    ] = UNSET


class VoiceList(Struct, frozen=True, kw_only=True):
    """The voices of a model."""

    model: Annotated[str, Meta(description="The model's name.")]
    voices: Annotated[tuple[str, ...], Meta(description="Their names, the default first.")]


class Health(Struct, frozen=True, kw_only=True):
    """The server is up."""

    status: Annotated[Literal["ok"], Meta(description="Always `ok`.")] = "ok"
    sessions: Annotated[int, Meta(ge=0, description="Sessions and requests being served.")]


class Obstruction(Struct, frozen=True, kw_only=True):
    """Something that is not as it should be."""

    code: Annotated[str, Meta(description="What it is, for programs.")]
    message: Annotated[str, Meta(description="What it is, for people.")]
    weight: Annotated[
        Literal["blocks", "warns"], Meta(description="Whether clients had better go elsewhere.")
    ]


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether new clients should be sent here."""

    ready: Annotated[bool, Meta(description="Whether they should.")]
    phase: Annotated[
        Literal["loading", "serving", "draining"], Meta(description="Where in its life it is.")
    ]
    reasons: Annotated[tuple[Obstruction, ...], Meta(description="What stands against it.")]
