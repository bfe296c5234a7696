from __future__ import annotations

from typing import Annotated, Literal

import pytest
from msgspec import UNSET, Meta, Struct, UnsetType, field
from starlette.datastructures import QueryParams

from antiphon.errors import RequestError
from antiphon.http.parameters import NoParameters, read_parameters


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pairs: dict[str, str] = field(default_factory=dict)
    number: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    share: float = 0.5
    kinds: tuple[Literal["a", "b"], ...] = ()
    since: str | UnsetType = field(name="from", default=UNSET)


def read(query: str) -> Query:
    return read_parameters(QueryParams(query), Query)


def test_each_kind_is_written_in_its_way():
    query = read("pairs[x]=1&pairs[y]=&number=3&share=0.25&kinds=a,b&from=null")
    assert query == Query(
        pairs={"x": "1", "y": ""}, number=3, share=0.25, kinds=("a", "b"), since="null"
    )


def test_nothing_is_the_defaults():
    assert read("") == Query()
    assert read("kinds=") == Query(kinds=())


@pytest.mark.parametrize(
    ("written", "key"),
    [("pairs[a[b]]", "a[b]"), ("pairs[]", ""), ("pairs[]]", "]"), ("pairs%5B%25%5D", "%")],
)
def test_keys_may_have_brackets(written, key):
    assert read(f"{written}=1").pairs == {key: "1"}


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("nummer=1", "nummer", "unknown_parameter"),
        ("since=1", "since", "unknown_parameter"),
        ("number[a]=1", "number[a]", "unknown_parameter"),
        ("number=1&number=1", "number", "invalid_value"),
        ("pairs[a]=1&pairs[a]=2", "pairs[a]", "invalid_value"),
        ("number=0", "number", "invalid_value"),
        ("number=one", "number", "invalid_type"),
        ("share=true", "share", "invalid_type"),
        ("kinds=a,c", "kinds[1]", "invalid_value"),
        ("pairs=1", "pairs", "invalid_type"),
    ],
)
def test_what_does_not_fit_is_named(query, param, code):
    with pytest.raises(RequestError) as refusal:
        read(query)
    assert (refusal.value.param, refusal.value.code) == (param, code)


def test_the_nearest_name_is_suggested():
    with pytest.raises(RequestError, match="Did you mean 'number'"):
        read("nummber=1")


def test_a_page_without_parameters_takes_none():
    assert read_parameters(QueryParams(""), NoParameters) == NoParameters()
    with pytest.raises(RequestError, match="Unknown parameter: 'a'"):
        read_parameters(QueryParams("a=1"), NoParameters)
