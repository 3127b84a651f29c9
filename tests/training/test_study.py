"""What the report says of cold items."""

import pytest

from tests.training.shop import CONFIG, shop_tables
from training.heldout import split
from training.report import OURS
from training.study import FEWEST, Plan, cold_items


def test_of_items_that_nobody_had_tags_tell_who_will_choose_them_where_popularity_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.study.COLD_SHARE", 0.2)
    plan = Plan("leave-one-out", None, (1,), 1_000)
    parts = split(shop_tables(200), CONFIG, plan.protocol, plan.test_from, CONFIG.seed, plan.customers)
    rows = {row.system: row for row in cold_items(parts.past, parts.now, parts.heldout, CONFIG, plan)}
    assert set(rows) == {OURS, "popularity"}
    for row in rows.values():
        assert (row.task, row.group) == ("discovery", "items without events, among themselves")
        assert FEWEST <= row.customers < len(parts.heldout)
    assert rows[OURS].figures["HR@1"].low > rows["popularity"].figures["HR@1"].high
