"""What a CRM asks about many customers, one row each: stage, tier and habits, tags, and what was declared of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.arrow_arrays import flat, rows
from features.customer import STAGES, TIERS, summaries
from features.merges import with_merges
from features.table_columns import TableColumns, numeric
from features.tables import TAKEN, written_attributes
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
"""As ``GET /v1/users/{id}`` says them; ``tags`` are the names, the heaviest first. Of whoever wants no personal lists
all but the first two is null."""
SILENT = frozenset((*TAKEN, "attributes"))
"""What stands in another column already."""


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
        found = summaries(histories, np.full(len(ids), self.now, np.int64), spent_well)
        declared, hidden = self.declared.slice(span.start, len(ids)), audience.refused[span]
        tags = self._tags(histories, declared["tags"].to_pylist(), audience.tags[span])
        told = [
            pa.array(STAGES, pa.string()).take(pa.array(found.stage)),
            pa.array(TIERS, pa.string()).take(pa.array(found.tier)),
            _rounded(found.recency_days),
            pa.array(found.orders),
            _rounded(found.spent),
            _rounded(found.price),
            pa.array(np.diff(histories.indptr)),
            pa.array(tags, KNOWN[-1].type),
        ]
        shown = pa.array(np.arange(len(ids)), mask=hidden)
        known = [pa.array(ids, pa.string()), pa.array(~hidden), *(column.take(shown) for column in told)]
        return pa.table([*known, *declared.drop_columns("tags").columns], schema=self.schema)

    def _tags(self, histories: Histories, declared: list[list[str] | None], trained: csr_array) -> list[list[str]]:
        """Return each customer's tags: what was ``declared`` stands above what the bundle was ``trained`` with."""
        names = self.bundle.catalogue.tag_names
        ends = zip(trained.indptr[:-1].tolist(), trained.indptr[1:].tolist(), strict=True)
        known = [[names[tag].removeprefix("tag:") for tag in trained.indices[a:b].tolist()] for a, b in ends]
        given = [
            [CustomerTag(tag, 1.0, "declared", self.now) for tag in (before if says is None else says)]
            for says, before in zip(declared, known, strict=True)
        ]
        found = tags_of(self.tagging, histories, given, [frozenset[str]()] * len(given), self.now)
        return [[tag.name for tag in tags] for tags in found]

    def _chosen(self, condition: str | None) -> Callable[[pa.Table], pa.Table]:
        if condition is None:
            return lambda table: table
        spelled = numeric(self.declared)

        def chosen(table: pa.Table) -> pa.Table:
            return table.filter(pa.array(compile_condition(condition, TableColumns(table, spelled), "--where")))

        return chosen


def everybody(bundle: Bundle, later: pa.Table | None, users: pa.Table, decided: Decisions) -> list[str]:
    """Return the ids of all customers of whom anything may be known."""
    columns = [pa.array(list(bundle.users), pa.string()), flat(users["user_id"])]
    columns += [flat(later.filter(pc.fill_null(later["consent"], True))["user_id"])] if later is not None else []
    return persons(pa.concat_arrays(columns), decided)


def persons(ids: pa.Array, decided: Decisions) -> list[str]:
    """Return the distinct ids of the customers that ``ids`` are: a merged visitor is somebody."""
    merged = with_merges(pa.table({"user_id": ids}), decided.merges)
    return list(pc.unique(merged["user_id"]).to_pylist())


def without_erased(audience: Audience, decided: Decisions) -> Audience:
    """Return the audience without those who were erased and have done nothing since."""
    erased = rows(pa.array(audience.ids, pa.string()), flat(decided.erased["user_id"])) >= 0
    return audience.among(np.flatnonzero(~(erased & (np.diff(audience.histories.indptr) == 0))))


def declared_of(ids: Sequence[str], users: pa.Table, unsubscribed: pa.Table, now: int) -> pa.Table:
    """Return (B rows) what ``users`` says of each of ``ids``, null where it says nothing, and what follows from it.

    That is how many days it is to their birthday, and from ``unsubscribed`` (``user_id``, ``unsubscribed_at``) when
    they did so last. Attributes that the service took stand above a file's columns of their names. Without columns
    whose names are ours: a shop's own ``stage`` or ``tier`` is not told.
    """
    at = rows(pa.array(ids, pa.string()), flat(users["user_id"]))
    known = users.take(pa.array(at, mask=at < 0))
    written = known["attributes"].to_pylist() if "attributes" in known.column_names else []
    told = [written_attributes(text) or {} for text in written]
    for name in dict.fromkeys(chain.from_iterable(told)):
        said = pa.array([_text(one.get(name)) for one in told], pa.string())
        column = pc.coalesce(said, known[name].cast(pa.string())) if name in known.column_names else said
        known = known.drop_columns(name) if name in known.column_names else known
        known = known.append_column(name, column)
    ours = {*KNOWN.names, *SILENT, "days_to_birthday", "unsubscribed_at"} - {"tags"}
    known = known.drop_columns([name for name in known.column_names if name in ours])
    gone = rows(pa.array(ids, pa.string()), flat(unsubscribed["user_id"]))
    when = unsubscribed["unsubscribed_at"].take(pa.array(gone, mask=gone < 0))
    known = known.append_column("days_to_birthday", _days_to(flat(known["birthday"]), now))
    return known.append_column("unsubscribed_at", when)


def _days_to(birthdays: pa.Array, now: int) -> pa.Array:
    """Return how many days it is to the next of each birthday, ``MM-DD`` or a date: 0 is today, in UTC.

    Who was born on 29 February has it on the 28th where there is none.
    """
    parts = [
        pc.fill_null(pc.utf8_slice_codeunits(birthdays, *span), "1").cast(pa.int64()) for span in ((-5, -3), (-2,))
    ]
    month, day = (part.to_numpy() for part in parts)
    today = np.datetime64(now, "s").astype("datetime64[D]")
    years = today.astype("datetime64[Y]") + np.arange(2)
    begun = years[:, None].astype("datetime64[M]") + (month - 1)
    last = (begun + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    held = np.minimum(begun.astype("datetime64[D]") + (day - 1), last)
    days = (np.where(held[0] >= today, held[0], held[1]) - today).astype(np.int64)
    return pa.array(days, mask=birthdays.is_null().to_numpy(zero_copy_only=False))


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _rounded(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(np.round(values, 2), pa.float64(), mask=np.isnan(values))
