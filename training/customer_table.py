"""What a CRM asks about many customers, one row each: stage, tier and habits, tags, and what was declared of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.columns import flat, rows
from features.customer import STAGES, TIERS, summaries
from features.merges import with_merges
from features.table_columns import TableColumns
from features.tag_rules import CustomerTag
from features.tagging import Tagging, tags_of
from recommender.bundle import Bundle
from recommender.filters import compile_condition
from recommender.values import Histories
from training.audience import Audience
from training.forked import forked
from training.privacy import Decisions

BLOCK = 10_000
KNOWN = pa.schema(
    [
        ("user_id", pa.string()),
        ("personalize", pa.bool_()),
        ("stage", pa.string()),
        ("tier", pa.string()),
        ("recency_days", pa.float64()),
        ("orders", pa.int64()),
        ("spent", pa.float64()),
        ("typical_price", pa.float64()),
        ("events", pa.int64()),
        ("tags", pa.list_(pa.string())),
    ]
)
"""As ``GET /v1/users/{id}`` says them; ``tags`` are the names, the heaviest first. Whoever wants no personal lists is
shown without anything that they did."""
SILENT = frozenset(("personalize", "personalize_chosen", "consent_personalization"))
"""What is declared and stands in ``personalize`` already."""


@dataclass(frozen=True, slots=True, eq=False)
class CustomerTable:
    """The table of an audience, made a block at a time."""

    bundle: Bundle
    tagging: Tagging
    audience: Audience
    declared: pa.Table
    """(B rows) what was declared of each, as ``declared_of`` finds it."""
    now: int

    @property
    def schema(self) -> pa.Schema:
        """Return the columns."""
        return pa.schema([*KNOWN, *self.declared.drop_columns("tags").schema])

    def blocks(self, condition: str | None, processes: int) -> Iterator[tuple[int, pa.Table]]:
        """Yield how many customers were looked at, and the rows of those of them for whom the ``condition`` holds.

        Raises FilterError before the first one.
        """
        chosen = self._chosen(condition)
        chosen(self.schema.empty_table())
        spans = [slice(at, at + BLOCK) for at in range(0, len(self.audience.ids), BLOCK)]
        done = forked(lambda span: chosen(self.rows(span)), spans, processes)
        for span, found in zip(spans, done, strict=True):
            yield min(span.stop, len(self.audience.ids)), found

    def rows(self, span: slice) -> pa.Table:
        """Return the rows of some customers one after the other."""
        audience, spent_well = self.audience, self.bundle.info.config.live.spent_well
        ids = audience.ids[span]
        histories = audience.histories.take(np.arange(span.start, span.start + len(ids)))
        declared = self.declared.slice(span.start, len(ids))
        tags = self._tags(histories, declared["tags"].to_pylist(), audience.tags[span], audience.withheld[span])
        found = summaries(histories, np.full(len(ids), self.now, np.int64), spent_well)
        known = [
            pa.array(ids, pa.string()),
            pa.array(~audience.withheld[span]),
            pa.array(STAGES, pa.string()).take(pa.array(found.stage)),
            pa.array(TIERS, pa.string()).take(pa.array(found.tier)),
            _rounded(found.recency_days),
            pa.array(found.orders),
            _rounded(found.spent),
            _rounded(found.price),
            pa.array(np.diff(histories.indptr)),
            pa.array(tags, KNOWN[-1].type),
        ]
        return pa.table([*known, *declared.drop_columns("tags").columns], schema=self.schema)

    def _tags(
        self, histories: Histories, declared: list[list[str] | None], trained: csr_array, withheld: NDArray[np.bool_]
    ) -> list[list[str]]:
        """Return each customer's tags: what was ``declared`` stands above what the bundle was ``trained`` with."""
        names = self.bundle.catalogue.tag_names
        ends = zip(trained.indptr[:-1].tolist(), trained.indptr[1:].tolist(), strict=True)
        known = [[names[tag].removeprefix("tag:") for tag in trained.indices[a:b].tolist()] for a, b in ends]
        given = [
            []
            if hidden
            else [CustomerTag(tag, 1.0, "declared", self.now) for tag in (before if says is None else says)]
            for says, before, hidden in zip(declared, known, withheld.tolist(), strict=True)
        ]
        found = tags_of(self.tagging, histories, given, [frozenset[str]()] * len(given), self.now)
        return [[tag.name for tag in tags] for tags in found]

    def _chosen(self, condition: str | None) -> Callable[[pa.Table], pa.Table]:
        if condition is None:
            return lambda table: table
        return lambda table: table.filter(pa.array(compile_condition(condition, TableColumns(table), "--where")))


def everybody(bundle: Bundle, later: pa.Table | None, users: pa.Table, decided: Decisions) -> list[str]:
    """Return the ids of all customers of whom anything is known, without merged visitors."""
    columns = [pa.array(list(bundle.users), pa.string()), flat(users["user_id"])]
    columns += [flat(later["user_id"])] if later is not None else []
    ids = pc.unique(pa.concat_arrays(columns))
    return list(ids.filter(pa.array(rows(ids, flat(decided.merges["visitor_id"])) < 0)).to_pylist())


def without_erased(audience: Audience, decided: Decisions) -> Audience:
    """Return the audience without those who were erased and have done nothing since."""
    erased = rows(pa.array(audience.ids, pa.string()), flat(decided.erased["user_id"])) >= 0
    return audience.among(np.flatnonzero(~(erased & (np.diff(audience.histories.indptr) == 0))))


def declared_of(ids: Sequence[str], users: pa.Table, decided: Decisions) -> pa.Table:
    """Return (B rows) what ``users`` says of each of ``ids``, null where it says nothing.

    Without columns whose names are ours: a shop's own ``stage`` or ``tier`` is not told.
    """
    customers = with_merges(pa.table({"user_id": pa.array(ids, pa.string())}), decided.merges)["user_id"]
    at = rows(customers, flat(users["user_id"]))
    ours = {*KNOWN.names, *SILENT} - {"tags"}
    kept = users.drop_columns([name for name in users.column_names if name in ours])
    return kept.take(pa.array(at, mask=at < 0))


def _rounded(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(np.round(values, 2), pa.float64(), mask=np.isnan(values))
