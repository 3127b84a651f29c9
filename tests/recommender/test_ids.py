"""Ids to rows and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.ids import ChangedTexts, GrownIdMap, IdMap, Texts

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), max_size=12)


@given(texts)
def test_ids_stand_once_in_byte_order(ids: list[str]) -> None:
    found = IdMap.of(ids)
    assert list(found) == sorted(set(ids), key=str.encode)
    assert [found.row(one) for one in found] == list(range(len(found)))


@given(texts, texts, texts)
def test_a_grown_map_keeps_rows_and_adds_in_order(first: list[str], second: list[str], third: list[str]) -> None:
    base = IdMap.of(first)
    grown = GrownIdMap.grow(GrownIdMap.grow(base, second), third)
    expected = [*base, *(one for one in dict.fromkeys([*second, *third]) if base.row(one) < 0)]
    assert list(grown) == [grown[row] for row in range(len(grown))] == expected
    assert [grown.row(one) for one in expected] == list(range(len(expected)))
    assert grown.rows(expected).tolist() == list(range(len(expected)))
    assert grown.row("an id longer than any") == -1


@given(texts, texts, texts)
def test_many_ids_are_found_at_once(first: list[str], second: list[str], asked: list[str]) -> None:
    grown = GrownIdMap.grow(IdMap.of(first), second)
    wanted = [*asked, *first, *asked, *second]
    assert grown.rows(wanted).tolist() == [grown.row(one) for one in wanted]


@given(texts, texts, st.text(st.sampled_from("ab é"), min_size=1, max_size=2))
def test_prefixes_find_grown_ids_too(first: list[str], second: list[str], prefix: str) -> None:
    grown = GrownIdMap.grow(IdMap.of(first), second)
    assert [grown[int(row)] for row in grown.starting(prefix)] == [one for one in grown if one.startswith(prefix)]


@given(
    texts,
    texts,
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=2),
    st.integers(1, 6),
    st.data(),
)
def test_pages_follow_byte_order(
    first: list[str], second: list[str], after: str | None, most: int, data: st.DataObject
):
    grown = GrownIdMap.grow(IdMap.of(first), second)
    among = np.array(data.draw(st.lists(st.booleans(), min_size=len(grown), max_size=len(grown))), np.bool_)
    wanted = sorted((one for one, shown in zip(grown, among, strict=True) if shown), key=str.encode)
    behind = [one for one in wanted if after is None or one.encode() > after.encode()]
    assert [grown[row] for row in grown.following(after, among, most)] == behind[:most]


def test_growing_by_nothing_is_the_same_map() -> None:
    ids = IdMap.of(["a"])
    assert GrownIdMap.grow(ids, ["a"]) is ids


@given(texts, st.dictionaries(st.integers(0, 11), st.text(max_size=3), max_size=4))
def test_changed_texts_stand_over_the_old_ones(before: list[str], changed: dict[int, str]) -> None:
    changed = {row: text for row, text in changed.items() if row < len(before)}
    column = ChangedTexts.change(Texts.of(before), {**changed, len(before): "new"}, len(before) + 1)
    expected = [changed.get(row, text) for row, text in enumerate(before)] + ["new"]
    assert list(column) == [column[row] for row in range(len(column))] == expected
