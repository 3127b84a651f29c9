"""Lists end to end: rules on every path, fallbacks, one customer as among many, reasons, and why not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recommender.catalogue import Coded
from recommender.config import Config, Diversity, Placement
from recommender.ids import IdMap
from recommender.lists import PINNED
from recommender.models.neighbours import DEPTH
from recommender.models.transitions import SIDES, TransitionModel
from recommender.pipeline import explain, order, rank, recommend
from recommender.policy import Rules
from recommender.ranking import allowed_by, gather
from recommender.reasons import MOST
from recommender.signals import ask_sources
from recommender.times import DAY
from recommender.values import EventType, Histories, Reason
from tests.recommender.checkerboard import CUSTOMERS, ITEMS, ask, dataset, histories, missing
from training.job import fit

NOTHING = csr_array((1, ITEMS), dtype=np.bool_)
HOME, FRESH, PINNING = Placement(), Placement(ranker="discovery"), Placement(pins=("i4",))


@pytest.fixture(scope="module")
def bundle():
    return fit(dataset(), Config(), now=10 * DAY, progress=lambda *_: None)


def bought(customers: np.ndarray) -> csr_array:
    log = dataset().histories.take(customers)
    return csr_array((np.ones(len(log.item), np.bool_), log.item, log.indptr), shape=(len(customers), ITEMS))


def test_without_repeats_the_missing_item_comes_first(bundle):
    everyone = np.arange(CUSTOMERS)
    rules = Rules(np.ones(ITEMS, np.bool_), bought(everyone), 3)
    found = order(bundle, FRESH, ask(dataset().histories), rules)
    assert found.rows[:, 0].tolist() == [missing(customer) for customer in range(CUSTOMERS)]


def test_one_customers_list_is_the_same_alone_and_in_a_batch(bundle):
    log = dataset().histories
    rules = Rules.none(CUSTOMERS, ITEMS, 5)
    together = order(bundle, HOME, ask(log), rules)
    for row in range(CUSTOMERS):
        alone = order(bundle, HOME, ask(log.take(np.array([row]))), Rules.none(1, ITEMS, 5))
        assert alone.rows[0].tolist() == together.rows[row].tolist()


@settings(max_examples=40, deadline=None)
@given(
    hidden=st.sets(st.integers(0, ITEMS - 1)),
    closed=st.sets(st.integers(0, ITEMS - 1)),
    events=st.lists(st.tuples(st.integers(0, ITEMS - 1), st.integers(1, 9)), max_size=6),
    count=st.integers(1, ITEMS + 2),
    placement=st.sampled_from([HOME, FRESH, *Config().placements.values()]),
    diverse=st.booleans(),
)
def test_a_list_holds_every_eligible_item_that_fits_and_no_other(
    bundle, hidden, closed, events, count, placement, diverse
):
    if not placement.fallback:
        placement = placement.model_copy(update={"fallback": ("catalogue",)})
    eligible = np.array([row not in hidden for row in range(ITEMS)])
    cells = ([0] * len(closed), sorted(closed))
    excluded = csr_array((np.ones(len(closed), np.bool_), cells), shape=(1, ITEMS))
    log = histories([sorted(events, key=lambda pair: pair[1])])
    rules = Rules(eligible, excluded, count, diversity=Diversity(most=1, window=2) if diverse else None)
    found = order(bundle, placement, ask(log), rules)
    shown = found.rows[0][found.rows[0] >= 0].tolist()
    allowed = set(range(ITEMS)) - hidden - closed
    assert len(shown) == len(set(shown)) == min(count, len(allowed))
    assert set(shown) <= allowed
    assert (np.diff(found.score[0][: len(shown)]) <= 0).all() or diverse


@settings(max_examples=60, deadline=None)
@given(
    hidden=st.sets(st.integers(0, ITEMS - 1)),
    closed=st.sets(st.integers(0, ITEMS - 1)),
    pins=st.lists(st.integers(0, ITEMS - 1), unique=True),
    events=st.lists(st.tuples(st.integers(0, ITEMS - 1), st.integers(1, 9)), max_size=6),
    count=st.integers(1, ITEMS + 2),
    placement=st.sampled_from([HOME, FRESH, *Config().placements.values()]),
    diverse=st.booleans(),
)
def test_pins_come_first_but_never_what_a_rule_keeps_out_and_no_list_is_shorter_for_them(
    bundle, hidden, closed, pins, events, count, placement, diverse
):
    eligible = np.array([row not in hidden for row in range(ITEMS)])
    cells = ([1] * len(closed), sorted(closed))
    excluded = csr_array((np.ones(len(closed), np.bool_), cells), shape=(2, ITEMS))
    log = sorted(events, key=lambda pair: pair[1])
    plain = Rules(eligible, excluded, count, diversity=Diversity(most=1, window=2) if diverse else None)
    without = order(bundle, placement, ask(histories([log, log])), plain)
    found = order(bundle, placement, ask(histories([log, log])), replace(plain, pins=np.array(pins, np.int32)))
    for customer, kept_out in enumerate((hidden, hidden | closed)):
        before, shown = (lists.rows[customer][lists.rows[customer] >= 0].tolist() for lists in (without, found))
        first = [row for row in pins if row not in kept_out][:count]
        rest = [row for row in before if row not in pins]
        assert shown[: len(first)] == first
        assert sorted(shown[len(first) :]) == sorted(rest[: count - len(first)]) or diverse
        assert len(set(shown)) == len(shown) >= len(before)
        assert not set(shown) & kept_out
        names = [found.source_name(customer, place) for place in range(len(shown))]
        assert [name == PINNED for name in names] == [place < len(first) for place in range(len(shown))]
        assert (np.diff(found.score[customer][: len(shown)]) <= 0).all() or diverse


def test_what_is_pinned_says_so_and_the_others_say_why(bundle):
    log = dataset().histories.take(np.array([0]))
    rules = replace(Rules.none(1, ITEMS, 4), pins=np.array([5, 3], np.int32))
    (answer,) = recommend(bundle, HOME, ask(log), rules, contributions=True)
    assert [(item.row, item.source, item.reasons) for item in answer.items[:2]] == [
        (5, "pinned", (Reason("pinned"),)),
        (3, "pinned", (Reason("pinned"),)),
    ]
    assert all(Reason("pinned") not in item.reasons for item in answer.items[2:])
    assert [bool(item.contributions) for item in answer.items] == [False, False, True, True]


def test_pins_stand_before_the_ranked_in_an_explanation(bundle):
    log = dataset().histories.take(np.array([0]))
    best = order(bundle, HOME, ask(log), Rules.none(1, ITEMS, ITEMS)).rows[0].tolist()
    pins = [best[5], best[1], best[3]]
    eligible = np.ones(ITEMS, np.bool_)
    eligible[best[3]] = False
    rules = Rules(eligible, csr_array((1, ITEMS), dtype=np.bool_), 8, pins=np.array(pins, np.int32))
    found = [explain(bundle, HOME, ask(log), rules, row) for row in best[:6]]
    assert [one.rank for one in found] == [3, 2, 4, None, 5, 1]
    assert [Reason("pinned") in one.reasons for one in found] == [False, True, False, False, False, True]
    assert not found[3].allowed


def test_boosts_count_in_the_place_of_an_explanation(bundle):
    log = dataset().histories.take(np.array([0]))
    best = order(bundle, HOME, ask(log), Rules.none(1, ITEMS, ITEMS)).rows[0].tolist()
    boost = np.zeros(ITEMS, np.float32)
    boost[best[4]] = 9
    rules = replace(Rules.none(1, ITEMS, ITEMS), boost=boost)
    lifted = order(bundle, HOME, ask(log), rules).rows[0].tolist()
    assert lifted[0] == best[4]
    assert [explain(bundle, HOME, ask(log), rules, row).rank for row in lifted[:6]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("fallback", "code"), [("arrivals", "new"), ("catalogue", "catalogue"), ("popularity", "popular")]
)
def test_a_fallback_has_the_reason_of_its_source(bundle, fallback, code):
    alone = HOME.model_copy(update={"sources": (), "fallback": (fallback,)})
    (answer,) = recommend(bundle, alone, ask(dataset().histories.take(np.array([0]))), Rules.none(1, ITEMS, 3))
    assert [(item.source, item.reasons) for item in answer.items] == [(fallback, (Reason(code),))] * 3


def test_given_items_are_ranked_whatever_is_pinned(bundle):
    log = dataset().histories.take(np.array([1]))
    plain, pinning = (rank(bundle, one, ask(log), np.array([0, 1, 4], np.int32)) for one in (HOME, PINNING))
    assert plain.rows.tolist() == pinning.rows.tolist()


def test_an_unknown_visitor_gets_a_full_list(bundle):
    found = order(bundle, HOME, ask(Histories.empty(1)), Rules.none(1, ITEMS, 5))
    assert (found.rows >= 0).all()


def test_a_live_item_that_no_model_knows_can_be_shown(bundle):
    shop = bundle.catalogue
    grown = replace(
        bundle,
        models=replace(
            bundle.models,
            content=bundle.models.content.over(_with_row(shop.tags)),
            arrivals=replace(bundle.models.arrivals, first_seen=np.append(shop.first_seen, 9 * DAY)),
        ),
        catalogue=replace(
            shop,
            **{
                name: np.append(getattr(shop, name), getattr(shop, name)[-1:])
                for name in (
                    "price",
                    "list_price",
                    "in_stock",
                    "hidden",
                    "available_from",
                    "available_until",
                    "first_seen",
                )
            },
            **{name: _longer(getattr(shop, name)) for name in ("category", "category_top", "brand")},
            tags=_with_row(shop.tags),
            items=type(shop.items).of([*shop.items, "i9"]),
        ),
    )
    found = order(grown, HOME, ask(histories([[(1, 1), (3, 2)]]), items=ITEMS + 1), Rules.none(1, ITEMS + 1, ITEMS + 1))
    assert ITEMS in found.rows[0].tolist()


def _with_row(tags: csr_array) -> csr_array:
    return csr_array(np.vstack([tags.toarray(), [[0.0, 1.0]]]).astype(np.float32))


def _longer(coded):
    return replace(coded, code=np.append(coded.code, coded.code[-1:]))


def test_the_items_of_the_page_are_not_shown_on_it(bundle):
    asked = ask(Histories.empty(1))
    asked = replace(asked, anchors=csr_array(([1.0], ([0], [2])), shape=(1, ITEMS), dtype=np.float32))
    found = order(bundle, Config().placements["product"], asked, Rules.none(1, ITEMS, ITEMS))
    assert 2 not in found.rows[0].tolist()
    assert found.rows[0][0] % 2 == 0


def test_given_items_are_ordered_and_none_is_lost(bundle):
    log = dataset().histories.take(np.array([1]))
    found = rank(bundle, HOME, ask(log), np.array([0, 1, 4, 5], np.int32))
    assert sorted(found.rows[0].tolist()) == [0, 1, 4, 5]


def test_every_item_has_a_reason_with_evidence_from_the_history(bundle):
    log = dataset().histories.take(np.array([0]))
    (answer,) = recommend(bundle, FRESH, ask(log), Rules(np.ones(ITEMS, np.bool_), bought(np.array([0])), 2))
    assert {len(item.reasons) for item in answer.items} <= {1, 2, MOST}
    evidence = {reason.evidence for reason in answer.items[0].reasons}
    assert evidence & {"i2", "i4", "i6", "even"}


@pytest.mark.parametrize("side", [0, 1])
def test_either_side_of_the_neighbours_names_the_item_that_led_to_another(bundle, side):
    links = bundle.models.neighbours.links.tolil()
    links[(1 - side) * ITEMS : (2 - side) * ITEMS] = 0
    neighbours = replace(bundle.models.neighbours, links=csr_array(links.tocsr()))
    one = replace(bundle, models=replace(bundle.models, neighbours=neighbours))
    log = dataset().histories.take(np.array([0]))
    asked = Rules(np.ones(ITEMS, np.bool_), bought(np.array([0])), 1)
    (answer,) = recommend(one, Placement(sources=("neighbours",), ranker="discovery"), ask(log), asked)
    assert (answer.items[0].row, answer.items[0].source) == (missing(0), "neighbours")
    (reason,) = answer.items[0].reasons
    assert (reason.code, int(reason.evidence[1:]) in log.item) == ("similar_to", True)


def only_alike(bundle):
    """Return a bundle whose transitions know one thing: whoever turned to item 2 may like item 4, by its tags."""
    links = np.zeros((len(SIDES) * ITEMS, ITEMS), np.float32)
    links[SIDES.index("alike") * ITEMS + 2, 4] = 1
    return replace(bundle, models=replace(bundle.models, transitions=TransitionModel(csr_array(links))))


TURNED_ON = Placement(sources=("transitions",), ranker="discovery")


def test_what_was_borrowed_from_like_items_is_never_said_to_have_happened(bundle):
    asked = Rules(np.arange(ITEMS) == 4, NOTHING, 1)
    (answer,) = recommend(only_alike(bundle), TURNED_ON, ask(histories([[(2, 1)]])), asked)
    assert answer.items[0].reasons == (Reason("similar_to", "i2"),)


def test_an_explanation_tells_the_first_signal_of_a_source_that_can_say(bundle):
    rules = Rules(np.ones(ITEMS, np.bool_), NOTHING, 1)
    told = [explain(only_alike(bundle), TURNED_ON, ask(histories([[(2, 1)]])), rules, row) for row in (4, 5)]
    assert ["transitions" in one.signals for one in told] == [True, False]
    assert told[0].signals["transitions"] > 0


def test_a_page_proposes_what_items_like_its_own_lead_to(bundle):
    page = replace(ask(histories([[]])), anchors=csr_array(([1.0], ([0], [2])), shape=(1, ITEMS), dtype=np.float32))
    found = order(
        only_alike(bundle),
        TURNED_ON.model_copy(update={"ranker": None}),
        page,
        Rules(np.ones(ITEMS, np.bool_), NOTHING, 1),
    )
    assert found.rows.tolist() == [[4]]


def test_a_step_to_which_only_the_neighbours_look_back_is_their_evidence(bundle):
    steps = [(2, 1), *((1 + 2 * (day % 2), 2 + day) for day in range(DEPTH - 10))]
    rules = Rules(np.arange(ITEMS) == 4, NOTHING, 1)
    placement = Placement(sources=("neighbours",), ranker=None)
    (answer,) = recommend(bundle, placement, ask(histories([steps]), now=90 * DAY), rules)
    assert answer.items[0].reasons == (Reason("similar_to", "i2"),)


@pytest.mark.parametrize(("personal", "of_theirs"), [(False, 2), (True, 4)])
def test_who_shops_for_one_category_gets_as_much_of_it_as_their_share(bundle, personal, of_theirs):
    coded = Coded(np.arange(ITEMS, dtype=np.int32) % 2, IdMap.of(["even", "odd"]))
    shop = replace(bundle, catalogue=replace(bundle.catalogue, category=coded))
    log = histories([[(item, 1 + day) for day, item in enumerate([0, 2, 4, 6] * 3)]])
    rules = Rules(np.ones(ITEMS, np.bool_), NOTHING, 4, diversity=Diversity(most=1, window=4, personal=personal))
    placement = Placement(sources=("repurchase", "popularity"), ranker=None)
    found = order(shop, placement, ask(log, now=20 * DAY), rules)
    assert (found.rows[0] % 2 == 0).sum() == of_theirs


def test_one_event_says_only_half_of_a_taste(bundle):
    even = np.arange(ITEMS) % 2 == 0
    coded = Coded(np.arange(ITEMS, dtype=np.int32) % 2, IdMap.of(["even", "odd"]))
    shop = replace(bundle, catalogue=replace(bundle.catalogue, category=coded))
    diversity = Diversity(most=1, window=4, personal=True)
    rules = Rules(np.arange(ITEMS) != 0, NOTHING, 4, boost=even * np.float32(9), diversity=diversity)
    placement = Placement(sources=("popularity",), ranker=None)
    found = order(shop, placement, ask(histories([[(0, 1)]]), now=20 * DAY), rules)
    assert (found.rows[0] % 2).tolist() == [0, 0, 1, 0]  # the last one for want of others


def test_a_list_longer_than_the_candidates_is_ranked_all_the_same(bundle):
    config = bundle.info.config
    few = config.model_copy(update={"ranker": config.ranker.model_copy(update={"candidates": 2})})
    small = replace(bundle, info=replace(bundle.info, config=few))
    log = dataset().histories.take(np.array([0]))
    for one in (bundle, small):
        found = order(one, Placement(fallback=()), ask(log), Rules.none(1, ITEMS, 5))
        assert (found.rows >= 0).sum() == 5


def test_contributions_come_where_they_are_asked_for(bundle):
    log = dataset().histories.take(np.array([0]))
    (answer,) = recommend(bundle, HOME, ask(log), Rules.none(1, ITEMS, 2), contributions=True)
    assert answer.items[0].source != "catalogue"
    assert all(item.contributions for item in answer.items if item.source != "catalogue")


def test_an_explanation_gives_the_rank_or_says_that_a_rule_dropped_the_item(bundle):
    log = dataset().histories.take(np.array([0]))
    found = order(bundle, HOME, ask(log), Rules.none(1, ITEMS, ITEMS))
    first = explain(bundle, HOME, ask(log), Rules.none(1, ITEMS, 3), int(found.rows[0, 0]))
    assert (first.rank, first.allowed) == (1, True)
    eligible = np.ones(ITEMS, np.bool_)
    eligible[found.rows[0, 0]] = False
    nothing = csr_array((1, ITEMS), dtype=np.bool_)
    dropped = explain(bundle, HOME, ask(log), Rules(eligible, nothing, 3), int(found.rows[0, 0]))
    assert (dropped.rank, dropped.allowed) == (None, False)


def test_an_item_that_nothing_proposes_has_no_rank_but_keeps_its_place_among_given_ones(bundle):
    again, log = Config().placements["buy_again"], histories([[(3, 1), (3, 4), (5, 7)]], EventType.PURCHASE)
    told = explain(bundle, again, ask(log), Rules.none(1, ITEMS, 3), 7)
    assert (told.rank, told.allowed, told.score) == (None, True, None)
    found = rank(bundle, again, ask(log), np.array([7, 3, 6], np.int32))
    assert found.rows[0, 0] == 3
    assert sorted(found.rows[0].tolist()) == [3, 6, 7]
    assert np.isfinite(found.score).all()


def test_buy_again_lists_only_what_was_had_most_due_first(bundle):
    log = histories([[(3, 1), (3, 4), (3, 7), (5, 7)]], EventType.PURCHASE)
    found = order(bundle, Config().placements["buy_again"], ask(log), Rules.none(1, ITEMS, 4))
    assert found.rows[0].tolist() == [3, 5, -1, -1]


def test_a_clock_far_beyond_the_data_changes_no_list(bundle):
    log = dataset().histories
    soon = order(bundle, HOME, ask(log, now=30 * DAY), Rules.none(CUSTOMERS, ITEMS, 5))
    late = order(bundle, HOME, ask(log, now=3000 * DAY), Rules.none(CUSTOMERS, ITEMS, 5))
    assert soon.rows.tolist() == late.rows.tolist()


def test_without_a_ranker_nothing_is_proposed_that_would_then_have_no_place(bundle):
    signals = ask_sources(bundle.models, ask(dataset().histories))
    allowed = allowed_by(signals.queries, Rules.none(CUSTOMERS, ITEMS, 3))
    sources = ("popularity", "transitions")
    assert [*gather(signals, sources, allowed, 3, is_ranked=False)] == ["popularity", "followed"]
    assert {"in_category", "together"} < {*gather(signals, sources, allowed, 3)}
