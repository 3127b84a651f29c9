"""From tables to the dataset."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import build_dataset
from features.tables import EVENTS, Tables
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.values import EARLIEST, LATEST, EventType


def event(user: str, item: str | None, name: str, second: float, **more: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp(second, UTC)
    return {"user_id": user, "item_id": item, "event": name, "timestamp": moment, "quantity": 1.0, **more}


def dataset(
    events: list[dict[str, Any]], items: list[dict[str, Any]] | None = None, users: list[dict[str, Any]] | None = None
) -> Dataset:
    def table(rows: list[dict[str, Any]] | None) -> pa.Table | None:
        return pa.Table.from_pylist(rows, None) if rows else None

    log = pa.Table.from_pylist([{"event_id": str(n), **row} for n, row in enumerate(events)], EVENTS)
    return build_dataset(Tables.of(log, table(items), table(users)), Config())


def test_nothing_at_all_is_an_empty_dataset() -> None:
    empty = dataset([])
    assert (len(empty.users), len(empty.catalogue), len(empty.histories)) == (0, 0, 0)
    assert empty.declared.shape == (0, 0)


def test_histories_are_by_user_and_oldest_first() -> None:
    data = dataset(
        [
            event("ü", "b", "purchase", 20, quantity=2.0, price=1.5),
            event("a", "b", "view_item", 10.4),
            event("ü", "a", "view_item", 5),
        ]
    )
    assert list(data.users) == ["a", "ü"]
    assert data.histories.indptr.tolist() == [0, 1, 3]
    assert data.histories.item.tolist() == [1, 0, 1]
    assert data.histories.time.tolist() == [10, 5, 20]
    assert data.histories.event.tolist() == [EventType.VIEW_ITEM, EventType.VIEW_ITEM, EventType.PURCHASE]
    assert data.histories.quantity.tolist() == [1, 1, 2]
    assert np.isnan(data.histories.price).tolist() == [True, True, False]


def test_events_of_one_moment_stand_in_the_order_of_the_funnel() -> None:
    names = ["purchase", "view_item", "add_to_cart"]
    data = dataset([event("u", "i", name, 7) for name in names])
    assert data.histories.event.tolist() == [EventType.VIEW_ITEM, EventType.ADD_TO_CART, EventType.PURCHASE]


def test_milliseconds_decide_the_order_within_a_second() -> None:
    data = dataset([event("u", "a", "view_item", 7.9), event("u", "b", "view_item", 7.1)])
    assert data.histories.item.tolist() == [1, 0]
    assert data.histories.time.tolist() == [7, 7]


def test_items_of_the_catalogue_and_of_events_are_rows() -> None:
    data = dataset([event("u", "seen", "view_item", 9)], items=[{"item_id": "new"}], users=[{"user_id": "quiet"}])
    assert list(data.catalogue.items) == ["new", "seen"]
    assert list(data.users) == ["quiet", "u"]
    assert data.catalogue.first_seen.tolist() == [EARLIEST, 9]
    assert data.catalogue.in_stock.all()
    assert list(data.catalogue.properties) == ["{}", "{}"]


def test_events_without_item_and_unknown_events_are_kept_apart() -> None:
    data = dataset([event("u", None, "search", 1), event("u", "i", "Shaken", 2)])
    assert data.histories.event.tolist() == [EventType.OTHER]
    assert list(data.catalogue.items) == ["i"]


def test_who_says_no_is_not_learned_from() -> None:
    events = [event(one, f"of {one}", "view_item", 1) for one in ("yes", "declared", "chose", "both")]
    events.append(event("yes", "c", "view_item", 2, consent=False))
    users = [
        {"user_id": "yes", "consent_personalization": True, "personalize": True},
        {"user_id": "declared", "consent_personalization": False},
        {"user_id": "chose", "personalize": False, "tags": ["camping"]},
        {"user_id": "both", "consent_personalization": False, "personalize": True},
    ]
    data = dataset(events, users=users)
    assert [data.catalogue.items[row] for row in data.histories.item] == ["of yes"]
    assert list(data.catalogue.items) == ["of yes"]
    assert list(data.users) == ["yes"]


def test_catalogue_columns() -> None:
    soon = datetime(2030, 1, 1, tzinfo=UTC)
    item = {"item_id": "i", "title": "Tent", "tags": ["camping"], "category": "A>B", "brand": "Acme", "price": "9.90"}
    item |= {"in_stock": False, "hidden": True, "available_from": soon, "size": "XL", "weight": "2.5"}
    catalogue = dataset([event("u", "i", "view_item", 9)], items=[item]).catalogue
    assert catalogue.price.tolist() == [np.float32(9.9)]
    assert (catalogue.in_stock.tolist(), catalogue.hidden.tolist()) == ([False], [True])
    assert catalogue.available_from.tolist() == catalogue.first_seen.tolist() == [1_893_456_000]
    assert catalogue.available_until.tolist() == [LATEST]
    assert [catalogue.category.names[0], catalogue.category_top.names[0], catalogue.brand.names[0]] == [
        "A > B",
        "A",
        "Acme",
    ]
    assert catalogue.numbers["weight"].tolist() == [2.5]
    assert catalogue.texts["size"].names[0] == "XL"
    assert orjson.loads(catalogue.properties[0]) == {
        "title": "Tent",
        "tags": ["camping"],
        "category": "A > B",
        "brand": "Acme",
        "price": "9.90",
        "available_from": "2030-01-01T00:00:00Z",
        "size": "XL",
        "weight": 2.5,
    }


def test_numbers_too_large_to_hold_are_as_large_as_can_be_held() -> None:
    items = [{"item_id": one, "weight": weight} for one, weight in (("a", "-1e300"), ("b", None), ("c", "1e300"))]
    most = np.finfo(np.float32).max
    assert np.array_equal(dataset([], items).catalogue.numbers["weight"], [-most, np.nan, most], equal_nan=True)


def test_properties_stay_with_their_item_whatever_the_columns_are_called() -> None:
    items = [
        {"#": 3 - number, "item_id": one, "title": one.upper(), "Title": f"T{one}", "c0": "x", 'a "b"': number}
        for number, one in enumerate("abc")
    ]
    shown = [orjson.loads(text) for text in dataset([], items).catalogue.properties]
    assert shown == [
        {"title": one.upper(), "Title": f"T{one}", "#": 3 - number, "c0": "x", 'a "b"': number}
        for number, one in enumerate("abc")
    ]


def test_codes_that_look_like_numbers_beyond_all_bounds_are_text() -> None:
    catalogue = dataset([], [{"item_id": "a", "code": "12e456"}, {"item_id": "b", "code": "2"}]).catalogue
    assert "code" not in catalogue.numbers
    assert [orjson.loads(text) for text in catalogue.properties] == [{"code": "12e456"}, {"code": "2"}]


def test_declared_tags_are_found_whatever_their_case() -> None:
    data = dataset(
        [event("u", "i", "view_item", 1)],
        items=[{"item_id": "i", "tags": ["Camping", "vegan"]}],
        users=[{"user_id": "u", "tags": ["camping", "unheard of"]}, {"user_id": "v", "tags": None}],
    )
    assert [data.catalogue.tag_names[int(code)] for code in data.declared.indices] == ["tag:Camping"]
    assert data.declared.toarray().sum(axis=1).tolist() == [1, 0]


rows = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["view_item", "purchase"]), st.integers(0, 5)
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_log_says_nothing(events: list[tuple[str, str, str, int]], random: Any) -> None:
    shuffled = events.copy()
    random.shuffle(shuffled)
    first, second = (dataset([event(*row) for row in part]).histories for part in (events, shuffled))
    for name in ("indptr", "item", "event", "time"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()


@settings(max_examples=40)
@given(rows)
def test_histories_agree_with_a_plain_sort(events: list[tuple[str, str, str, int]]) -> None:
    data = dataset([event(*row) for row in events])
    plain = sorted((u, t, name == "purchase", i) for u, i, name, t in events)
    found = [
        (data.users[int(user)], int(time), bool(kind == EventType.PURCHASE), data.catalogue.items[int(item)])
        for user, time, kind, item in zip(
            data.histories.customer(), data.histories.time, data.histories.event, data.histories.item, strict=True
        )
    ]
    assert found == plain
