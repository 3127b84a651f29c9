"""``make bench-quality``: how good the ranking is on four tasks, next to its peers; writes docs/quality.md.

The folder with the evaluation data (``beauty``, ``retailrocket``) is given by ``--shared`` or TAGALONG_QUALITY_DATA; a
data set that is not there is left out, saying so. Lists come from ``tagalong train`` and ``tagalong recommend`` as a
user calls them; they are scored here, peers and all, behind the same masks. LightFM is among the peers where the extra
``peers`` is installed; the page says whether it was.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer
from numpy.typing import NDArray
from pyarrow import csv, parquet
from rich.console import Console
from scipy.sparse import csr_array

from benchmarks import peers
from benchmarks.machine import description
from benchmarks.quality_page import Result, write_page
from benchmarks.quality_sets import DataSet, data_sets
from commands.fitting import fitting
from examples.demo import tagalong
from features.build import build_dataset
from features.interactions import interactions
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.ids import IdMap
from training import metrics
from training.baselines import EVERY, Score, best
from training.bootstrap import estimate
from training.heldout import choice, chosen
from training.report import OURS
from training.sources import read_files

CUTS = (5, 10, 20)
SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Who is asked, and what they then chose."""

    users: list[str]
    items: IdMap
    """Every item that occurs anywhere."""
    truth: csr_array
    had: csr_array


def measure(one: DataSet, work: Path) -> tuple[list[Result], list[str]]:
    """Return ours and every peer on one data set, and the commands that made our lists."""
    files = [one.file("train"), *(p for p in (one.file("history"),) if p.exists())]
    whole = build_dataset(read_files(files, [one.file("items")]), Config(seed=SEED))
    question = _question(one, whole)
    rows, seconds, commands = _ours(one, question, work)
    results = [_result(OURS, one, question, rows, seconds)]
    with fitting():
        results += _peers(one, whole, question)
    return results, commands


def _question(one: DataSet, whole: Dataset) -> Question:
    truth = _table(one.file("truth"))
    users = list(dict.fromkeys(truth["user_id"].to_pylist()))
    extra = set(truth["item_id"].to_pylist()) - set(whole.catalogue.items)
    items = IdMap.of([*whole.catalogue.items, *extra])
    at = {user: row for row, user in enumerate(users)}
    cells = ([at[user] for user in truth["user_id"].to_pylist()], items.rows(truth["item_id"].to_pylist()))
    chose = csr_array((np.ones(len(cells[0]), np.bool_), cells), shape=(len(users), len(items)))
    return Question(users, items, chose, _had(whole, users, items))


def _had(whole: Dataset, users: list[str], items: IdMap) -> csr_array:
    histories = whole.histories.take(whole.users.rows(users).astype(np.intp))
    owned = chosen(histories, choice(whole.histories.event), len(whole.catalogue))
    column = items.rows(whole.catalogue.items)
    return csr_array((owned.data, column[owned.indices], owned.indptr), shape=(len(users), len(items)))


def _ours(one: DataSet, question: Question, work: Path) -> tuple[NDArray[np.int32], float, list[str]]:
    bundle, lists = work / f"{one.folder.name}.bundle", work / f"{one.name.replace(' ', '-')}.parquet"
    train = tagalong("train", "--interactions", one.file("train"), "--items", one.file("items"), "--bundle", bundle)
    history = ("--history", one.file("history")) if one.file("history").exists() else ()
    asked = ("--users", one.file("truth"), *history, "--repeat" if one.repeat else "--no-repeat", "-n", max(CUTS))
    recommend = tagalong("recommend", "--bundle", bundle, "--out", lists, *asked)
    began = time.perf_counter()
    subprocess.run(train, check=True)
    seconds = time.perf_counter() - began
    subprocess.run(recommend, check=True)
    table = _table(lists)
    at = {user: row for row, user in enumerate(question.users)}
    rows = np.full((len(question.users), max(CUTS)), -1, np.int32)
    places = ([at[user] for user in table["user_id"].to_pylist()], table["rank"].to_numpy() - 1)
    rows[places] = question.items.rows(table["item_id"].to_pylist())
    return rows, seconds, [" ".join(["tagalong", *command[3:]]) for command in (train, recommend)]


def _peers(one: DataSet, whole: Dataset, question: Question) -> Iterator[Result]:
    """Yield what each peer reaches; those of the extra know customers by row, the others by what they did."""
    config, size = Config(seed=SEED), len(whole.catalogue)
    rows = whole.users.rows(question.users)
    histories = whole.histories.take(rows.astype(np.intp))
    past = interactions(whole.histories, size, config.events)
    now = np.full(len(histories), int(whole.histories.time.max()) + 1)
    done = interactions(histories, size, config.events, now)
    for name, fit in EVERY.items():
        yield _peer(name, partial(fit, past, SEED), done, one, whole, question)
    known = np.flatnonzero(rows >= 0)
    who = csr_array((np.ones(len(known), np.float32), (known, rows[known])), shape=(len(rows), len(whole.users)))
    for name, learn in peers.installed().items():
        yield _peer(name, partial(learn, past, whole.catalogue.tags, SEED), who, one, whole, question)


def _peer(
    name: str, fit: Callable[[], Score], asked: csr_array, one: DataSet, whole: Dataset, question: Question
) -> Result:
    began = time.perf_counter()
    score = fit()
    seconds = time.perf_counter() - began
    size = len(whole.catalogue)
    histories = whole.histories.take(whole.users.rows(question.users).astype(np.intp))
    masked = chosen(histories, choice(whole.histories.event), size) if not one.repeat else None
    rows = best(score, asked, np.ones(size, np.bool_), masked, max(CUTS))
    column = np.append(question.items.rows(whole.catalogue.items), np.int32(-1))
    return _result(name, one, question, column[rows], seconds)


def _result(name: str, one: DataSet, question: Question, rows: NDArray[np.int32], seconds: float) -> Result:
    truth = metrics.minus(question.truth, question.had) if one.fresh_truth else question.truth
    asked = np.flatnonzero(np.diff(truth.indptr))
    found = metrics.accuracy(rows[asked], csr_array(truth[asked]), CUTS)
    figures = {figure: estimate(values, np.random.default_rng(SEED)) for figure, values in found.items()}
    return Result(name, figures, seconds)


def _table(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return parquet.read_table(path)
    text = csv.ConvertOptions(column_types={"user_id": pa.string(), "item_id": pa.string()})
    return csv.read_csv(path, convert_options=text)


def main(
    shared: Annotated[Path | None, typer.Option(envvar="TAGALONG_QUALITY_DATA", help="Evaluation data.")] = None,
    work: Annotated[Path, typer.Option(help="Where to keep bundles and lists.")] = Path("data/quality"),
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/quality.md"),
    only: Annotated[str, typer.Option(help="Part of a data set's name.")] = "",
) -> None:
    """Measure every data set that is there, print the tables, and write the page."""
    console = Console(highlight=False)
    work.mkdir(parents=True, exist_ok=True)
    if shared is None:
        console.print("Beauty and Retailrocket are left out: --shared or TAGALONG_QUALITY_DATA names their folder")
    found = []
    for one in data_sets(shared, work):
        if only.lower() in one.name.lower():
            console.print(f"[bold]{one.name}[/]")
            results, commands = measure(one, work)
            found.append((one, results, commands))
            for result in results:
                figures = (f"{name} {result.figures[name].mean:.4f}" for name in ("HR@10", "R@10", "NDCG@10"))
                console.print(f"  {result.system:<20} {'  '.join(figures)}  {result.seconds:.0f} s")
    write_page(out, found, CUTS, f"Seed {SEED}. {description()} {peers.note()}")


if __name__ == "__main__":
    typer.run(main)
