import pytest

from tests.support.server import running_server


async def test_the_figures_can_be_scraped():
    async with running_server() as server:
        await server.request("GET", "/v1/elsewhere")
        answer = await server.request("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "antiphon_ready 1.0" in answer.text
    assert "process_resident_memory_bytes" in answer.text


async def test_also_in_the_format_of_openmetrics():
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with running_server() as server:
        answer = await server.request("GET", "/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("key", "status"), [(None, 401), ("sk-user", 403), ("sk-admin", 200), ("sk-wrong", 401)]
)
async def test_they_are_for_those_who_run_the_server(key, status):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with running_server(api_keys=("sk-user",), admin_keys=("sk-admin",)) as server:
        answer = await server.request("GET", "/metrics", headers=headers)
    assert answer.status_code == status


async def test_refusals_are_counted_by_their_codes():
    admin = {"Authorization": "Bearer sk-admin"}
    async with running_server(api_keys=("sk-user",), admin_keys=("sk-admin",)) as server:
        for _ in range(2):
            await server.request("GET", "/v1/models")
        await server.request("GET", "/v1/models/no-such-model", headers=admin)
        answer = await server.request("GET", "/metrics", headers=admin)
    assert 'antiphon_refused_total{code="invalid_api_key"} 2.0' in answer.text
    assert 'antiphon_refused_total{code="model_not_found"} 1.0' in answer.text
