"""A request's trace is found in its answer and in its log lines; what fails says nothing of the inside."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from serving.app import create_app
from serving.services import Services
from serving.settings import process_environment

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FAILING = """
import sys
from dataclasses import replace
from pathlib import Path
from serving.app import create_app
from serving.bootstrap import build
from serving.settings import Settings
services = build(Settings(data=Path(sys.argv[1]), redis_url=f"unix://{sys.argv[1]}/nothing.sock", log_level="warning"))
client = create_app(replace(services, pings={"cellar": None})).test_client()
for headers in ({"traceparent": sys.argv[2]}, {}):
    assert client.get("/readyz", headers=headers).status_code == 500
"""


@pytest.mark.parametrize("path", ["/healthz", "/v1/popular", "/v1/popular?count=0", "/v2/nothing"])
def test_a_valid_trace_is_given_back_with_every_answer(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers={"traceparent": TRACE}).headers.getlist("traceparent") == [TRACE]


def test_a_trace_of_a_later_version_may_say_more(client: FlaskClient) -> None:
    later = f"cc{TRACE[2:]}-what-is-to-come"
    assert client.get("/healthz", headers={"traceparent": later}).headers["traceparent"] == later


@pytest.mark.parametrize(
    "wrong",
    [
        "", "x", TRACE.upper(), TRACE + "-more", TRACE[:-1], TRACE + "\t", f"ff{TRACE[2:]}", f"{TRACE},{TRACE}",
        f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)  # fmt: skip
def test_what_is_no_trace_is_ignored(client: FlaskClient, wrong: str) -> None:
    answer = client.get("/healthz", environ_overrides={"HTTP_TRACEPARENT": wrong})
    assert (answer.status_code, "traceparent" in answer.headers) == (200, False)


def test_no_trace_is_made_up(client: FlaskClient) -> None:
    assert "traceparent" not in client.get("/healthz").headers


def test_log_lines_carry_the_trace_of_their_own_request(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAILING, str(tmp_path), TRACE]
    done = subprocess.run(command, env=process_environment(), check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    failed = [line for line in lines if line["event"] == "unexpected error"]
    assert [line.get("traceparent") for line in failed] == [TRACE, None]
    assert failed[0]["exception"][0]["exc_type"] == "TypeError"


def test_an_error_on_our_side_says_nothing_of_the_inside(services: Services) -> None:
    broken = create_app(replace(services, timer=None)).test_client()  # type: ignore[arg-type]
    answer = broken.post("/v1/recommendations", json={"user_id": "u0"}, headers={"traceparent": TRACE})
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert answer.json == {
        "type": "about:blank", "title": "Internal Server Error", "status": 500,
        "detail": "an error on our side; it has been logged",
    }  # fmt: skip
    assert answer.headers["traceparent"] == TRACE
