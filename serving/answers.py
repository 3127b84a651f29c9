"""A list as it goes out and as it is cached: the items are encoded once, the envelope is joined to them as bytes."""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple

import orjson

from recommender.catalogue import Catalogue
from recommender.values import Scored

HEAD = Struct("<8sqqq16s24s?")
ENVELOPE = (
    b'{"rec_id":"%b","placement":%b,"personalized":%b,"served_by":"%b","degraded":%b,"model":%b,'
    b'"items":%b,"generated_at":"%b","took_ms":%.3f}'
)


class Listed(NamedTuple):
    """A list that was made, and what must still be true for it to be shown again.

    Like all values that every request builds it is a named tuple: a frozen dataclass takes five times as long.
    """

    token: bytes
    """Of the bundle and configuration that made it."""
    revision: int
    """Of the customer's state."""
    catalogue_revision: int
    """Of the shop's catalogue."""
    until: int
    """Seconds since 1970 at which it becomes too old."""
    list_id: bytes
    """Sixteen characters."""
    made_at: bytes
    """RFC 3339 with milliseconds, 24 characters."""
    personalized: bool
    """Something that is known of the customer was used, were it only to leave out what they have."""
    items: bytes
    """A JSON array."""

    def packed(self) -> bytes:
        """Return the bytes to cache."""
        return HEAD.pack(*self[:-1]) + self.items

    @classmethod
    def unpacked(cls, value: bytes) -> "Listed":
        """Read what ``packed`` wrote."""
        return cls._make((*HEAD.unpack_from(value), value[HEAD.size :]))

    def item_ids(self) -> list[str]:
        """Return the ids of its items, best first."""
        return [item["item_id"] for item in orjson.loads(self.items)]


class Answer(NamedTuple):
    """One answered request for a list."""

    listed: Listed
    rec_id: str
    placement: str
    served_by: str
    """``live``, ``cached``, ``stale`` (an older list, checked again) or ``popular``."""
    degraded: bool
    model: str | None
    """The bundle's id."""
    took: float
    """Seconds."""

    def encoded(self) -> bytes:
        """Return the JSON document."""
        return ENVELOPE % (
            self.rec_id.encode(),
            orjson.dumps(self.placement),
            b"true" if self.listed.personalized else b"false",
            self.served_by.encode(),
            b"true" if self.degraded else b"false",
            orjson.dumps(self.model),
            self.listed.items,
            self.listed.made_at,
            self.took * 1000,
        )


def encode_items(items: Iterable[Scored], catalogue: Catalogue, parts: frozenset[str]) -> bytes:
    """Return the JSON array of a list's items, ranks from 1."""
    return orjson.dumps([_item(rank, one, catalogue, parts) for rank, one in enumerate(items, 1)])


def _item(rank: int, one: Scored, catalogue: Catalogue, parts: frozenset[str]) -> dict[str, object]:
    shown: dict[str, object] = {
        "item_id": catalogue.items[one.row],
        "rank": rank,
        "score": one.score if one.score == one.score else None,
        "source": one.source,
    }
    if "reasons" in parts:
        shown["reasons"] = [{"code": r.code, "evidence": r.evidence} for r in one.reasons]
    if "contributions" in parts:
        shown["contributions"] = dict(one.contributions)
    if "properties" in parts:
        shown["properties"] = orjson.Fragment(catalogue.properties[one.row].encode() or b"{}")
    return shown


def renumbered(items: Sequence[dict[str, object]], first: int = 1) -> bytes:
    """Return the JSON array of items taken from other lists, with ranks from ``first``."""
    return orjson.dumps([{**item, "rank": rank} for rank, item in enumerate(items, first)])
