from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from antiphon.http.app import build_app
from antiphon.http.openapi import document, written
from antiphon.http.openapi.operations import OPERATIONS, PATH_PARAMETERS
from antiphon.wire.schema import DIALECT
from tests.support.keeping import keeping
from tests.support.server import running_server

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
CONSOLE = ("", "console", "dashboard")
"""First parts of the paths of pages for people."""


def application(app: object) -> Starlette:
    """Return the application with the routes, from within what is around it."""
    while not isinstance(app, Starlette):
        within = [one for one in vars(app).values() if callable(one) and hasattr(one, "__dict__")]
        app = next(one for one in within if vars(one) and not hasattr(one, "__func__"))
    return app


async def test_each_route_is_told_of_and_nothing_else():
    async with keeping() as server:
        routes = application(build_app(server.reception)).routes
    served = {
        (method, route.path_format)
        for route in routes
        if isinstance(route, Route) and route.methods
        for method in route.methods - {"HEAD"}
    }
    paths = {(method, path) for method, path in served if path.split("/")[1] not in CONSOLE}
    versioned = {path for _, path in paths if path.startswith("/v1")}
    told = {(method, path) for method, path in paths if f"/v1{path}" not in versioned}
    assert {(operation.method, operation.path) for operation in OPERATIONS} == told


async def test_it_is_served_to_everybody():
    async with running_server(api_keys=("key",)) as server:
        answer = await server.request("GET", "/v1/antiphon/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == document()


def test_the_committed_document_is_the_generated_one():
    generate = "python -m antiphon.http.openapi docs/reference/openapi.json"
    is_current = COMMITTED.read_bytes() == written()  # apart: nobody reads the difference
    assert is_current, f"run `{generate}`"


def test_every_reference_leads_somewhere():
    schemas = document()["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document())))
    assert references == references & schemas.keys()


@pytest.mark.parametrize("name", sorted(document()["components"]["schemas"]))
def test_every_type_is_a_json_schema(name):
    schema = document()["components"]["schemas"][name]
    jsonschema.validators.validator_for({"$schema": DIALECT}).check_schema(schema)


def test_operations_have_names_of_their_own_and_their_parameters_descriptions():
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    used = {name for one in OPERATIONS for name in re.findall(r"{(\w+)}", one.path)}
    assert used == PATH_PARAMETERS.keys()
    for path in document()["paths"].values():
        for operation in path.values():
            assert all(parameter["description"] for parameter in operation["parameters"])
