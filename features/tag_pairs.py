"""Which tags go together: learned from the customers who bought, viewed or liked items of both."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.catalogue import Catalogue
from recommender.values import EventType, Histories

LIKED = (EventType.VIEW_ITEM, EventType.ADD_TO_CART, EventType.ADD_TO_WISHLIST, EventType.PURCHASE, EventType.LIKE)
ITEMS = 2
"""Different items with a tag that a customer must have turned to, to count as one of the tag's."""
CUSTOMERS, LIFT, CONFIDENCE = 10, 2.0, 0.2
"""Of both tags at least; how much more often than by chance; which share of the first one's customers."""
MOST_TAGS, MOST_BROUGHT, MOST_WEIGHT = 2_000, 5, 0.5


def learn_brings(histories: Histories, catalogue: Catalogue) -> Mapping[str, Mapping[str, float]]:
    """Return, by declared tag, the tags that its customers have too, each with the share of weight that it gets.

    The share is the confidence P(other | tag), at most ``MOST_WEIGHT``: what is inferred weighs less than what is seen.
    """
    columns = catalogue.tag_names.starting("tag:")
    owners = _owners(histories, catalogue, columns)
    size = np.asarray(owners.sum(axis=0)).ravel()
    kept = np.sort(np.argsort(-size, kind="stable")[:MOST_TAGS])
    owners, size, columns = owners[:, kept], size[kept], columns[kept]
    together = (owners.T @ owners).toarray()
    np.fill_diagonal(together, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        confidence = np.nan_to_num(together / size[:, None])
        lift = np.nan_to_num(confidence * len(histories) / size[None, :])
    strong = np.where((together >= CUSTOMERS) & (lift >= LIFT) & (confidence >= CONFIDENCE), confidence, 0)
    names = [catalogue.tag_names[int(row)].removeprefix("tag:") for row in columns]
    return {names[row]: _strongest(strong[row], names) for row in np.flatnonzero(strong.any(axis=1))}


def _owners(histories: Histories, catalogue: Catalogue, columns: NDArray[np.int32]) -> csr_array:
    """Return (B × tags) 1 where a customer turned to enough items of a tag."""
    liked = np.isin(histories.event, LIKED)
    shape = (len(histories), len(catalogue))
    known = np.unique(pairs.keys(histories.customer()[liked], histories.item[liked], shape[1]))
    turned = pairs.matrix(known, shape, np.ones(len(known), np.float32))
    carried = csr_array(catalogue.tags[:, columns] > 0, dtype=np.float32)
    return csr_array((turned @ carried) >= ITEMS, dtype=np.float32)


def _strongest(shares: NDArray[np.float64], names: list[str]) -> dict[str, float]:
    best = np.argsort(-shares, kind="stable")[:MOST_BROUGHT]
    return {names[at]: float(min(shares[at], MOST_WEIGHT)) for at in best if shares[at] > 0}
