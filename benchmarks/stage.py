"""What the benchmarks measure on: a data folder with Complete Journey, and the service over it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil

from benchmarks.client import Connection, get
from examples.complete_journey import package_data, write
from examples.demo import FILES, tagalong
from serving.run import redis_url
from serving.settings import Settings
from training.registry import Registry

PORT = 8765
FEWEST_HOUSEHOLDS = 10
"""Bought by so many, an item is one of the smaller catalogue."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A data folder with a published bundle."""

    data: Path

    @property
    def shop(self) -> Path:
        """Return the folder of the one shop in it."""
        return self.data / "main"

    @property
    def source(self) -> Path:
        """Return the folder of the files that were imported."""
        return self.data / "complete-journey"

    def users(self) -> list[str]:
        """Return the ids of all customers."""
        return _column(f"SELECT DISTINCT user_id FROM '{self.source}/interactions.parquet' ORDER BY user_id")

    def items(self) -> list[str]:
        """Return the ids of all items."""
        return _column(f"SELECT item_id FROM '{self.source}/items.parquet' ORDER BY item_id")


def imported(folder: Path, popular_only: bool = False) -> Stage:
    """Return a data folder with the whole of Complete Journey, or with the items that many households bought."""
    stage = Stage(folder / ("popular" if popular_only else "whole"))
    if not (stage.source / "users.parquet").exists():
        write(package_data(), stage.source)
        if popular_only:
            _keep_popular(stage.source)
    if not stage.shop.exists():
        files = [part for name in FILES for part in (f"--{name}", stage.source / f"{name}.parquet")]
        subprocess.run(tagalong("import", "--data", stage.data, *files), check=True)
    return stage


def trained(stage: Stage) -> Stage:
    """Train and publish, unless this version has done so."""
    if not Registry(stage.shop / "bundles").is_current_readable():
        subprocess.run(tagalong("train", "--data", stage.data), check=True)
    return stage


def apart(stage: Stage) -> Stage:
    """Return a data folder with the same bundle, an empty log and an empty Redis, for what would change those."""
    other = Stage(stage.data.with_name(f"{stage.data.name}-apart"))
    shutil.rmtree(other.data, ignore_errors=True)
    shutil.copytree(stage.shop / "bundles", other.shop / "bundles", symlinks=True)
    other.source.symlink_to(stage.source.resolve())
    return other


@contextmanager
def service(stage: Stage, workers: int) -> Iterator[psutil.Process]:
    """Serve the folder on ``PORT``; the process is the supervisor, its children Redis, workers and archiver."""
    command = tagalong("serve", "--data", stage.data, "--port", PORT, "--workers", workers)
    with (stage.data / "serve.log").open("w") as log:
        process = psutil.Popen(command, stdout=log, stderr=log)
    try:
        _wait_until_ready(process)
        yield process
    finally:
        process.terminate()
        process.wait()


def redis_of(stage: Stage) -> str:
    """Return the URL of the folder's embedded Redis."""
    return redis_url(Settings(data=stage.data))


def tree(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all below it."""
    return [process, *process.children(recursive=True)]


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the WSGI server and its workers among a supervisor's children."""
    return [p for child in process.children() if "serving.workers" in " ".join(child.cmdline()) for p in tree(child)]


def pin(processes: list[psutil.Process], core: int) -> None:
    """Keep every thread of these processes on one core."""
    for process in processes:
        for thread in process.threads():
            os.sched_setaffinity(thread.id, {core})


def _wait_until_ready(process: psutil.Popen, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            Connection(PORT).ask(get("/readyz"))
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the service did not start; see {process.args}")


def _keep_popular(source: Path) -> None:
    lines, items = source / "interactions.parquet", source / "items.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE popular AS SELECT item_id FROM '{lines}' GROUP BY item_id "
            f"HAVING count(DISTINCT user_id) >= {FEWEST_HOUSEHOLDS}"
        )
        for file in (lines, items):
            kept = file.with_suffix(".kept")
            connection.execute(f"COPY (FROM '{file}' SEMI JOIN popular USING (item_id)) TO '{kept}' (FORMAT parquet)")
            kept.replace(file)


def _column(query: str) -> list[str]:
    with duckdb.connect() as connection:
        return [row[0] for row in connection.execute(query).fetchall()]
