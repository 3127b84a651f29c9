"""Earned tags as they are kept in Redis."""

from features.tag_rules import CustomerTag, Earned
from recommender.config import TagRule
from serving.adapters import tag_codec

FOREVER = TagRule(tag="camping", weight=1e9, half_life_days=float("inf"), expires_days=float("inf"))


def test_a_rule_without_end_can_be_kept() -> None:
    tag = CustomerTag("camping", 1.0, "rule", 1_000_000, rule="camping", evidence=("tent",))
    kept = tag_codec.read("camping", tag_codec.earned(Earned(tag, FOREVER)), 2_000_000_000)
    assert kept is not None
    assert (kept.name, kept.evidence) == ("camping", ("tent",))
    assert kept.weight > 1000
