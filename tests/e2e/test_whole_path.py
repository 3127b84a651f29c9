"""The whole path on a sample of real shopping: import, train, serve, lose Redis, get a new bundle, stop."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import pytest

from examples.complete_journey import package_data, write
from recommender.bundle_io import load
from serving.settings import process_environment
from tests.e2e.test_crash import free_port
from training.registry import Registry

HOUSEHOLDS = 0.02
PATIENCE = 60.0


def tagalong(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "commands.main", *map(str, arguments)]


class Service:
    """One running ``tagalong serve``."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        environment = {k: v for k, v in process_environment().items() if k != "REDIS_URL"}
        command = tagalong("serve", "--data", data, "--port", port, "--workers", 2)
        self.process = subprocess.Popen(command, env=environment)
        self.wait(lambda: self.get("/readyz")["status"] == "ok")

    def get(self, path: str) -> Any:
        with urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(self.url + path, json.dumps(body).encode(), headers), timeout=30) as answer:
            return json.load(answer)

    def wait(self, holds: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if holds():
                    return
            except (HTTPError, URLError, ConnectionError):
                pass
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.1)

    def children(self, name: str) -> list[psutil.Process]:
        every = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in every if name in " ".join(child.cmdline())]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, data = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("data")
    write(package_data(), source, HOUSEHOLDS)
    files = [part for name in ("interactions", "items", "users") for part in (f"--{name}", source / f"{name}.parquet")]
    environment = process_environment() | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(tagalong("import", "--data", data, *files), check=True, env=environment)
    subprocess.run(tagalong("train", "--data", data, "--force"), check=True, env=environment)
    return data


@pytest.fixture
def service(data: Path) -> Iterator[Service]:
    running = Service(data)
    yield running
    if running.process.poll() is None:
        running.stop()


def household(data: Path) -> str:
    bundle = load(Registry(data / "main" / "bundles").path("current"))
    return bundle.users[len(bundle.users) // 2]


def test_a_household_is_served_from_the_cache_and_without_redis_and_from_the_cache_again(
    service: Service, data: Path
) -> None:
    ask = {"placement": "home", "user_id": household(data), "count": 10}
    first = service.post("/v1/recommendations", ask)
    assert (first["served_by"], first["degraded"], len(first["items"])) == ("live", False, 10)
    assert all(item["reasons"] for item in first["items"])
    assert service.post("/v1/recommendations", ask)["served_by"] == "cached"
    for server in service.children("unixsocket"):
        server.suspend()
        without = service.post("/v1/recommendations", ask)
        assert (without["served_by"], without["degraded"]) == ("live", True)
        assert [i["item_id"] for i in without["items"]] == [i["item_id"] for i in first["items"]]
        server.kill()
    service.wait(lambda: service.post("/v1/recommendations", ask)["served_by"] == "cached")


def test_a_published_bundle_is_taken_up_and_no_request_fails(service: Service, data: Path) -> None:
    registry = Registry(data / "main" / "bundles")
    before = service.get("/v1/popular?count=5")["model"]
    copy = registry.folder / f"{before}-copy"
    bundle = load(registry.path(before))
    info = bundle.info.__class__(
        **{f: getattr(bundle.info, f) for f in bundle.info.__slots__} | {"bundle_id": copy.name}
    )
    registry.add(type(bundle)(**{f: getattr(bundle, f) for f in bundle.__slots__} | {"info": info}))
    registry.publish(copy.name)
    models: list[str] = []
    deadline = time.monotonic() + PATIENCE
    while models[-6:] != [copy.name] * 6:
        answer = service.get(f"/v1/popular?count=5&exclude_item_ids={len(models)}")
        assert len(answer["items"]) == 5
        models.append(answer["model"])
        assert time.monotonic() < deadline
        time.sleep(0.05)
    registry.rollback()


def test_a_killed_worker_is_replaced(service: Service) -> None:
    before = _workers(service)
    psutil.Process(min(before)).kill()
    service.wait(lambda: len(_workers(service)) == len(before) and min(before) not in _workers(service))
    assert len(service.get("/v1/popular?count=3")["items"]) == 3


def _workers(service: Service) -> set[int]:
    found = set()
    with suppress(psutil.NoSuchProcess):  # one that was seen a moment ago
        found = {worker.pid for parent in service.children("serving.workers") for worker in parent.children()}
    return found


def test_a_folder_in_use_is_refused_with_a_message(service: Service, data: Path) -> None:
    second = subprocess.run(
        tagalong("serve", "--data", data, "--port", free_port()), capture_output=True, text=True, timeout=PATIENCE
    )
    assert second.returncode == 2
    assert "in use" in second.stderr


def test_sigterm_stops_everything_cleanly(service: Service) -> None:
    children = psutil.Process(service.process.pid).children(recursive=True)
    assert len(children) >= 5
    assert service.stop() == 0
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def test_what_a_killed_supervisor_left_behind_is_no_obstacle(data: Path) -> None:
    first = Service(data)
    left = psutil.Process(first.process.pid).children(recursive=True)
    first.process.kill()
    first.process.wait()
    second = Service(data)
    assert len(second.get("/v1/popular?count=3")["items"]) == 3
    assert second.stop() == 0
    _, alive = psutil.wait_procs(left, timeout=PATIENCE)
    assert alive == []


def refused(service: Service) -> float:
    found = re.search(rb"^tagalong_refused_bundles_total (\S+)", urlopen(f"{service.url}/metrics").read(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_changed_byte_is_refused_and_what_ran_before_goes_on(service: Service, data: Path) -> None:
    registry = Registry(data / "main" / "bundles")
    before = service.get("/v1/popular?count=5")["model"]
    broken = registry.folder / "broken"
    shutil.copytree(registry.path(before), broken)
    array = next(broken.glob("*.npy"))
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    told = refused(service)
    link = registry.folder / ".broken-link"
    link.symlink_to(broken.name)
    os.replace(link, registry.folder / "current")
    service.wait(lambda: refused(service) == told + 2)  # by both workers
    assert service.get("/v1/popular?count=5&exclude_item_ids=x")["model"] == before
    registry.publish(before)
    shutil.rmtree(broken)


def test_what_stops_says_so_and_reports_no_leak(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    service = Service(data)
    service.get("/v1/popular?count=1")
    assert service.stop() == 0
    said = "".join(capfd.readouterr())
    for name in ("workers", "archiver", "redis"):
        assert said.count(f'"program": "{name}", "event": "stopped"') == 1
    assert "leaked" not in said
