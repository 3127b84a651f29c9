"""What is held out: customers whose next choice is known, and was shown to no model."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.build import build_dataset
from features.histories import event_codes
from features.sql import connect
from features.tables import Tables
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.errors import InvalidInput
from recommender.models.repurchase import owned_items, strongest_event
from recommender.values import Queries
from training.split import PAUSE

SplitProtocol = Literal["leave-one-out", "temporal"]


@dataclass(frozen=True, slots=True, eq=False)
class Heldout:
    """B customers at the moment before they chose."""

    queries: Queries
    """Over the N items of the past, without anchors."""
    truth: csr_array
    """(B × at least N) what they chose; columns from N on are items that the past did not know, always missed."""
    owned: csr_array
    """(B × N) what they had chosen before."""

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.queries)

    def take(self, rows: NDArray[np.intp]) -> "Heldout":
        """Return some of the customers."""
        return Heldout(self.queries.take(rows), csr_array(self.truth[rows]), csr_array(self.owned[rows]))


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A past to fit on, and who is asked about what came after."""

    past: Dataset
    tables: Tables
    """What ``past`` was built from."""
    now: int
    """The moment of asking, seconds since 1970."""
    heldout: Heldout


def split(
    tables: Tables, config: Config, protocol: SplitProtocol, test_from: int | None, seed: int, most: int
) -> Split:
    """Hold out each customer's last choice, or the first basket that known customers chose at or after ``test_from``.

    At most ``most`` customers, drawn with ``seed``. Raises InvalidInput where nobody is left to ask.
    """
    event = strongest_event(event_codes(tables.events["event"]))
    if protocol == "temporal" and test_from is None:
        raise InvalidInput("--test-from", "the temporal protocol needs the moment at which the future begins")
    past, truth = _last_choices(tables, event) if test_from is None else _first_baskets(tables, event, test_from)
    now = test_from if test_from is not None else _end(past.events)
    dataset = build_dataset(past, config)
    rows, answers = _answers(truth, dataset)
    if not len(rows):
        nobody = "no customer has both a past and a choice after it"
        raise InvalidInput("--interactions" if test_from is None else "--test-from", nobody)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])
    queries = ask(dataset, rows[drawn], now)
    owned = owned_items(queries.histories, event, len(dataset.catalogue))
    return Split(dataset, past, now, Heldout(queries, csr_array(answers[drawn]), owned))


def ask(dataset: Dataset, users: NDArray[np.intp], now: int) -> Queries:
    """Return one question for the home page by each of ``users`` (rows of the dataset) at ``now``."""
    histories, tags = dataset.histories.take(users), csr_array(dataset.declared[users])
    return Queries.about_nothing(histories, now, tags, len(dataset.catalogue))


def _last_choices(tables: Tables, event: int) -> tuple[Tables, pa.Table]:
    """Return what came before each customer's last choice, and these; who did nothing before it keeps it.

    Before means before the visit first touched the item: who put it into the cart a minute ago has chosen already.
    """
    return _parted(
        tables,
        f"""SELECT event_id, user_id, item_id, timestamp
            FROM (SELECT *, min(timestamp) FILTER (WHERE item_id IS NOT NULL) OVER (PARTITION BY user_id) AS first,
                         min(timestamp) OVER (PARTITION BY user_id, item_id, visit) AS touched FROM visited)
            WHERE code = {event}
            QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY timestamp DESC, item_id DESC) = 1
            AND first < touched""",
        """SELECT held.user_id, min(visited.timestamp) AS moment FROM held
           JOIN visited AS last ON last.event_id = held.event_id
           JOIN visited ON visited.user_id = held.user_id AND visited.item_id = held.item_id
            AND visited.visit = last.visit
           GROUP BY ALL""",
        "coalesce(timestamp < moment, true)",
    )


def _first_baskets(tables: Tables, event: int, test_from: int) -> tuple[Tables, pa.Table]:
    """Return what happened before ``test_from``, and what each customer chose first from then on.

    That is an order: lines with one ``order_id``, or, where there is none, those of one visit.
    """
    cut = f"make_timestamptz({test_from * 1_000_000}::BIGINT)"
    return _parted(
        tables,
        f"""SELECT event_id, user_id, item_id, timestamp FROM visited WHERE code = {event} AND timestamp >= {cut}
            WINDOW since AS (PARTITION BY user_id ORDER BY timestamp, order_id)
            QUALIFY CASE WHEN first_value(order_id) OVER since IS NULL
                    THEN order_id IS NULL AND visit = first_value(visit) OVER since
                    ELSE order_id = first_value(order_id) OVER since END""",
        f"SELECT DISTINCT user_id, {cut} AS moment FROM held",
        f"timestamp < {cut}",
    )


def _parted(tables: Tables, held: str, moments: str, past: str) -> tuple[Tables, pa.Table]:
    """Return the events that ``past`` lets through and the ones that the query ``held`` takes for truth."""
    with connect() as connection:
        connection.register("given", tables.events.append_column("code", pa.array(event_codes(tables.events["event"]))))
        connection.execute(
            f"""CREATE TEMP TABLE visited AS
                SELECT * EXCLUDE (pause), sum(pause) OVER (PARTITION BY user_id ORDER BY timestamp) AS visit
                FROM (SELECT *, coalesce(epoch(timestamp - lag(timestamp) OVER visits) > {PAUSE}, true)::INT AS pause
                      FROM given WINDOW visits AS (PARTITION BY user_id ORDER BY timestamp))"""
        )
        connection.execute(f"CREATE TEMP TABLE held AS {held}")
        connection.execute(f"CREATE TEMP TABLE moments AS {moments}")
        before = connection.sql(
            f"SELECT visited.* EXCLUDE (code, visit) FROM visited LEFT JOIN moments USING (user_id) WHERE {past}"
        ).to_arrow_table()
        truth = connection.sql("SELECT DISTINCT user_id, item_id FROM held ORDER BY ALL").to_arrow_table()
        return Tables.of(before, tables.items, tables.users), truth


def _end(events: pa.Table) -> int:
    """Return the second after the last event."""
    last = pc.max(events["timestamp"]).as_py()
    if last is None:
        raise InvalidInput("--interactions", "there are no events")
    return int(last.timestamp()) + 1


def _answers(truth: pa.Table, dataset: Dataset) -> tuple[NDArray[np.intp], csr_array]:
    """Return the rows of customers with a past, and (B × at least N) what each of them chose."""
    users = dataset.users.rows(truth["user_id"].to_pylist())
    items = dataset.catalogue.items.rows(truth["item_id"].to_pylist()).astype(np.int64)
    strange = items < 0
    items[strange] = len(dataset.catalogue) + np.arange(strange.sum())
    active = np.diff(dataset.histories.indptr) > 0
    known = np.append(active, False)[users]  # −1, who is unknown, is the one behind the last
    rows, at = np.unique(users[known], return_inverse=True)
    shape = (len(rows), len(dataset.catalogue) + int(strange.sum()))
    answers = csr_array((np.ones(known.sum(), np.bool_), (at, items[known])), shape=shape)
    return rows.astype(np.intp), answers
