"""What the shop changed is known field by field, and the newest of it is found without looking at the rest."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from serving.catalogue_updates import KnownChanges
from serving.ports import CatalogueChanges
from serving.stream import StreamId

FIELDS = st.dictionaries(st.sampled_from(["price", "title"]), st.integers(0, 9), min_size=1)
CALLS = st.lists(st.dictionaries(st.sampled_from("abc"), FIELDS, min_size=1), max_size=8)


def told(revision: int, items: dict[str, dict[str, Any]]) -> CatalogueChanges:
    logged = {item: dict.fromkeys(fields, StreamId(revision, 0)) for item, fields in items.items()}
    return CatalogueChanges(revision, items, dict.fromkeys(items, revision), logged)


@given(CALLS, st.integers(0, 8))
def test_after_a_revision_come_the_items_that_changed_since_with_all_their_fields(
    calls: list[dict[str, dict[str, Any]]], revision: int
) -> None:
    known, fields, since = KnownChanges(), {}, {}
    for number, items in enumerate(calls, 1):
        known.add(told(number, items))
        for item, says in items.items():
            fields[item], since[item] = {**fields.get(item, {}), **says}, number
    found = known.after(revision)
    newer = {item: number for item, number in since.items() if number > revision}
    assert (found.revision, found.since) == (len(calls), newer)
    assert found.items == {item: fields[item] for item in newer}
    assert {item: logged.keys() for item, logged in found.logged.items()} == {
        item: fields[item].keys() for item in newer
    }
