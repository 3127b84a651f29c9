"""One customer tag in Redis: thirteen bytes, and the items that earned it."""

from struct import Struct

from features.tag_rules import CustomerTag, Earned
from recommender.times import DAY

_HEAD = Struct("<BeIeI")
HAND, EARNED, MUTED = 1, 2, 3
HEAVIEST = 65_504.0
"""The highest weight that is kept as it is."""
_PROVENANCE = {HAND: "hand", EARNED: "rule"}
_BETWEEN = "\x1f"
"""Stands between ids: a control character, so no id holds it."""
MOST_EVIDENCE = 3
MOST_TAGS = 200
"""Given by hand and muted, of one customer."""
FOREVER = float("inf")
MOST_DAYS = 65_504.0
"""The longest half-life that fits."""


def muted() -> bytes:
    """Return what stands for a tag that no behaviour may bring back."""
    return _HEAD.pack(MUTED, 0, 0, FOREVER, 0)


def given(weight: float, now: int) -> bytes:
    """Return a tag that somebody put on the customer; it stays until somebody takes it off."""
    return _HEAD.pack(HAND, weight, now, FOREVER, 0)


def earned(found: Earned) -> bytes:
    """Return a tag that a rule gave, for when the events that earned it are no longer kept."""
    tag, rule = found.tag, found.rule
    expires = int(min(tag.since + rule.expires_days * DAY, 2**32 - 1))
    evidence = _BETWEEN.join(tag.evidence[-MOST_EVIDENCE:]).encode()
    weight, half_life = min(rule.weight, HEAVIEST), min(rule.half_life_days, MOST_DAYS)
    return _HEAD.pack(EARNED, weight, tag.since, half_life, expires) + evidence


def is_muted(value: bytes) -> bool:
    """Return whether the value mutes its tag."""
    return value[0] == MUTED


def read(name: str, value: bytes, now: float) -> CustomerTag | None:
    """Return the tag as it is at ``now``; None where it is muted or has expired."""
    kind, weight, since, half_life, expires = _HEAD.unpack_from(value)
    if kind == MUTED or (expires and now > expires):
        return None
    evidence = tuple(filter(None, value[_HEAD.size :].decode().split(_BETWEEN)))
    faded = weight * 2.0 ** (-max(now - since, 0) / DAY / half_life)
    return CustomerTag(name, faded, _PROVENANCE[kind], since, evidence=evidence)
