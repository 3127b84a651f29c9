"""Lists for many customers of a made-up shop."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from features.histories import continued
from features.tables import ERASED, EVENTS, MERGES, conform
from recommender.bundle import Bundle
from recommender.errors import InvalidInput, UnknownPlacement
from recommender.lists import Ordered
from recommender.values import EventType, Histories
from tests.training.shop import tiny_bundle
from training.appraisal import ours
from training.audience import gather
from training.batch import ask_for, in_blocks, lists, owned_by
from training.privacy import UNDECIDED, Decisions


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


def events(*rows: tuple[str, str, int]) -> pa.Table:
    user, item, time = zip(*rows, strict=True)
    when = pa.array([t * 1000 for t in time], pa.timestamp("ms", "UTC"))
    kind = ["purchase"] * len(rows)
    return conform(pa.table({"user_id": user, "item_id": item, "timestamp": when, "event": kind}), EVENTS)


def made(bundle: Bundle, ids: list[str], later: pa.Table | None = None, *, repeat: bool | None = None) -> Ordered:
    queries = gather(bundle, ids, later).queries(bundle.info.data_until + 1)
    return lists(bundle, ask_for(bundle, "home", count=10, repeat=repeat), queries)


def test_everybody_gets_a_full_list_also_who_is_unknown(bundle: Bundle) -> None:
    found = made(bundle, ["u1", "nobody", "客户/🎈"])
    assert (found.rows >= 0).all()


def test_without_repeat_nothing_that_was_had_is_listed(bundle: Bundle) -> None:
    ids = list(bundle.users)
    found = made(bundle, ids, repeat=False)
    owned = owned_by(bundle, gather(bundle, ids, None).histories).toarray()
    rows = np.where(found.rows >= 0, found.rows, 0)
    assert not (owned[np.arange(len(ids))[:, None], rows] & (found.rows >= 0)).any()


def test_what_the_placement_pins_leads_everybodys_list_and_is_no_part_of_what_is_measured(bundle: Bundle) -> None:
    pins = tuple(bundle.catalogue.items[row] for row in (3, 1))
    queries = gather(bundle, ["u1", "nobody"], None).queries(bundle.info.data_until + 1)
    what = ask_for(bundle, "home", count=10)
    what = replace(what, placement=what.placement.model_copy(update={"pins": (pins[0], "no such item", pins[1])}))
    assert lists(bundle, what, queries).rows[:, :2].tolist() == [[3, 1], [3, 1]]
    placements = {**bundle.info.config.placements, "home": what.placement}
    config = bundle.info.config.model_copy(update={"placements": placements})
    pinning = replace(bundle, info=replace(bundle.info, config=config))
    assert ours(pinning, queries, 10).allowed.tolist() == ours(bundle, queries, 10).allowed.tolist()


def test_later_events_are_folded_in_and_excluded_without_repeat(bundle: Bundle) -> None:
    at = bundle.info.data_until
    before = made(bundle, ["guest"], repeat=False)
    first = bundle.catalogue.items[int(before.rows[0, 0])]
    after = made(bundle, ["guest"], events(("guest", first, at)), repeat=False)
    assert int(before.rows[0, 0]) not in after.rows[0]
    assert after.rows.tolist() != before.rows.tolist()


def test_later_events_with_unknown_items_are_counted(bundle: Bundle) -> None:
    audience = gather(bundle, ["u1", "guest"], events(("guest", "no such item", 1), ("u1", "staple-1", 2)))
    assert audience.left_out == 1
    assert audience.unknown == 1


def test_later_events_without_an_item_or_against_consent_are_no_part_of_it(bundle: Bundle) -> None:
    later = events(("guest", "staple-1", 1), ("guest", "staple-2", 2), ("guest", "staple-3", 3))
    later = later.set_column(later.column_names.index("consent"), "consent", pa.array([None, False, True]))
    item = pa.array(["staple-1", "staple-2", None])
    later = later.set_column(later.column_names.index("item_id"), "item_id", item)
    audience = gather(bundle, ["guest"], later)
    assert audience.left_out == 0
    assert [bundle.catalogue.items[int(row)] for row in audience.histories.item] == ["staple-1"]


def test_of_who_was_erased_or_refuses_nothing_earlier_is_used(bundle: Bundle) -> None:
    asked_at = bundle.info.data_until + 60
    erased = pa.table({"user_id": ["u1", "u2"], "erased_at": [asked_at * 1000, None]})
    decided = Decisions(conform(erased, ERASED), pa.array(["u3"]))
    later = events(*((one, "staple-1", at) for one in ("u1", "u2", "u3", "u4") for at in (asked_at, asked_at + 1)))
    audience = gather(bundle, ["u1", "u2", "u3", "u4", "nobody"], later, decided)
    counts = np.diff(audience.histories.indptr).tolist()
    assert counts[:3] + counts[4:] == [1, 0, 0, 0]
    assert counts[3] > 2
    assert (audience.unknown, audience.withheld.sum()) == (1, 3)
    declared = replace(bundle, declared=csr_array(np.ones((len(bundle.users), 2), np.float32)))
    tags = gather(declared, ["u1", "u2", "u3", "u4", "nobody"], later, decided).tags
    assert np.diff(tags.indptr).tolist() == [0, 0, 0, 2, 0]


def test_a_visitor_who_turned_out_to_be_a_customer_is_that_customer(bundle: Bundle) -> None:
    merges = pa.table({"visitor_id": ["v1", "v2"], "user_id": ["v2", "u1"]})
    decided = replace(UNDECIDED, merges=conform(merges, MERGES), refusing=pa.array(["u3"]))
    later = events(("v1", "staple-1", bundle.info.data_until), ("v3", "staple-2", bundle.info.data_until))
    audience = gather(bundle, ["v1", "u1", "u2", "v3", "u3"], later, decided)
    theirs = [set(part.tolist()) for part in np.split(audience.histories.time, audience.histories.indptr[1:-1])]
    assert theirs[0] == theirs[1] >= {bundle.info.data_until}
    assert bundle.info.data_until not in theirs[2]
    assert (len(theirs[0]) > 2, audience.unknown) == (True, 1)
    some = audience.open_to_us()
    assert list(some.ids) == ["v1", "u1", "u2", "v3"]
    assert len(some.queries(0)) == len(some.tags.indptr) - 1 == 4


def test_what_a_visitor_refused_holds_after_they_turned_out_to_be_a_customer(bundle: Bundle) -> None:
    merges = conform(pa.table({"visitor_id": ["v1"], "user_id": ["u1"]}), MERGES)
    at = bundle.info.data_until + 60
    for decided in (
        Decisions(refusing=pa.array(["v1"]), merges=merges),
        Decisions(conform(pa.table({"user_id": ["v1"], "erased_at": [at * 1000]}), ERASED), merges=merges),
    ):
        later = events(("v1", "staple-1", at), ("u1", "staple-1", at - 10), ("u1", "staple-2", at - 5))
        audience = gather(bundle, ["v1", "u1"], later, decided)
        assert audience.withheld.tolist() == [True, False]
        visitor, customer = np.split(audience.histories.time, audience.histories.indptr[1:-1])
        assert len(visitor) == 0
        assert len(customer) > 2
        assert at not in customer


def test_several_processes_make_the_same_lists(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.batch.BLOCK", 16)
    ids = list(bundle.users)
    queries = gather(bundle, ids, None).queries(bundle.info.data_until + 1)
    what = ask_for(bundle, "home", count=5)
    alone, together = (
        Ordered.joined([part.lists for part in in_blocks(bundle, what, queries, processes=n)]) for n in (1, 2)
    )
    assert alone.rows.tolist() == together.rows.tolist()
    assert alone.score.tolist() == together.score.tolist()


def test_an_unknown_placement_is_named(bundle: Bundle) -> None:
    with pytest.raises(UnknownPlacement, match=r"without 'shelf' and knows buy_again, cart, home"):
        ask_for(bundle, "shelf")


def histories(*customers: list[tuple[int, int]]) -> Histories:
    rows = [row for customer in customers for row in customer]
    indptr = np.cumsum([0, *(len(customer) for customer in customers)])
    item, time = (np.array([row[at] for row in rows], np.int64) for at in (0, 1))
    one = np.ones(len(rows), np.float32)
    return Histories(indptr, item.astype(np.int32), np.full(len(rows), EventType.PURCHASE, np.int8), time, one, one)


def test_histories_join_in_order_of_time_and_what_is_in_both_counts_once() -> None:
    past = histories([(1, 10), (2, 30)], [], [(5, 1), (5, 1)])
    later = histories([(3, 20), (2, 30)], [(4, 5)], [(5, 1), (6, 0)])
    found = continued(past, later)
    assert found.indptr.tolist() == [0, 3, 4, 7]
    assert found.item.tolist() == [1, 3, 2, 4, 6, 5, 5]


def test_a_placement_about_items_on_a_page_has_no_lists_for_an_audience(bundle) -> None:
    with pytest.raises(InvalidInput, match="--placement: 'product' is about items on a page"):
        ask_for(bundle, "product")
