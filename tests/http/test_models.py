from __future__ import annotations

import time

import pytest
from openai import NotFoundError

from antiphon.config import ModelChoice
from tests.support.models import ONE_MODEL, TWO_MODELS
from tests.support.server import running_server


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
async def test_models_are_listed(path):
    async with running_server(models=TWO_MODELS) as server:
        response = await server.request("GET", path)
    assert response.json()["object"] == "list"
    assert [model["id"] for model in response.json()["data"]] == ["first", "second"]


async def test_the_sdk_can_list_the_models():
    async with running_server(models=ONE_MODEL) as server, server.openai() as openai:
        (model,) = (await openai.models.list()).data
    assert (model.id, model.owned_by) == ("first", "antiphon")


async def test_models_are_as_old_as_the_server():
    before_s = int(time.time())
    async with running_server(models=TWO_MODELS) as server:
        models = (await server.request("GET", "/v1/models")).json()["data"]
        one = (await server.request("GET", "/v1/models/first")).json()
    after_s = time.time()
    (created,) = {model["created"] for model in (*models, one)}
    assert before_s <= created <= after_s


async def test_the_sdk_can_look_one_up():
    async with (
        running_server(models=ONE_MODEL | {"org/second": ModelChoice()}) as server,
        server.openai() as openai,
    ):
        assert (await openai.models.retrieve("first")).id == "first"
        assert (await openai.models.retrieve("org/second")).id == "org/second"


async def test_a_model_that_is_not_there_is_named():
    async with running_server(models=ONE_MODEL) as server, server.openai() as openai:
        with pytest.raises(NotFoundError, match="`third` does not exist here") as refusal:
            await openai.models.retrieve("third")
    assert (refusal.value.code, refusal.value.param) == ("model_not_found", "model")
