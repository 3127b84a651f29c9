"""What the gate lets through."""

from typing import Any

from training.gate import FIGURE, judge


def one(mean: float, spread: float = 0.01) -> dict[str, dict[str, float]]:
    return {FIGURE: {"mean": mean, "low": mean - spread, "high": mean + spread}}


def metrics(ours: float, **above: float) -> dict[str, Any]:
    """Return a manifest's metrics: our figure, and how far we are above each other system."""
    task = {
        "figures": {"tagalong": one(ours)},
        "against": {name.replace("_", " "): one(m) for name, m in above.items()},
    }
    return {"held_out": {"customers": 500}, "next": task, "discovery": {}}


def test_better_than_every_baseline_is_published() -> None:
    found = judge(metrics(0.2, popularity=0.1), None)
    assert found.publish
    assert found.reason == "no worse than popularity on 500 held-out customers"
    found = judge(metrics(0.2, popularity=0.1), metrics(0.2))
    assert found.reason == "no worse than popularity and the current bundle on 500 held-out customers"


def test_worse_than_a_baseline_beyond_the_interval_is_kept_with_the_reason() -> None:
    found = judge(metrics(0.1, popularity=-0.05), None)
    assert not found.publish
    assert found.reason == "next: NDCG@10 is 0.0500 below popularity, beyond the interval"


def test_a_loss_in_discovery_alone_is_a_loss() -> None:
    good = metrics(0.2, popularity=0.1)
    found = judge(good | {"discovery": metrics(0.1, popularity=-0.05)["next"]}, None)
    assert (found.publish, found.reason.partition(":")[0]) == (False, "discovery")
    record = good | {"discovery": metrics(0.3)["next"]}
    assert not judge(good | {"discovery": metrics(0.1, popularity=0.05)["next"]}, record).publish


def test_worse_within_the_interval_is_published() -> None:
    assert judge(metrics(0.1, popularity=-0.005), None).publish


def test_the_current_bundles_record_counts_where_it_has_seen_the_window() -> None:
    assert not judge(metrics(0.1, popularity=0.05), metrics(0.2)).publish
    assert judge(metrics(0.19, popularity=0.05), metrics(0.2)).publish


def test_the_paired_difference_to_the_current_bundle_counts_more_than_its_record() -> None:
    assert judge(metrics(0.1, current_bundle=0.0), metrics(0.2)).publish
    assert not judge(metrics(0.3, current_bundle=-0.1), metrics(0.2)).publish


def test_a_current_bundle_without_figures_is_no_obstacle() -> None:
    assert judge(metrics(0.1), {}).publish


def test_with_nothing_held_out_there_is_nothing_to_object_to() -> None:
    assert judge({}, metrics(0.2)).publish
