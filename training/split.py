"""Split by time: what the ranker is asked, what happened next, and nothing from later in between."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.dataset import Dataset
from recommender.models.repurchase import owned, owned_items
from recommender.scorer import jitter
from recommender.trail import changed
from recommender.values import Histories, Queries
from training.metrics import minus

PAUSE = 1800
"""Seconds without an event that end a visit, as web analytics has it."""
MIDWAY = 0.5
"""Share of the visits that are asked about at a moment within, if they have any, and not before they begin."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledQueries:
    """Q moments after the split at which a customer was about to act."""

    customer: NDArray[np.intp]
    """(Q,) rows of the dataset's users."""
    queries: Queries
    """Each with the customer's events before the moment only."""
    truth: csr_array
    """(Q × N) what the customer then had in that visit."""
    owned: csr_array
    """(Q × N) what the customer had before."""

    def __len__(self) -> int:
        """Return the number of moments."""
        return len(self.customer)

    def take(self, rows: NDArray[np.intp]) -> "LabelledQueries":
        """Return the moments of ``rows``, in that order."""
        return LabelledQueries(self.customer[rows], self.queries.take(rows), self.truth[rows], self.owned[rows])

    def answered(self) -> "LabelledQueries":
        """Return the moments that have a truth."""
        return self.take(np.flatnonzero(np.diff(self.truth.indptr)))


def split_time(dataset: Dataset, target_event: int) -> int:
    """Return the latest time that leaves most customers a future and three quarters of the events in the past.

    "Most" is nine tenths of the customers who had something at two different times at least.
    """
    own = owned(dataset.histories, target_event, len(dataset.catalogue))
    busy = np.flatnonzero(np.diff(own.indptr) > 0)
    first, last = own.time[own.indptr[busy]], own.time[own.indptr[busy + 1] - 1]
    if not len(dataset.histories.time):
        return 0
    learned = np.quantile(dataset.histories.time, 0.75, method="lower")
    if not (last > first).any():
        return int(learned)
    reached = np.quantile(last[last > first], 0.1, method="lower")
    return int(max(reached, learned))


def windows(dataset: Dataset, since: int, most: int) -> list[tuple[int, int]]:
    """Return ``most`` stretches of time (from, until) of like numbers of events, over the log's last three fifths.

    ``since`` is among their beginnings; with one stretch it is the only one.
    """
    time = dataset.histories.time
    end = int(time.max(initial=since)) + 1
    if most == 1 or not len(time):
        return [(since, end)]
    cuts = np.quantile(time, np.linspace(0.4, 1, most + 1)[:-1], method="lower")
    nearest = int(np.abs(cuts - since).argmin())
    cuts[nearest] = since
    return list(pairwise(sorted({*map(int, cuts), end})))


def sliced(window: tuple[int, int], most: int, shortest: int) -> list[tuple[int, int]]:
    """Return the window (from, until) in up to ``most`` parts of one length, of ``shortest`` seconds at least."""
    parts = int(np.clip((window[1] - window[0]) // shortest, 1, most))
    return list(pairwise(np.linspace(*window, parts + 1).astype(np.int64).tolist()))


@dataclass(frozen=True, slots=True, eq=False)
class Acquisitions:
    """The A events of a dataset by which something was had, each with the visit that led to it."""

    dataset: Dataset
    target_event: int
    """Their ``EventType``."""
    visit: NDArray[np.intp]
    """(events,) numbered through all customers."""
    at: NDArray[np.intp]
    """(A,) places in the log."""
    first_in_visit: NDArray[np.intp]
    """(A,) place of the event by which the visit first touched the item."""
    first_ever: NDArray[np.intp]
    """(A,) place of the event by which the customer first touched the item, ever."""

    @classmethod
    def of(cls, dataset: Dataset, target_event: int) -> "Acquisitions":
        """Find them among the items of the catalogue."""
        log, items = dataset.histories, len(dataset.catalogue)
        visit = np.cumsum(_breaks(log.customer(), log.time)) - 1
        at = np.flatnonzero((log.event == target_event) & (log.item < items))
        return cls(
            dataset, target_event, visit, at, _earliest(visit, log.item, at), _earliest(log.customer(), log.item, at)
        )


def _earliest(group: NDArray[np.integer], item: NDArray[np.int32], at: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return (A,) the first place of the log where the group (n,) and item (n,) are those of ``at`` (A,)."""
    pair = pairs.keys(group, item, int(item.max(initial=0)) + 1)
    known, first = np.unique(pair, return_index=True)
    return np.asarray(first[np.searchsorted(known, pair[at])])


def labelled_queries(
    acquired: Acquisitions, window: tuple[int, int], most: int, rng: np.random.Generator, *, new: bool = False
) -> LabelledQueries:
    """Return each customer's first ``most`` visits within ``window`` (from, until) that touch something then had.

    The moment is just before the visit touches the first of these items, or, of a ``MIDWAY`` share, any of them; truth
    is what it touches from then on, less what ``_shown`` counts as past. Which, hashes decide: what else the log holds
    must not change it. With ``new``, truth is only what the customer had never touched before; otherwise also what an
    earlier visit looked at.
    """
    log, items, visit = acquired.dataset.histories, len(acquired.dataset.catalogue), acquired.visit
    begun = acquired.first_ever if new else acquired.first_in_visit
    start = log.time[np.searchsorted(visit, visit[begun])]
    inside = (start >= window[0]) & (start < window[1])
    target, begun = acquired.at[inside], begun[inside]
    visits, group = np.unique(visit[begun], return_inverse=True)
    moment = np.full(len(visits), len(visit))
    np.minimum.at(moment, group, begun)
    kept = pairs.turns(log.customer()[moment]) < most
    within = begun[_drawn(group, jitter(log.time[begun] + log.item[target]))]
    moment = np.where(jitter(log.time[moment] + log.customer()[moment]) < MIDWAY, within, moment)
    shown = _shown(log, moment)
    later = log.time[begun] > log.time[moment][group]
    rest = (log.time[begun] == log.time[moment][group]) & (_luck(log)[begun] >= shown[group])
    member = kept[group] & (later | rest)
    cells = ((np.cumsum(kept) - 1)[group[member]], log.item[target[member]])
    truth = _marked(cells, (int(kept.sum()), items))
    return _asked(acquired.dataset, acquired.target_event, window[0], moment[kept], shown[kept], truth, rng)


def _luck(log: Histories, customer: NDArray[np.integer] | None = None) -> NDArray[np.float32]:
    """Return (n,) a number in [0, 1) for each event, the same for all of one customer and item."""
    owner = log.customer() if customer is None else customer[log.customer()]
    return jitter(log.item.astype(np.int64) * 31 + owner)


def _shown(log: Histories, moment: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return (Q,) up to what ``_luck`` events at the very time of each moment count as its past; mostly none do.

    A guest has one basket, and a log of dates one time a day: where nothing came before, half of the moments show a
    part of what lies at that time and ask for the rest. Else nobody could learn what goes with what.
    """
    owner = log.customer()[moment]
    first = log.time[log.indptr[owner]] >= log.time[moment]
    parted = first & (jitter(log.time[moment] + owner + 7) < MIDWAY)
    return np.where(parted, _luck(log)[moment], np.float32(-1))


def _asked(
    dataset: Dataset,
    target_event: int,
    since: int,
    moment: NDArray[np.intp],
    shown: NDArray[np.float32],
    truth: csr_array,
    rng: np.random.Generator,
) -> LabelledQueries:
    """Ask at the split, or where the customer has acted since, anywhen between their last event and the visit.

    When a customer will come is not known when they are asked, so the moment of the visit must not tell the ranker.
    """
    log, customer = dataset.histories, dataset.histories.customer()[moment]
    past = _until(log, customer, log.time[moment], shown)
    last = np.append(past.time, 0)[np.where(np.diff(past.indptr) > 0, past.indptr[1:] - 1, len(past.time))]
    away = (rng.random(len(last)) * (log.time[moment] - last)).astype(np.int64)
    now = np.where(last < since, since, last + away)
    tags = dataset.declared[customer]
    queries = Queries.about_nothing(past, now, tags, truth.shape[1])
    return LabelledQueries(customer.astype(np.intp), queries, truth, owned_items(past, target_event, truth.shape[1]))


def _marked(cells: tuple[NDArray[np.integer], NDArray[np.integer]], shape: tuple[int, int]) -> csr_array:
    """Return a matrix with 1 in each of ``cells``."""
    marked = csr_array((np.ones(len(cells[0]), np.float32), cells), shape=shape)
    marked.data[:] = 1
    return marked


def _until(
    histories: Histories, customers: NDArray[np.integer], time: NDArray[np.int64], shown: NDArray[np.float32]
) -> Histories:
    """Return the histories of ``customers`` (Q,), each with what came before its ``time`` (Q,), or is ``shown``."""
    every = histories.take(customers.astype(np.intp))
    asked = every.customer()
    at_once = (every.time == time[asked]) & (_luck(every, customers) < shown[asked])
    return every.where((every.time < time[asked]) | at_once)


def beside(asked: LabelledQueries, rng: np.random.Generator) -> LabelledQueries:
    """Return the moments with an item on the page: one of several then had, or the last one turned to.

    The item on the page is no part of the truth.
    """
    size = np.diff(asked.truth.indptr)
    chosen = asked.truth.indptr[:-1] + (rng.random(len(asked)) * size).astype(np.int64)
    log = asked.queries.histories
    usable = np.flatnonzero((size > 1) | (np.diff(log.indptr) > 0))
    last = np.append(log.item, 0)[log.indptr[1:] - 1]
    anchor = np.where(size > 1, asked.truth.indices[np.minimum(chosen, asked.truth.nnz - 1)], last)
    cells = (usable, anchor[usable])
    anchors = csr_array((np.ones(len(usable), np.float32), cells), shape=asked.truth.shape)
    queries = Queries(log, asked.queries.now, anchors, asked.queries.tags)
    return LabelledQueries(asked.customer, queries, minus(asked.truth, anchors), asked.owned).take(usable).answered()


def newcomers(asked: LabelledQueries, target_event: int, most: int, rng: np.random.Generator) -> LabelledQueries:
    """Return the same moments as if only each customer's last events, from none to ``most``, were known of them."""
    log = asked.queries.histories
    kept = rng.integers(0, most + 1, len(asked))
    known = log.where(log.indptr[log.customer() + 1] - np.arange(len(log.item)) <= kept[log.customer()])
    before = owned_items(known, target_event, asked.truth.shape[1])
    return replace(asked, queries=replace(asked.queries, histories=known), owned=before)


def unowned(asked: LabelledQueries) -> LabelledQueries:
    """Return the moments with only what the customer had not had before as truth, where any is left."""
    return replace(asked, truth=minus(asked.truth, asked.owned)).answered()


def _breaks(customer: NDArray[np.int32], time: NDArray[np.int64]) -> NDArray[np.bool_]:
    new = np.ones(len(time), np.bool_)
    if len(time):
        new[1:] = (customer[1:] != customer[:-1]) | (time[1:] - time[:-1] > PAUSE)
    return new


def _drawn(group: NDArray[np.integer], luck: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the place of the member with the least ``luck`` of each of the groups 0, 1, …, none of which is empty."""
    order = np.lexsort((luck, group))
    return order[np.flatnonzero(changed(group[order]))]
