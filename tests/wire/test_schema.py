import json
from typing import Any

import pytest

import antiphon
from antiphon.wire.schema import DIALECT, TYPES, json_schema


def references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(references, schema))
    if isinstance(schema, dict):
        found = set().union(*map(references, schema.values()))
        return found | ({schema["$ref"]} if isinstance(schema.get("$ref"), str) else set())
    return set()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_schema_stands_on_its_own(name) -> None:
    schema = json_schema(name)
    assert schema["$schema"] == DIALECT
    assert references(schema) <= {f"#/$defs/{each}" for each in schema["$defs"]}
    assert json.loads(json.dumps(schema)) == schema


def test_one_schema_can_define_every_object() -> None:
    schema = json_schema()
    objects = {name for name, kind in TYPES.items() if isinstance(kind, type)}
    assert objects <= schema["$defs"].keys()
    assert "$ref" not in schema


def test_the_schema_of_a_response_shows_its_limits_and_meanings() -> None:
    response = json_schema("RealtimeResponse")["$defs"]["RealtimeResponse"]
    assert response["properties"]["status"]["enum"] == [
        "cancelled",
        "completed",
        "failed",
        "in_progress",
        "incomplete",
    ]
    tokens = response["properties"]["max_output_tokens"]
    assert {"type": "integer", "minimum": 1, "maximum": 4096} in tokens["anyOf"]
    assert {"enum": ["inf"]} in tokens["anyOf"]
    metadata = response["properties"]["metadata"]["anyOf"][0]
    assert metadata["maxProperties"] == 16
    assert metadata["propertyNames"] == {"maxLength": 64}
    assert metadata["additionalProperties"]["maxLength"] == 512
    assert all("description" in json.dumps(each) for each in response["properties"].values())


def test_required_keys_of_a_response() -> None:
    response = json_schema("RealtimeResponse")["$defs"]["RealtimeResponse"]
    assert set(response["properties"]) - set(response["required"]) == {"object"}


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="RealtimeResponse"):
        json_schema("RealtimeAnswer")


def test_the_package_exports_the_types_of_a_response() -> None:
    assert antiphon.json_schema is json_schema
    for name in ("RealtimeResponse", "RealtimeResponseUsage", "RealtimeResponseStatus", "Message"):
        assert TYPES[name] is getattr(antiphon, name)
