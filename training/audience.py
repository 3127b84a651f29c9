"""For whom a batch of lists is made: their ids, and what the bundle and later events say about them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.arrow_arrays import flat, rows
from features.consent import forgotten_until
from features.histories import build_histories, continued
from features.merges import with_merges
from features.sql import connect, quoted
from recommender.bundle import Bundle
from recommender.errors import UnreadableFile
from recommender.ids import LONGEST, IdMap
from recommender.values import EARLIEST, LATEST, Histories, Queries
from training import cells
from training.privacy import UNDECIDED, Decisions
from training.raw_files import RawFile, first_reading, open_raw


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """B customers of one bundle."""

    ids: Sequence[str]
    histories: Histories
    """The bundle's events and the later ones, oldest first."""
    tags: csr_array
    """(B × T) declared tags."""
    items: int
    """How many items the bundle's catalogue has."""
    unknown: int
    """How many of them the bundle has never seen."""
    withheld: NDArray[np.bool_]
    """(B,) who was erased or wants no personal lists."""
    refused: NDArray[np.bool_]
    """(B,) who of them wants no personal lists."""
    left_out: int
    """How many later events name an item that the bundle does not know."""

    def open_to_us(self) -> "Audience":
        """Return those alone who were not erased and want personal lists."""
        return self.among(np.flatnonzero(~self.withheld))

    def among(self, keep: NDArray[np.intp]) -> "Audience":
        """Return those of the rows ``keep``."""
        ids = [self.ids[row] for row in keep.tolist()]
        return replace(
            self,
            ids=ids,
            histories=self.histories.take(keep),
            tags=self.tags[keep],
            withheld=self.withheld[keep],
            refused=self.refused[keep],
        )

    def latest(self, trained: int) -> int:
        """Return the moment just after their last event and the one, ``trained``, that the bundle ends with."""
        return 1 + max(trained, int(self.histories.time.max(initial=0)))

    def queries(self, now: int) -> Queries:
        """Return one question for the home page by each customer at ``now``."""
        return Queries.about_nothing(self.histories, now, self.tags, self.items)


def read_ids(path: Path, known: IdMap) -> tuple[list[str], int]:
    """Return the distinct ids of the column ``user_id``, or else of the first one, in the file's order.

    And how many rows have none: an id has 1 to ``LONGEST`` characters. A file without rows but with that column is an
    audience of nobody. Raises UnreadableFile where no row has an id, no column is the first, or its name is one of the
    ``known`` ids.
    """
    with connect() as connection:
        raw = open_raw(connection, path)
        column = next((name for name in raw.columns if name.strip().lower() == "user_id"), None)
        if column is None and not raw.ordered:
            raise UnreadableFile(str(path), f"column user_id is missing (found: {', '.join(raw.columns)})")
        column = column or next(iter(raw.columns))
        if known.row(column) >= 0:
            raise UnreadableFile(
                str(path), f"the first line must name the column, such as user_id; {column} is a customer"
            )
        one = cells.text(quoted(column), raw.columns[column])

        def read(file: RawFile) -> tuple[list[str | None], list[tuple[int, str, str]]]:
            rows = connection.execute(f'SELECT {one} FROM ({file.query}) ORDER BY "#row"').fetchall()
            return [cell for (cell,) in rows], connection.execute(file.torn).fetchall() if file.torn else []

        rows, torn = first_reading(raw, read)
    if torn:
        raise UnreadableFile(str(path), f"row {torn[0][0]}: {torn[0][1]}")
    if not rows and column.strip().lower() != "user_id":
        raise UnreadableFile(str(path), "has no rows")
    ids = [one for one in rows if one and len(one) <= LONGEST]
    if rows and not ids:
        raise UnreadableFile(str(path), f"column {column} holds no id: one has 1 to {LONGEST} characters")
    return list(dict.fromkeys(ids)), len(rows) - len(ids)


def gather(
    bundle: Bundle,
    ids: Sequence[str],
    later: pa.Table | None = None,
    decided: Decisions = UNDECIDED,
    *,
    until: int | None = None,
) -> Audience:
    """Return what may be known of the customers ``ids``; ``later`` holds events as ``features.tables.EVENTS``.

    Nothing that they did after ``until`` (seconds since 1970) is used.
    Events that say no to personalisation are left alone, and what customers ``decided`` since the training is obeyed:
    a visitor who turned out to be a customer is that customer, but what either of the two refused holds.
    """
    asked = pa.array(ids, pa.string())
    customers = flat(with_merges(pa.table({"user_id": asked}), decided.merges)["user_id"])
    row = bundle.users.rows(customers.to_pylist())
    erased = np.maximum(*(forgotten_until(each, decided.erased) for each in (asked, customers)))
    refused = np.maximum(*(rows(each, decided.refusing) for each in (asked, customers))) >= 0
    histories, left_out = bundle.histories.take(row.astype(np.intp)), 0
    if later is not None:
        later = decided.applied(later.filter(pc.fill_null(later["consent"], True)))
        later = decided.applied(with_merges(later, decided.merges))
        items = pa.array(list(bundle.catalogue.items), pa.string())
        each = pc.unique(customers)
        theirs = build_histories(later, each, items).take(rows(customers, each).astype(np.intp))
        histories = continued(histories, theirs)
        left_out = pc.sum(pc.invert(pc.is_in(later["item_id"].drop_null(), items))).as_py() or 0
    owner = histories.customer()
    known = ~refused[owner] & (histories.time > erased[owner] // 1000)
    histories = histories.where(known & (histories.time <= (LATEST if until is None else until)))
    withheld = refused | (erased > EARLIEST)
    tags = _tags(bundle, np.where(withheld, -1, row))
    return Audience(ids, histories, tags, len(bundle.catalogue), int((row < 0).sum()), withheld, refused, left_out)


def _tags(bundle: Bundle, row: NDArray[np.int32]) -> csr_array:
    known = np.flatnonzero(row >= 0)
    pick = csr_array((np.ones(len(known), np.float32), (known, row[known])), shape=(len(row), len(bundle.users)))
    return csr_array(pick @ bundle.declared)
