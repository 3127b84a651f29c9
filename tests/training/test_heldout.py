"""What is held out, on a log small enough to read."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from features.tables import Tables
from recommender.config import Config
from recommender.errors import InvalidInput
from recommender.times import DAY
from training.heldout import Split, SplitProtocol, split

LOG = [
    ("ann", "tea", 1 * DAY, "purchase"),
    ("ann", "cup", 2 * DAY, "purchase"),
    ("ann", "tea", 3 * DAY, "purchase"),
    ("ann", "pot", 4 * DAY, "view_item"),
    ("bob", "cup", 1 * DAY, "purchase"),
    ("bob", "tea", 5 * DAY, "purchase"),
    ("bob", "pot", 5 * DAY, "purchase"),
    ("bob", "cup", 6 * DAY, "purchase"),
    ("cat", "tea", 5 * DAY, "purchase"),
]


def tables(log: Sequence[tuple[str, str | None, int, str]] = LOG, orders: list[str | None] | None = None) -> Tables:
    user, item, time, event = zip(*log, strict=True)
    when = [datetime.fromtimestamp(t, UTC) for t in time]
    ids = [str(at) for at in range(len(log))]
    return Tables.of(
        pa.table(
            {
                "event_id": ids,
                "user_id": user,
                "item_id": item,
                "timestamp": when,
                "event": event,
                "order_id": pa.array(orders or [None] * len(log), pa.string()),
            }
        ),
        pa.table({"item_id": ["tea", "cup", "pot"]}),
    )


def answers(found: Split) -> list[set[str]]:
    truth, items = found.heldout.truth, list(found.past.catalogue.items)
    return [{items[i] for i in truth.indices[a:b]} for a, b in zip(truth.indptr, truth.indptr[1:], strict=False)]


def histories(found: Split) -> list[list[str]]:
    asked, items = found.heldout.queries.histories, list(found.past.catalogue.items)
    return [[items[i] for i in asked.item[a:b]] for a, b in zip(asked.indptr, asked.indptr[1:], strict=False)]


def held(protocol: SplitProtocol, test_from: int | None = None, most: int = 10) -> Split:
    return split(tables(), Config(), protocol, test_from, seed=7, most=most)


def test_leave_one_out_asks_for_the_last_choice_and_shows_nothing_after_it() -> None:
    found = held("leave-one-out")
    assert histories(found) == [["tea", "cup"], ["cup", "pot", "tea"]]
    assert answers(found) == [{"tea"}, {"cup"}]


def test_the_visit_that_leads_to_the_choice_is_not_shown() -> None:
    log = [("ann", "cup", 1, "view_item"), ("ann", "cup", 2, "purchase")]
    log += [("ann", "pot", 9_000, "view_item"), ("ann", "tea", 9_001, "add_to_cart"), ("ann", "tea", 9_002, "purchase")]
    assert histories(split(tables(log), Config(), "leave-one-out", None, seed=7, most=10)) == [["cup", "cup", "pot"]]


def test_who_looked_around_before_the_only_purchase_is_asked_as_well() -> None:
    log: list[tuple[str, str | None, int, str]] = [
        ("ann", "cup", 1, "view_item"), ("ann", "tea", 9_000, "purchase"), ("bob", "pot", 1, "view_item"),
    ]  # fmt: skip
    log += [("bob", "pot", 2, "purchase"), ("cat", "tea", 5, "purchase"), ("dan", "cup", 1, "view_item")]
    log += [("eve", None, 1, "search"), ("eve", "tea", 9_000, "purchase")]
    found = split(tables(log), Config(), "leave-one-out", None, seed=7, most=10)
    assert (histories(found), answers(found)) == ([["cup"]], [{"tea"}])
    assert {found.past.users[row] for row in found.past.histories.customer()} == {"ann", "bob", "cat", "dan", "eve"}


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (["7", "7", "7", "8"], {"tea", "pot", "cup"}),
        (["7", "8", "7", "7"], {"tea", "cup", "jar"}),
        ([None] * 4, {"tea", "pot", "cup"}),
        ([None, "7", None, None], {"tea", "cup"}),
    ],
)
def test_the_lines_of_one_order_or_else_of_one_visit_are_one_basket(
    orders: list[str | None], expected: set[str]
) -> None:
    """A till gives each line a time of its own; the last line comes an hour later."""
    times = [9 * DAY, 9 * DAY + 1, 9 * DAY + 60, 9 * DAY + 3_700]
    items = ["tea", "pot", "cup", "jar"]
    log = [("ann", "cup", DAY, "purchase"), ("ann", "jar", DAY, "purchase")]
    log += [("ann", item, time, "purchase") for item, time in zip(items, times, strict=True)]
    found = split(tables(log, [None, None, *orders]), Config(), "temporal", 5 * DAY, seed=7, most=10)
    assert answers(found) == [expected]


def test_temporal_asks_for_the_first_basket_of_customers_with_a_past() -> None:
    found = held("temporal", 5 * DAY)
    assert histories(found) == [["cup"]]
    assert answers(found) == [{"tea", "pot"}]
    assert found.now == 5 * DAY


def test_no_event_after_the_cut_reaches_the_past() -> None:
    found = held("temporal", 5 * DAY)
    assert found.past.histories.time.max() == 4 * DAY
    assert found.past.catalogue.first_seen.max() == 4 * DAY


def test_what_was_had_is_what_was_chosen_before() -> None:
    had = held("leave-one-out").heldout.owned.toarray() > 0
    assert had.tolist() == [[True, False, True], [True, True, True]]


def test_a_sample_has_the_same_columns() -> None:
    found = held("leave-one-out", most=1)
    assert len(found.heldout) == 1
    assert found.heldout.truth.shape[1] == found.heldout.owned.shape[1] == 3


def test_an_item_that_the_past_does_not_know_is_a_miss_that_counts() -> None:
    log = [*LOG, ("bob", "new", 7 * DAY, "purchase")]
    found = split(tables(log), Config(), "leave-one-out", None, seed=7, most=10)
    bob = found.heldout.truth.toarray()[1]
    assert np.flatnonzero(bob).tolist() == [3]


def test_the_temporal_protocol_needs_its_moment() -> None:
    with pytest.raises(InvalidInput, match="--test-from"):
        held("temporal")


def test_nobody_left_to_ask_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no customer"):
        held("temporal", 100 * DAY)
    with pytest.raises(InvalidInput, match="no customer"):
        held("temporal", -100 * DAY)
