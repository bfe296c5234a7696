"""Asks each page whatever the document lets clients ask, and much that it does not.

What is found out: no page fails, and all answer as they are told to, in status, type and body.
Refusals of what fits the document are fine: much of what cannot be, schemas cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openai import OpenAI
from schemathesis.checks import CHECKS

from antiphon.config import StoreChoice
from antiphon.http.openapi import document
from antiphon.testing import scripted_server
from tests.support.keeping import KEYS, bearer

ADMIN = bearer("key-admin")
SCHEMA = schemathesis.openapi.from_dict(document()).exclude(tag="Not built")
KEPT = SCHEMA.include(tag="Kept responses", method="GET")
NOT_CHECKED = CHECKS.get_by_names(["positive_data_acceptance", "ignored_auth"])

quickly = settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@schemathesis.serializer("application/sdp")
def as_text(_context: object, value: object) -> bytes:
    return str(value).encode()


class Served(NamedTuple):
    """A server that runs.

    Attributes:
        url: Where.
        known: Path parameters of pages that are there.
    """

    url: str
    known: dict[str, Any]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with scripted_server(store=StoreChoice(audio=True), **KEYS) as server:
        openai = OpenAI(base_url=server.base_url, api_key="key-ann")
        with openai, openai.realtime.connect(model="antiphon") as connection:
            connection.response.create(response={"instructions": "Hello!"})
            done = next(event for event in connection if event.type == "response.done")
        response: Any = done.response.to_dict()
        known = {
            "response_id": response["id"],
            "conversation_id": response["conversation_id"],
            "item_id": response["output"][0]["id"],
        }
        yield Served(server.url, known)


@SCHEMA.parametrize()
@quickly
def test_each_page_answers_as_it_is_told_to(case, served):
    case.call_and_validate(base_url=served.url, headers=ADMIN, excluded_checks=NOT_CHECKED)


@KEPT.parametrize()
@quickly
def test_so_do_pages_of_what_is_there(case, served):
    known = {name: served.known[name] for name in case.path_parameters or ()}
    case.path_parameters = known
    case.call_and_validate(base_url=served.url, headers=ADMIN, excluded_checks=NOT_CHECKED)
