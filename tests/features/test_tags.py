"""The item × tag matrix."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.tables import ITEMS, conform
from features.tags import category_levels, category_path, item_tags, price_band
from recommender.config import ContentSettings


def tagged(rows: list[dict[str, object]], settings: ContentSettings | None = None) -> list[dict[str, float]]:
    names = dict.fromkeys(name for row in rows for name in row)
    items = conform(pa.table({name: [row.get(name) for row in rows] for name in names}), ITEMS)
    attributes = {name: items[name].combine_chunks() for name in items.column_names if name not in ITEMS.names}
    matrix, tag_names = item_tags(items, attributes, settings or ContentSettings())
    dense, columns = matrix.toarray(), list(tag_names)
    return [{columns[t]: float(row[t]) for t in np.flatnonzero(row)} for row in dense]


def test_every_kind_of_tag_is_there() -> None:
    boots = {"item_id": "1", "title": "Red boots", "description": "warm", "tags": ["hiking"], "category": "Shoes>Boots"}
    boots |= {"brand": "Acme", "price": "10", "size": "41|42", "item": "x"}
    socks = {"item_id": "2", "title": "Red socks", "description": "warm", "category": "Shoes", "size": "42"}
    first, second = tagged([boots, socks])
    assert set(first) == {
        "tag:hiking", "category:Shoes", "category:Shoes > Boots", "brand:Acme", "price_band:1", "attribute:size=42",
        "word:red", "word:warm",
    }  # fmt: skip
    assert set(second) == {"category:Shoes", "attribute:size=42", "word:red", "word:warm"}


def test_weights_are_inverse_document_frequencies_of_length_one() -> None:
    first, second = tagged([{"item_id": "1", "tags": ["a", "b"]}, {"item_id": "2", "tags": ["a", "a"]}])
    a, b = np.log1p(2 / 2), np.log1p(2 / 1)
    length = np.hypot(a, b)
    assert first == pytest.approx({"tag:a": a / length, "tag:b": b / length})
    assert second == pytest.approx({"tag:a": 1.0})


def test_words_on_nearly_every_item_are_stop_words_and_tags_are_not() -> None:
    rows = [{"item_id": str(n), "title": f"the thing{n % 10}", "tags": ["all"]} for n in range(100)]
    assert set(tagged(rows)[0]) == {"tag:all", "word:thing0"}


def test_words_can_be_turned_off() -> None:
    rows = [{"item_id": "1", "title": "red", "brand": "B"}, {"item_id": "2", "title": "red"}]
    assert tagged(rows, ContentSettings(words=False)) == [{"brand:B": 1.0}, {}]


def test_no_items_have_no_tags() -> None:
    matrix, names = item_tags(ITEMS.empty_table(), {}, ContentSettings())
    assert matrix.shape == (0, 0)
    assert len(names) == 0


@pytest.mark.parametrize(
    ("given_path", "path"),
    [
        ("A > B", "A > B"),
        ("A>B", "A > B"),
        (" A  >  > B > ", "A > B"),
        (">", None),
        ("", None),
        (None, None),
        ("A", "A"),
    ],
)
def test_a_category_is_written_one_way(given_path: str | None, path: str | None) -> None:
    assert category_path(pa.array([given_path], pa.string())).to_pylist() == [path]


def test_a_category_counts_on_every_level() -> None:
    row, level = category_levels(pa.array(["A > B > C", None, "A", "A > B > C"]))
    assert row.tolist() == [0, 0, 0, 2, 3, 3, 3]
    assert level.to_pylist() == ["A", "A > B", "A > B > C", "A", "A", "A > B", "A > B > C"]


def test_price_bands_are_fifths_within_the_group_and_equal_prices_share_one() -> None:
    price = np.array([1, 2, 3, 4, 5, 100, 200, 7, 7], np.float32)
    group = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2], np.int32)
    assert price_band(price, group).tolist() == [1, 2, 3, 4, 5, 1, 3, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1.0, 2.0, 3.5, 8.0])), max_size=30))
def test_price_bands_agree_with_a_plain_count(rows: list[tuple[int, float]]) -> None:
    price, group = np.array([p for _, p in rows], np.float32), np.array([g for g, _ in rows], np.int32)
    cheaper = [sum(h == g and q < p for h, q in rows) for g, p in rows]
    size = [sum(h == g for h, _ in rows) for g, _ in rows]
    assert price_band(price, group).tolist() == [1 + 5 * c // s for c, s in zip(cheaper, size, strict=True)]


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.fixed_dictionaries({"title": texts, "category": texts, "brand": texts, "size": texts}), max_size=6))
def test_rows_have_length_one_or_none_at_all(rows: list[dict[str, object]]) -> None:
    for tags in tagged([{"item_id": str(n), **row} for n, row in enumerate(rows)]):
        assert not tags or np.isclose(np.linalg.norm(list(tags.values())), 1, atol=1e-5)
