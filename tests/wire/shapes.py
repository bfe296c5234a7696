"""One neutral description of a JSON type, read from pydantic models, typed dicts or msgspec types.

Two libraries' types can be compared once both are in this form.
"""

import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import inspect
from pydantic import BaseModel

SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


@dataclass(frozen=True)
class Field:
    shape: "Shape"
    required: bool  # the reader refuses the object without it
    always_sent: bool  # the writer never leaves it out
    null: bool = False  # null is told from absence and allowed


@dataclass(frozen=True)
class Object:
    name: str
    kind: Any  # the class, read only when its fields are asked for, as types may be recursive
    tags: frozenset[str]

    def fields(self) -> dict[str, Field]:
        if isinstance(self.kind, inspect.StructType):
            return _struct_fields(self.kind)
        if _is_typed_dict(self.kind):
            return _typed_dict_fields(self.kind)
        return _model_fields(self.kind)


@dataclass
class Shape:
    kinds: set[str] = field(default_factory=set)
    literals: set[object] = field(default_factory=set)
    objects: list[Object] = field(default_factory=list)
    items: "Shape | None" = None

    def add(self, other: "Shape") -> "Shape":
        self.kinds |= other.kinds
        self.literals |= other.literals
        self.objects += [each for each in other.objects if each not in self.objects]
        if other.items is not None:
            self.items = (self.items or Shape()).add(other.items)
        return self


def merged(shapes: Iterable[Shape]) -> Shape:
    result = Shape()
    for shape in shapes:
        result.add(shape)
    return result


def _is_typed_dict(kind: Any) -> bool:
    return hasattr(kind, "__required_keys__")  # those of typing_extensions too


def _literal(values: Iterable[object]) -> Shape:
    values = set(values)
    return Shape({f"literal {SCALARS[type(value)]}" for value in values}, values)


def of_annotation(hint: Any) -> Shape:
    """Read a type as the SDK writes it."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Annotated, typing.Required, typing.NotRequired}:
        return of_annotation(args[0])
    if origin in {Union, UnionType}:
        return merged(of_annotation(arg) for arg in args)
    if origin is Literal:
        return _literal(args)
    if origin is dict:
        return Shape({"map"})
    if origin is not None:  # a list, a sequence or an iterable
        return Shape({"array"}, items=of_annotation(args[0]))
    if hint in SCALARS:
        return Shape({SCALARS[hint]})
    if _is_typed_dict(hint) or (isinstance(hint, type) and issubclass(hint, BaseModel)):
        return Shape({"object"}, objects=[_sdk_object(hint)])
    return Shape({"any"})


def _sdk_object(kind: Any) -> Object:
    if _is_typed_dict(kind):
        tag_hint = typing.get_type_hints(kind).get("type", str)
    else:
        field_info = kind.model_fields.get("type")
        tag_hint = field_info.annotation if field_info else str
    return Object(kind.__name__, kind, frozenset(map(str, of_annotation(tag_hint).literals)))


def _model_fields(model: type[BaseModel]) -> dict[str, Field]:
    return {
        info.alias or name: Field(
            of_annotation(info.annotation), info.is_required(), info.is_required()
        )
        for name, info in model.model_fields.items()
    }


def _typed_dict_fields(kind: Any) -> dict[str, Field]:
    fields = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        shape, required = of_annotation(hint), get_origin(hint) is typing.Required
        fields[name] = Field(shape, required, required, null="null" in shape.kinds)
    return fields


def of_msgspec(kind: inspect.Type) -> Shape:
    """Read a type as msgspec sees it."""
    match kind:
        case inspect.Metadata():
            return of_msgspec(kind.type)
        case inspect.UnionType():
            return merged(map(of_msgspec, kind.types))
        case inspect.LiteralType():
            return _literal(kind.values)
        case inspect.VarTupleType():
            return Shape({"array"}, items=of_msgspec(kind.item_type))
        case inspect.DictType():
            return Shape({"map"})
        case inspect.StructType():
            return Shape({"object"}, objects=[_own_object(kind)])
        case inspect.StrType() | inspect.BytesType():
            return Shape({"string"})
        case inspect.IntType():
            return Shape({"integer"})
        case inspect.FloatType():
            return Shape({"number"})
        case inspect.BoolType():
            return Shape({"boolean"})
        case inspect.NoneType():
            return Shape({"null"})
        case _:
            return Shape({"any"})


def _own_object(kind: inspect.StructType) -> Object:
    tags: set[object] = {kind.tag} if kind.tag_field == "type" else set()
    for each in kind.fields:
        if each.encode_name == "type":
            tags = of_msgspec(each.type).literals
    return Object(kind.cls.__name__, kind, frozenset(map(str, tags)))


def _struct_fields(kind: inspect.StructType) -> dict[str, Field]:
    fields = {
        each.encode_name: Field(
            of_msgspec(each.type),
            each.required,
            each.required or each.default is not msgspec.NODEFAULT,
            null="null" in of_msgspec(each.type).kinds,
        )
        for each in kind.fields
    }
    if kind.tag_field is not None:
        tag = Field(_literal([kind.tag]), required=True, always_sent=True)
        fields = {kind.tag_field: tag, **fields}
    return fields
