"""Calls the command line as a shell would, in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commands.main import main
from tests.training.shop import shop_tables

SETTINGS = "[collaborative]\nfactors = 8\niterations = 3\n[ranker]\ntrees = 10\ncandidates = 60\n"


@dataclass(frozen=True)
class Done:
    """What a call left: its exit status, its result and its messages."""

    status: int
    out: str
    err: str


Call = Callable[..., Done]


def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: object) -> Done:
    monkeypatch.setattr("sys.argv", ["tagalong", *map(str, arguments)])
    capfd.readouterr()
    try:
        main()
        status = 0
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    found = capfd.readouterr()
    return Done(status, found.out, found.err)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Return a function that runs ``tagalong`` with the given arguments."""
    return lambda *arguments: run(monkeypatch, capfd, *arguments)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the made-up shop's files, and a configuration that fits fast."""
    folder = tmp_path_factory.mktemp("shop")
    tables = shop_tables()
    pq.write_table(tables.events.select(["user_id", "item_id", "timestamp", "event"]), folder / "events.parquet")
    pq.write_table(tables.items.select(["item_id", "category", "tags"]), folder / "items.parquet")
    (folder / "shop.toml").write_text(SETTINGS)
    (folder / "users.csv").write_text("user_id\nu1\nu2\nu1\nnobody\n")
    return folder


@pytest.fixture(scope="session")
def bundle(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle that the command line trained once."""
    folder = tmp_path_factory.mktemp("trained") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["tagalong", *train(files, folder)])
        with pytest.raises(SystemExit, match="0"):
            main()
    return folder


def train(files: Path, bundle: Path) -> list[str]:
    """Return the call that trains on the shop's files."""
    given = ["--interactions", files / "events.parquet", "--items", files / "items.parquet", "--bundle", bundle]
    return [str(part) for part in ("train", *given, "--config", files / "shop.toml", "--now", "2026-04-01")]
