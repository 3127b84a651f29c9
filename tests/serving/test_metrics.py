"""What the service counts, over several processes."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from flask.testing import FlaskClient

from serving.metrics import Metrics
from serving.settings import process_environment
from tests.serving.test_lists import ask

COUNTING = """
import sys
from pathlib import Path
from serving.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    metrics.redis_failures.inc()
metrics.down.labels("redis").set(1)
"""
READING = """
import sys
from pathlib import Path
from serving.metrics import Metrics
print(Metrics(Path(sys.argv[1])).text().decode())
"""


def run(folder: Path, code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, str(folder), *map(str, arguments)]
    environment = {**process_environment(), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_counts_of_workers_add_up_and_outlive_them(tmp_path: Path) -> None:
    run(tmp_path, COUNTING, 3)
    run(tmp_path, COUNTING, 4)
    assert "tagalong_redis_failures_total 7.0" in run(tmp_path, READING)


def test_what_a_dead_worker_said_of_the_present_is_forgotten(tmp_path: Path) -> None:
    run(tmp_path, COUNTING, 1)
    assert 'tagalong_part_down{part="redis"}' not in run(tmp_path, READING)


def test_lists_are_counted_by_how_they_were_made(client: FlaskClient) -> None:
    ask(client, user_id="u0")
    ask(client, user_id="u0")
    text = client.get("/metrics").text
    series = 'tagalong_recommendation_seconds_count{degraded="false",placement="home",served_by="%s"} 1.0'
    assert series % "live" in text
    assert series % "cached" in text
    assert 'tagalong_workers_on_bundle{bundle="20260101T000000Z"} 1.0' in text


def test_what_the_archiver_has_still_to_do_is_told(client: FlaskClient) -> None:
    assert "tagalong_log_entries 0.0" in client.get("/metrics").text
    body = {"events": [{"user_id": "u0", "item_id": "tent", "event": "view"}]}
    assert client.post("/v1/events", json=body).status_code == 202
    assert "tagalong_log_entries 1.0" in client.get("/metrics").text


def test_a_worker_counts_for_one_bundle_at_a_time() -> None:
    metrics = Metrics()
    for name in ("first", "second"):
        metrics.bundle_in_use(name, datetime(2026, 1, 1, tzinfo=UTC))
    value = metrics.registry.get_sample_value
    assert value("tagalong_workers_on_bundle", {"bundle": "first"}) == 0
    assert value("tagalong_workers_on_bundle", {"bundle": "second"}) == 1
    assert value("tagalong_bundle_created_timestamp_seconds") == 1_767_225_600


def test_problems_are_counted_by_route_and_status(client: FlaskClient) -> None:
    for path in ("/v1/popular", "/v1/popular?count=0", "/v1/popular?count=0", "/v1/items/never", "/v2/nothing"):
        client.get(path)
    text = client.get("/metrics").text
    for route, status, count in (("/v1/popular", 422, 2), ("/v1/items/<id:item_id>", 404, 1), ("none", 404, 1)):
        assert f'tagalong_problems_total{{route="{route}",status="{status}"}} {count}.0' in text
    assert 'status="200"' not in text
