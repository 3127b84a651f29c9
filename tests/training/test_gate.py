"""What the gate lets through."""

from typing import Any

import pytest

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
    assert found.reason == "next: NDCG@10 is 0.0500 below popularity, beyond the interval (500 held-out customers)"


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


def test_a_few_customers_keep_nothing_back() -> None:
    """The interval of one customer is a point."""
    lost = metrics(0.1, popularity=-0.3)
    for asked, publish in ((1, True), (9, True), (10, False)):
        found = judge(lost | {"next": lost["next"] | {"customers": asked}}, metrics(0.4))
        assert found.publish == publish, asked
        assert (f"{asked} held-out customers are too few to judge by, it takes 10" in found.reason) == publish


def test_a_record_of_a_few_customers_is_no_bar() -> None:
    """A small shop's first bundle is published unjudged; its figure must not keep back all that follow."""
    first = metrics(1.0) | {"next": metrics(1.0)["next"] | {"customers": 1}}
    found = judge(metrics(0.3, popularity=0.1), first)
    assert (found.publish, found.reason) == (True, "no worse than popularity on 500 held-out customers")
    assert not judge(metrics(0.3), metrics(1.0)).publish


def test_a_task_of_few_customers_says_nothing_beside_one_of_many() -> None:
    lost, fine = metrics(0.1, popularity=-0.3)["next"], metrics(0.3, popularity=0.1)
    assert judge(fine | {"discovery": lost | {"customers": 3}}, None).publish
    assert not judge(fine | {"discovery": lost | {"customers": 30}}, None).publish


@pytest.mark.parametrize(
    ("ours", "theirs", "publish"),
    [
        ((0.024, 0.0, 0.073), (0.222, 0.054, 0.413), False),  # the intervals overlap: a ninth of what was reached
        ((0.159, 0.05, 0.30), (0.232, 0.10, 0.38), True),
        ((0.190, 0.18, 0.20), (0.205, 0.195, 0.215), False),
        ((0.195, 0.185, 0.205), (0.205, 0.195, 0.215), True),
    ],
)
def test_by_the_record_the_difference_of_the_means_decides(
    ours: tuple[float, ...], theirs: tuple[float, ...], publish: bool
) -> None:
    def recorded(values: tuple[float, ...]) -> dict[str, Any]:
        figures = {"tagalong": {FIGURE: dict(zip(("mean", "low", "high"), values, strict=True))}}
        return {"held_out": {"customers": 13}, "next": {"customers": 13, "figures": figures, "against": {}}}

    found = judge(recorded(ours), recorded(theirs))
    assert found.publish == publish, found.reason
    assert "13 held-out customers" in found.reason
