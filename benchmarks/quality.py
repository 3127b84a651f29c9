"""``make bench-quality``: how good the ranking is on four tasks, next to its peers; writes docs/quality.md.

The folder with the evaluation data (``beauty``, ``retailrocket``) is given by ``--shared`` or TAGALONG_QUALITY_DATA; a
data set that is not there is left out, saying so. Lists come from ``tagalong train`` and ``tagalong recommend`` as a
user calls them; they are scored here, peers and all, behind the same masks. LightFM is among the peers where the extra
``peers`` is installed; the page says whether it was.
"""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from scipy.sparse import csr_array

from benchmarks import peers
from benchmarks.machine import description
from benchmarks.quality_cold import cold_customers, new_items, question
from benchmarks.quality_fits import SEED, Learned, Peer, Trained, learn, table
from benchmarks.quality_page import Part, Result, write_page
from benchmarks.quality_sets import DataSet, data_sets
from commands.fitting import fitting
from examples.demo import tagalong
from features.interactions import interactions
from recommender.bundle_io import load
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.ids import IdMap
from recommender.models.repurchase import owned_items, strongest_event
from training import metrics
from training.baselines import list_best
from training.intervals import estimate
from training.report import OURS, Row

CUTS = (5, 10, 20)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Who is asked, and what they then chose."""

    users: list[str]
    items: IdMap
    """Every item that occurs anywhere."""
    truth: csr_array
    owned: csr_array


def measure(one: DataSet, learned: Learned, work: Path) -> tuple[list[Result], list[str]]:
    """Return us and every peer at one task, and the commands that made our lists."""
    asked = _question(one, learned.whole)
    results, commands = [], []
    for name, trained in learned.ours.items():
        rows, made = _ours(one, trained, asked, work)
        results.append(_result(name, one, asked, rows, trained.seconds))
        commands += made
    with fitting():
        results += _peers(one, learned, asked)
    return results, commands


def cold(one: DataSet, learned: Learned, *, items: bool) -> list[Row]:
    """Return the rows of cold customers and, if asked for, of cold items, which no task changes."""
    asked, whole = _question(one, learned.whole), learned.whole
    heldout = question(whole, whole.users.rows(asked.users), asked.truth, asked.owned)
    with fitting():
        customers = cold_customers(load(learned.ours[OURS].bundle), heldout, CUTS, repeat=one.repeat)
        return customers + (new_items(whole, heldout, CUTS) if items else [])


def _question(one: DataSet, whole: Dataset) -> Question:
    truth = table(one.file("truth"))
    users = list(dict.fromkeys(truth["user_id"].to_pylist()))
    extra = set(truth["item_id"].to_pylist()) - set(whole.catalogue.items)
    items = IdMap.of([*whole.catalogue.items, *extra])
    at = {user: row for row, user in enumerate(users)}
    cells = ([at[user] for user in truth["user_id"].to_pylist()], items.rows(truth["item_id"].to_pylist()))
    chose = csr_array((np.ones(len(cells[0]), np.bool_), cells), shape=(len(users), len(items)))
    return Question(users, items, chose, _owned(whole, users, items))


def _owned(whole: Dataset, users: list[str], items: IdMap) -> csr_array:
    histories = whole.histories.take(whole.users.rows(users).astype(np.intp))
    owned = owned_items(histories, strongest_event(whole.histories.event), len(whole.catalogue))
    column = items.rows(whole.catalogue.items)
    return csr_array((owned.data, column[owned.indices], owned.indptr), shape=(len(users), len(items)))


def _ours(one: DataSet, trained: Trained, question: Question, work: Path) -> tuple[NDArray[np.int32], list[str]]:
    lists = work / f"{trained.bundle.stem}-{'repeat' if one.repeat else 'no-repeat'}.parquet"
    history = ("--history", one.file("history")) if one.file("history").exists() else ()
    asked = ("--users", one.file("truth"), *history, "--repeat" if one.repeat else "--no-repeat", "-n", max(CUTS))
    recommend = tagalong("recommend", "--bundle", trained.bundle, "--out", lists, *asked)
    subprocess.run(recommend, check=True)
    found = table(lists)
    at = {user: row for row, user in enumerate(question.users)}
    rows = np.full((len(question.users), max(CUTS)), -1, np.int32)
    places = ([at[user] for user in found["user_id"].to_pylist()], found["rank"].to_numpy() - 1)
    rows[places] = question.items.rows(found["item_id"].to_pylist())
    return rows, [" ".join(["tagalong", *command[3:]]) for command in (trained.command, recommend)]


def _peers(one: DataSet, learned: Learned, question: Question) -> Iterator[Result]:
    """Yield what each peer reaches; those of the extra know customers by row, the others by what they did."""
    whole = learned.whole
    rows = whole.users.rows(question.users)
    histories = whole.histories.take(rows.astype(np.intp))
    now = np.full(len(histories), int(whole.histories.time.max()) + 1)
    done = interactions(histories, len(whole.catalogue), Config(seed=SEED).events, now)
    known = np.flatnonzero(rows >= 0)
    who = csr_array((np.ones(len(known), np.float32), (known, rows[known])), shape=(len(rows), len(whole.users)))
    for name, peer in learned.peers.items():
        lists = _asked(peer, who if peer.by_row else done, one, whole, question)
        yield _result(name, one, question, lists, peer.seconds)


def _asked(peer: Peer, asked: csr_array, one: DataSet, whole: Dataset, question: Question) -> NDArray[np.int32]:
    size = len(whole.catalogue)
    masked = csr_array(question.owned[:, :size]) if not one.repeat else None
    rows = list_best(peer.score, asked, np.ones(size, np.bool_), masked, max(CUTS))
    column = np.append(question.items.rows(whole.catalogue.items), np.int32(-1))
    return column[rows]


def _result(name: str, one: DataSet, question: Question, rows: NDArray[np.int32], seconds: float) -> Result:
    truth = metrics.minus(question.truth, question.owned) if one.fresh_truth else question.truth
    asked = np.flatnonzero(np.diff(truth.indptr))
    found = metrics.accuracy(rows[asked], csr_array(truth[asked]), CUTS)
    figures = {figure: estimate(values, np.random.default_rng(SEED)) for figure, values in found.items()}
    return Result(name, figures, seconds)


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
    wanted = (one for one in data_sets(shared, work) if only.lower() in one.name.lower())
    found = [part for _, tasks in groupby(wanted, lambda one: one.folder) for part in _folder(tasks, work, console)]
    write_page(out, found, CUTS, f"Seed {SEED}. {description()} {peers.note()}")


def _folder(tasks: Iterable[DataSet], work: Path, console: Console) -> Iterator[Part]:
    """Yield what was measured at each task on one folder; the rows of cold items come with the first."""
    learned = None
    for one in tasks:
        console.print(f"[bold]{one.name}[/]")
        first, learned = learned is None, learned or learn(one, work)
        results, commands = measure(one, learned, work)
        for result in results:
            figures = (f"{name} {result.figures[name].mean:.4f}" for name in ("HR@10", "R@10", "NDCG@10"))
            console.print(f"  {result.system:<22} {'  '.join(figures)}  {result.seconds:.0f} s")
        rows = cold(one, learned, items=first)
        yield Part(one, results, commands, rows, tagged=bool(learned.whole.catalogue.tags.nnz))


if __name__ == "__main__":
    typer.run(main)
