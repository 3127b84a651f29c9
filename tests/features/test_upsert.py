"""The first event of an id, the last word on an item."""

import pyarrow as pa

from features.tables import EVENTS, ITEMS, conform
from features.upsert import different, first_of_each, upsert


def items(*rows: dict[str, object]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return conform(pa.table({name: [row.get(name) for row in rows] for name in names}), ITEMS)


def test_the_first_event_of_an_id_counts() -> None:
    rows = [{"event_id": one, "user_id": user} for one, user in [("b", "1"), ("a", "2"), ("b", "3"), ("a", "4")]]
    kept = first_of_each(conform(pa.Table.from_pylist(rows), EVENTS))
    assert kept["user_id"].to_pylist() == ["1", "2"]


def test_a_later_row_wins_cell_by_cell_and_an_empty_cell_says_nothing() -> None:
    old = items({"item_id": "1", "title": "Tent", "price": "9"}, {"item_id": "2", "title": "Mat"})
    new = items({"item_id": "3"}, {"item_id": "1", "price": "8", "colour": "green"}, {"item_id": "1", "brand": "B"})
    merged = upsert([old, new], ITEMS).select(["item_id", "title", "price", "brand", "colour"])
    assert merged.to_pylist() == [
        {"item_id": "1", "title": "Tent", "price": "8", "brand": "B", "colour": "green"},
        {"item_id": "2", "title": "Mat", "price": None, "brand": None, "colour": None},
        {"item_id": "3", "title": None, "price": None, "brand": None, "colour": None},
    ]


def test_bringing_rows_twice_changes_nothing() -> None:
    old = items({"item_id": "1", "title": "Tent", "tags": ["a"]})
    new = items({"item_id": "1", "title": "Big tent"}, {"item_id": "2"})
    once = upsert([old, new], ITEMS)
    assert upsert([once, new], ITEMS).equals(once)


def test_nothing_is_an_empty_table() -> None:
    assert upsert([], ITEMS).equals(ITEMS.empty_table())


def test_what_differs_is_counted_by_row_also_in_columns_without_a_value() -> None:
    old = items({"item_id": "1", "tags": ["a", "b"], "shelf": None}, {"item_id": "2", "hidden": True}, {"item_id": "3"})
    empty = {"shelf": pa.nulls(3), "more": pa.nulls(3)}
    assert old.schema.field("shelf").type == pa.null()
    for changed, expected in (
        ({}, 0),
        (empty, 0),
        ({"shelf": pa.array(["x", None, None])}, 1),
        ({"tags": pa.array([["a|b"], None, []], pa.list_(pa.string()))}, 2),
        ({"hidden": pa.array([False, True, None]), "more": pa.array([None, None, "y"])}, 2),
    ):
        new = pa.table({**{name: old[name] for name in old.column_names}, **changed})
        assert different(old, new) == expected, changed
