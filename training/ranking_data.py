"""What rankers learn from: the candidates that sources, fitted on the past of the split, proposed at later moments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.bundle import Bundle
from recommender.candidates import Candidates, merge
from recommender.catalogue import Catalogue
from recommender.pipeline import at_once
from recommender.policy import Rules
from recommender.ranker_features import describe
from recommender.ranking import QUOTA, allowed_by, gather
from recommender.signals import ask_sources
from recommender.values import EARLIEST, LATEST
from training.forked import CORES, forked
from training.split import LabelledQueries

TELLING, FEWEST = 60_000, 30
"""How many candidates of a task are kept. Where it has many moments, each keeps its hits and misses drawn at
random, in all ``FEWEST`` at least; where it has few, each keeps all."""


@dataclass(frozen=True, slots=True, eq=False)
class RankingData:
    """The candidates of Q moments with what is known of them, moment by moment; only moments with a hit.

    Those of customers held out are whole; of the others, a sample may stand for all.
    """

    names: tuple[str, ...]
    features: NDArray[np.float32]
    """(n × F)."""
    hit: NDArray[np.bool_]
    """(n,)"""
    group: NDArray[np.int64]
    """(G,) how many candidates each moment has."""
    truths: NDArray[np.float32]
    """(G,) how many items each moment's truth has."""
    held: NDArray[np.bool_]
    """(G,) moments of customers held out for choosing."""


NOTHING = RankingData(
    (),
    np.zeros((0, 0), np.float32),
    np.zeros(0, np.bool_),
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.bool_),
)


@dataclass(frozen=True, slots=True, eq=False)
class RankerTask:
    """Q moments that one ranker learns from, and whom to ask."""

    past: Bundle
    """Its sources know nothing of the moments or of what came later."""
    sources: tuple[str, ...]
    asked: LabelledQueries
    held: NDArray[np.bool_]
    """(Q,) moments of customers held out for choosing."""
    exclude_owned: bool
    dated: bool = False
    """Only what was on sale at a moment may be proposed: among items that nobody could be shown, rankers would learn
    that only what all turn to is ever chosen."""
    most: int = 1 << 62
    """How many candidates are kept, about, before moments are left out at random."""


def ranking_data(
    tasks: Sequence[RankerTask],
    *,
    progress: Callable[[int, int], None] = lambda *_: None,
    processes: int = CORES,
) -> list[RankingData]:
    """Let the sources propose and describe candidates, and return what each task teaches."""
    blocks = [block for number, task in enumerate(tasks) for block in _blocks(number, task)]
    progress(0, len(blocks))

    def work(block: tuple[int, NDArray[np.intp]]) -> RankingData:
        return _block(tasks[block[0]], block[1])

    found: list[list[RankingData]] = [[] for _ in tasks]
    for done, ((number, _), part) in enumerate(zip(blocks, forked(work, blocks, processes), strict=True), 1):
        found[number].append(part)
        progress(done, len(blocks))
    return [joined(parts) for parts in found]


def _blocks(number: int, task: RankerTask) -> list[tuple[int, NDArray[np.intp]]]:
    """Return the number with the rows of the moments that are worked on together."""
    size = at_once(len(task.past.catalogue))
    return [(number, np.arange(at, min(at + size, len(task.asked)))) for at in range(0, len(task.asked), size)]


def joined(parts: list[RankingData]) -> RankingData:
    """Return the ranking data of several windows as one."""
    some = [part for part in parts if len(part.group)]
    if not some:
        return NOTHING
    columns = zip(*((p.features, p.hit, p.group, p.truths, p.held) for p in some), strict=True)
    return RankingData(some[0].names, *(np.concatenate(column) for column in columns))


def _block(task: RankerTask, rows: NDArray[np.intp]) -> RankingData:
    """Return the ranking data of some moments."""
    bundle, asked, held = task.past, task.asked.take(rows), task.held[rows]
    rng = np.random.default_rng((bundle.info.config.seed, int(rows[0])))
    rules = Rules.none(len(asked), len(bundle.catalogue), 1)
    rules = replace(rules, excluded=asked.owned) if task.exclude_owned else rules
    signals = ask_sources(bundle.models, asked.queries)
    most = bundle.info.config.ranker.candidates
    allowed = allowed_by(asked.queries, rules)
    if task.dated:
        allowed = allowed.among(bundle.catalogue.within_dates(asked.queries.now[:, None]))
    candidates = merge(gather(signals, task.sources, allowed, int(most * QUOTA)), allowed.table.shape, most)
    hit = _hits(candidates, asked.truth)
    answered = np.bincount(candidates.customer, hit, minlength=len(asked)) > 0
    telling = max(TELLING // len(task.asked), FEWEST)
    each = min(telling, int(np.bincount(candidates.customer).max(initial=1)))
    answered &= _drawn(answered, task.most * len(asked) // (len(task.asked) * each), rng)
    keep = answered[candidates.customer]
    if not keep.any():
        return NOTHING
    candidates, hit = candidates.where(keep), hit[keep]
    columns = describe(signals, bundle.catalogue, candidates)
    told = held[candidates.customer] | sampled(candidates.customer, hit, telling, rng)
    return RankingData(
        tuple(columns),
        np.stack([column[told] for column in columns.values()], axis=1),
        hit[told],
        np.bincount(candidates.customer[told], minlength=len(asked))[answered].astype(np.int64),
        np.diff(asked.truth.indptr)[answered].astype(np.float32),
        held[answered],
    )


def tells_dates(asked: LabelledQueries, catalogue: Catalogue) -> bool:
    """Return whether some item had a first or last day, and most of what was asked for was on sale when it was."""
    dated = (catalogue.available_from > EARLIEST) | (catalogue.available_until < LATEST)
    shown = catalogue.within_dates(asked.queries.now[pairs.rows(asked.truth)], asked.truth.indices)
    return bool(dated.any() and len(shown) and shown.mean() > 1 / 2)


def _drawn(moments: NDArray[np.bool_], most: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return (Q,) so many of the ``moments``, one at least, drawn at random; all where there are no more."""
    some = np.flatnonzero(moments)
    if len(some) <= max(most, 1):
        return moments
    drawn = np.zeros_like(moments)
    drawn[rng.permutation(some)[: max(most, 1)]] = True
    return drawn


def sampled(moment: NDArray[np.intp], hit: NDArray[np.bool_], most: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which candidates are among ``most`` drawn of their (ascending) moment, hits before misses."""
    order = np.lexsort((rng.random(len(hit)) - hit, moment))
    told = np.zeros(len(hit), np.bool_)
    told[order] = pairs.turns(moment) < most
    return told


def _hits(candidates: Candidates, truth: csr_array) -> NDArray[np.bool_]:
    """Return which candidates are in the ``truth`` (Q × N)."""
    proposed = pairs.keys(candidates.customer, candidates.item, truth.shape[1])
    return pairs.places(np.sort(pairs.stored(truth)), proposed) >= 0
