"""The description fits what the service does."""

from contextlib import suppress

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.app import create_app
from serving.services import Services

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_call_answers_as_described(services: Services, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", create_app(services))
    for result in schema.get_all_operations():
        _check(result.ok(), mode)


def _check(operation: schemathesis.schemas.APIOperation, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    with suppress(Unsatisfiable):  # where nothing can be wrong, there is nothing to try
        check()


def test_the_document_is_openapi_3_1_and_names_every_call(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert {
        "/v1/recommendations",
        "/v1/recommendations:batch",
        "/v1/users/{user_id}/recommendations",
        "/v1/items/{item_id}/similar",
        "/v1/items/{item_id}/bought-together",
        "/v1/users/{user_id}/buy-again",
        "/v1/popular",
        "/v1/rank",
        "/v1/explain",
        "/v1/items",
        "/v1/items/{item_id}",
        "/v1/events",
        "/healthz",
        "/readyz",
        "/metrics",
    } <= set(document["paths"])


def test_every_call_is_explained(client: FlaskClient) -> None:
    for path, methods in client.get("/openapi.json").json["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            assert "default" in operation["responses"]


def test_the_page_for_people_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    assert 'href="http' not in page.text
    with client.get("/docs/static/docs.css") as style:
        assert style.status_code == 200
    assert "/v1/recommendations:batch" in page.text
