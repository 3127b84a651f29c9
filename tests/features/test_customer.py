"""RFM, stage and price level of customers with known histories."""

import numpy as np

from features.customer import STAGES, TIERS, summaries, summary
from recommender.times import DAY
from recommender.values import EventType, Histories

VIEW, BUY, REFUND = EventType.VIEW_ITEM, EventType.PURCHASE, EventType.REFUND


def one(*events: tuple[EventType, int, float]) -> Histories:
    kind, day, price = (np.array([e[i] for e in events]) for i in range(3))
    ones = np.ones(len(events), np.float32)
    return Histories(
        np.array([0, len(events)]),
        np.zeros(len(events), np.int32),
        kind.astype(np.int8),
        (day * DAY).astype(np.int64),
        ones,
        price.astype(np.float32),
    )


def test_money_counts_purchases_less_refunds_and_lines_of_one_time_are_one_order() -> None:
    found = summary(one((BUY, 0, 10.0), (BUY, 0, 20.0), (BUY, 5, 30.0), (REFUND, 6, 30.0)), 10 * DAY, 250.0)
    assert (found["orders"], found["spent"], found["typical_price"], found["recency_days"]) == (2, 30.0, 20.0, 5.0)


def test_lines_that_a_till_rang_up_one_by_one_are_one_order_and_an_unpriced_refund_gives_back_what_was_paid() -> None:
    seconds = np.array([0, 60, 120, 5 * DAY, 5 * DAY + 30])
    items = np.array([0, 1, 2, 0, 0], np.int32)
    kinds = np.array([BUY, BUY, BUY, BUY, REFUND], np.int8)
    prices = np.array([1.0, 2.0, 4.0, 8.0, np.nan], np.float32)
    log = Histories(np.array([0, 5]), items, kinds, seconds, np.ones(5, np.float32), prices)
    found = summary(log, 10 * DAY, 250.0)
    assert (found["orders"], found["spent"]) == (2, 7.0)


def test_stages_follow_a_customers_life() -> None:
    def stage(*events: tuple[EventType, int, float], now: int = 400) -> str:
        return str(summary(one(*events), now * DAY, 250.0)["stage"])

    assert summary(Histories.empty(), 0, 250.0)["stage"] == "unknown"
    assert stage((VIEW, 399, 1)) == "visitor"
    assert summary(one((VIEW, 399, 1)), 400 * DAY, 250.0)["recency_days"] is None
    assert stage((BUY, 390, 1)) == "new"
    assert stage((BUY, 300, 1), (BUY, 390, 1)) == "active"
    assert stage(*((BUY, 300 + 20 * i, 1) for i in range(5))) == "loyal"
    assert stage((BUY, 300, 1)) == "at_risk"
    assert stage((BUY, 100, 1)) == "lapsed"


def test_a_tier_is_how_many_of_recency_frequency_and_money_are_good() -> None:
    best = one(*((BUY, 10 * i, 100.0) for i in range(6)))
    found = summaries(best, np.array([60 * DAY]), 500)
    assert TIERS[found.tier[0]] == "gold"
    assert TIERS[summaries(best, np.array([300 * DAY]), 1_000).tier[0]] == "bronze"
    assert STAGES[found.stage[0]] == "loyal"
