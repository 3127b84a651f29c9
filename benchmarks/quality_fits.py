"""What the quality table fits: once for each folder of data, however many tasks then ask."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from benchmarks import peers
from benchmarks.quality_sets import DataSet
from commands.fitting import fitting
from examples.demo import tagalong
from features.build import build_dataset
from features.interactions import interactions
from recommender.config import Config
from recommender.dataset import Dataset
from training.baselines import EVERY, Score
from training.readers import read_files
from training.report import OURS
from training.study import WITHOUT_TAGS

SEED = 7


@dataclass(frozen=True, slots=True)
class Trained:
    """A bundle as ``tagalong train`` wrote it."""

    bundle: Path
    command: list[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Peer:
    """A fitted peer."""

    score: Score
    by_row: bool
    """It knows customers by their row, not by what they did."""
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """All that was fitted on one folder, by the name of the system."""

    whole: Dataset
    """Training events and folded-in history."""
    ours: Mapping[str, Trained]
    peers: Mapping[str, Peer]


def learn(one: DataSet, work: Path) -> Learned:
    """Fit us, us without tags where there are tags, and every peer on the folder of ``one``."""
    files = [one.file("train"), *(p for p in (one.file("history"),) if p.exists())]
    whole = build_dataset(read_files(files, [one.file("items")]), Config(seed=SEED))
    ours = {OURS: _train(one, one.file("items"), work / f"{one.folder.name}.bundle")}
    if whole.catalogue.tags.nnz:
        ours[WITHOUT_TAGS] = _train(one, _bare(one, work), work / f"{one.folder.name}-without-tags.bundle")
    with fitting():
        return Learned(whole, ours, dict(_peers(whole)))


def table(path: Path) -> pa.Table:
    """Read a file of the data set; ids are text."""
    if path.suffix == ".parquet":
        return parquet.read_table(path)
    text = csv.ConvertOptions(column_types={"user_id": pa.string(), "item_id": pa.string()})
    return csv.read_csv(path, convert_options=text)


def _bare(one: DataSet, work: Path) -> Path:
    """Write the items file reduced to its ids."""
    path = work / f"{one.folder.name}-ids.csv"
    csv.write_csv(table(one.file("items")).select(["item_id"]), path)
    return path


def _train(one: DataSet, items: Path, bundle: Path) -> Trained:
    command = tagalong("train", "--interactions", one.file("train"), "--items", items, "--bundle", bundle)
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return Trained(bundle, command, time.perf_counter() - began)


def _peers(whole: Dataset) -> Iterator[tuple[str, Peer]]:
    past = interactions(whole.histories, len(whole.catalogue), Config(seed=SEED).events)
    for name, fit in EVERY.items():
        yield name, _timed(partial(fit, past, SEED), by_row=False)
    for name, learn_known in peers.installed().items():
        yield name, _timed(partial(learn_known, past, whole.catalogue.tags, SEED), by_row=True)


def _timed(fit: Callable[[], Score], *, by_row: bool) -> Peer:
    began = time.perf_counter()
    return Peer(fit(), by_row, time.perf_counter() - began)
