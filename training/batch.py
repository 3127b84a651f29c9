"""Lists for many customers at once: blocks of them through the pipeline, in processes that share one mapped bundle."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.bundle import Bundle
from recommender.config import Placement
from recommender.errors import InvalidInput, UnknownPlacement
from recommender.lists import Ordered
from recommender.models.repurchase import owned_items
from recommender.pipeline import order, order_with_reasons
from recommender.policy import Rules, always_eligible, exclusions, pinned_rows, union
from recommender.values import Histories, Queries, Reason
from training.forked import forked

BLOCK = 128


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What is asked for all customers alike."""

    placement: Placement
    count: int
    exclude_owned: bool
    """Exclude whatever the customer had before, however long ago."""
    only: NDArray[np.bool_] | None = None
    """(N,) the items that may be listed, where not all may."""
    boost: NDArray[np.float32] | None = None
    """(N,) how much each item is lifted."""
    reasons: bool = False
    """Say why each item is in its list; this takes longer."""


class Block(NamedTuple):
    """The lists of some customers one after the other."""

    customers: slice
    lists: Ordered
    reasons: list[tuple[Reason, ...]] | None
    """Of all items of the first list, then of the second, and so on; None where nobody asked."""


def ask_for(bundle: Bundle, placement: str, *, count: int | None = None, repeat: bool | None = None) -> BatchRequest:
    """Return the request for a placement of the bundle's configuration; ``repeat`` overrides the placement's habit.

    Carts are left alone: what was once put into one and never bought is in a log for ever, in a cart it is not.
    """
    known = bundle.info.config.placements
    if placement not in known:
        raise UnknownPlacement(
            "--placement",
            f"the bundle was trained without {placement!r} and knows {', '.join(sorted(known))}; "
            "train with a --config that has it",
        )
    found = known[placement]
    if found.needs_items:
        raise InvalidInput("--placement", f"{placement!r} is about items on a page; choose one such as home")
    ruled = {"in_cart": False} | ({"bought_within_days": 0.0} if repeat else {})
    found = found.model_copy(update={"exclude": found.exclude.model_copy(update=ruled)})
    if repeat is False and found.ranker == "home":
        found = found.model_copy(update={"ranker": "discovery"})
    return BatchRequest(found, count or found.count, repeat is False)


def owned_by(bundle: Bundle, histories: Histories) -> csr_array:
    """Return (B × N) which items each customer had, in the sense that the bundle's models were fitted in."""
    return owned_items(histories, bundle.models.repurchase.target_event, len(bundle.catalogue))


def lists(bundle: Bundle, what: BatchRequest, queries: Queries) -> Ordered:
    """Return the lists of B customers; items must be available at the latest moment asked about."""
    return order(bundle, what.placement, queries, _rules(bundle, what, queries))


def _rules(bundle: Bundle, what: BatchRequest, queries: Queries) -> Rules:
    excluded = exclusions(queries.histories, what.placement.exclude, bundle.catalogue, queries.now)
    if what.exclude_owned:
        excluded = union([excluded, owned_by(bundle, queries.histories)], excluded.shape)
    eligible = always_eligible(bundle.catalogue, int(queries.now.max(initial=0)))
    if what.only is not None:
        eligible = eligible & what.only
    pins = pinned_rows(bundle.catalogue.items.row, what.placement.pins)
    return Rules(eligible, excluded, what.count, what.boost, what.placement.diversity, pins)


def in_blocks(bundle: Bundle, what: BatchRequest, queries: Queries, *, processes: int) -> Iterator[Block]:
    """Yield the lists of all customers block by block, in their order; ``processes`` work on them side by side."""
    blocks = [slice(at, min(at + BLOCK, len(queries))) for at in range(0, len(queries), BLOCK)]

    def work(block: slice) -> Block:
        some = queries.take(np.arange(block.start, block.stop))
        if not what.reasons:
            return Block(block, lists(bundle, what, some), None)
        return Block(block, *order_with_reasons(bundle, what.placement, some, _rules(bundle, what, some)))

    yield from forked(work, blocks, processes)
