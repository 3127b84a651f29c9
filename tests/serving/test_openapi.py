"""The description fits what the service does."""

import json
import re
from contextlib import suppress
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

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
from tests.browser import opened

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        pass


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


def test_every_shape_stands_once_and_parts_of_a_call_have_theirs(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    shapes = document["components"]["schemas"]
    used = set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(document)))
    assert used == set(shapes)
    assert len({json.dumps(shape) for shape in shapes.values()}) == len(shapes)
    parts = {"ListBatchRequest": "requests", "EventsBody": "events", "ItemsBody": "items", "UsersBody": "users"}
    found = [shapes[body]["properties"][field]["items"]["$ref"].rpartition("/")[2] for body, field in parts.items()]
    assert found == ["ListRequest", "Event", "ItemWithId", "UserWithId"]


def test_every_example_is_taken(client: FlaskClient) -> None:
    unknown: set[str] = set()
    calls = 0
    for path, methods in client.get("/openapi.json").json["paths"].items():
        for method, operation in methods.items():
            given = {one["name"]: one.get("example") for one in operation.get("parameters", ())}
            query = {one["name"]: given[one["name"]] for one in operation.get("parameters", ()) if one["in"] == "query"}
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            answer = client.open(path.format(**given), method=method, query_string=query, json=body)
            calls += 1
            if answer.status_code == 404:
                unknown.add(operation["operationId"])
            else:
                assert answer.status_code < 300, (method, path, answer.text)
                assert not (answer.is_json and answer.json.get("rejected")), answer.text
    assert calls == len(
        {o["operationId"] for m in client.get("/openapi.json").json["paths"].values() for o in m.values()}
    )
    assert unknown == {"erasure", "recommendations_next"}


def test_every_call_is_explained(client: FlaskClient) -> None:
    for path, methods in client.get("/openapi.json").json["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            assert "default" in operation["responses"]


def test_every_field_of_an_answer_that_has_words_shows_them(client: FlaskClient) -> None:
    shapes = client.get("/openapi.json").json["components"]["schemas"]
    for name, field in (("Merged", "merged"), ("ReceiptShown", "status"), ("EventsTaken", "accepted")):
        assert shapes[name]["properties"][field]["description"], (name, field)


def test_the_bare_address_leads_to_the_page_for_people(client: FlaskClient) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.location) == (302, "/docs")


def test_the_page_for_people_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    assert 'href="http' not in page.text
    with client.get("/docs/static/docs.css") as style:
        assert style.status_code == 200
    assert "/v1/recommendations:batch" in page.text


def test_the_page_explains_what_a_query_takes_and_a_list_holds(client: FlaskClient) -> None:
    page = client.get("/docs").text
    assert "<code>items[].reasons[].evidence</code>" in page
    popular = page[page.index('<section id="GET/v1/popular">') :]
    assert "Items that must not be in the list." in popular[: popular.index("</section>")]


def test_a_browser_shows_the_page(services: Services, tmp_path: Path) -> None:
    with make_server("127.0.0.1", 0, create_app(services), handler_class=Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/docs"
        shown = opened(url, tmp_path)
        server.shutdown()
    assert shown.complaints == []
    assert shown.fetched == [f"{url}/static/docs.css"]
    assert "<title>Tagalong " in shown.document
    assert shown.document.count("<section") > 20
