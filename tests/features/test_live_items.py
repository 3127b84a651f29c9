"""Items that come or change after training."""

import numpy as np
import orjson
import pyarrow as pa

from features.arrow_arrays import distinct
from features.catalogue import build_catalogue
from features.live_items import with_items
from features.tables import Tables
from recommender.catalogue import Catalogue
from recommender.config import ContentSettings
from recommender.values import EARLIEST, LATEST

NOW = 1_800_000_000


def shop() -> Catalogue:
    shoes = {"item_id": "boots", "title": "red boots", "tags": ["hiking"], "category": "Shoes > Boots"}
    open_shoes = {"item_id": "sandals", "title": "red sandals", "tags": ["beach"], "category": "Shoes > Open"}
    tent = {"item_id": "tent", "title": "green tent", "tags": ["camping", "hiking"], "category": "Outdoor"}
    rows = [
        shoes | {"price": "80.00", "size": "41"},
        open_shoes | {"price": "20.00", "size": "40"},
        tent | {"colour": "green"},
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    items = Tables.of(items=pa.table({name: [row.get(name) for row in rows] for name in names})).items
    ids = distinct(items["item_id"])
    return build_catalogue(items, ids, np.full(len(ids), EARLIEST), ContentSettings())


def tags_of(catalogue: Catalogue, item: str) -> dict[str, float]:
    row = catalogue.tags[[catalogue.items.row(item)]]
    return {catalogue.tag_names[int(code)]: float(weight) for code, weight in zip(row.indices, row.data, strict=True)}


def test_a_price_stock_or_hidden_changes_only_itself() -> None:
    before = shop()
    after = with_items(
        before, [{"item_id": "tent", "in_stock": False, "price": "99.90", "hidden": True}], ContentSettings(), NOW
    )
    assert after.in_stock.tolist() == [True, True, False]
    assert after.hidden.tolist() == [False, False, True]
    assert after.price.tolist() == [80, 20, np.float32(99.9)]
    assert after.tags is before.tags
    assert after.items is before.items
    assert orjson.loads(after.properties[2])["price"] == "99.90"
    assert before.in_stock.all()


def test_a_new_item_has_the_tags_that_others_have() -> None:
    after = with_items(
        shop(),
        [{"item_id": "new", "title": "red stove", "tags": ["camping"], "category": "Outdoor"}],
        ContentSettings(),
        NOW,
    )
    assert [after.items[row] for row in range(4)] == ["boots", "sandals", "tent", "new"]
    assert set(tags_of(after, "new")) == {"tag:camping", "category:Outdoor", "word:red"}
    assert np.isclose(np.linalg.norm(list(tags_of(after, "new").values())), 1)
    assert tags_of(after, "boots").keys() == tags_of(shop(), "boots").keys()
    assert (after.first_seen[3], after.available_from[3], after.available_until[3]) == (NOW, EARLIEST, LATEST)


def test_a_tag_that_nobody_had_is_a_name_from_then_on() -> None:
    catalogue = shop()
    after = with_items(catalogue, [{"item_id": "boots", "tags": ["hiking", "vegan"]}], ContentSettings(), NOW)
    assert after.tag_names.row("tag:vegan") == len(catalogue.tag_names)
    assert {"tag:hiking", "tag:vegan", "word:red", "category:Shoes > Boots", "price_band:3"} <= tags_of(
        after, "boots"
    ).keys()
    assert after.category.names.starting("Shoes > ").tolist() == catalogue.category.names.starting("Shoes > ").tolist()


def test_null_takes_a_value_away() -> None:
    after = with_items(
        shop(),
        [{"item_id": "boots", "price": None, "category": None, "tags": None, "size": None}],
        ContentSettings(),
        NOW,
    )
    assert np.isnan(after.price[0])
    assert after.category.code[0] == after.category_top.code[0] == -1
    assert "tag:hiking" not in tags_of(after, "boots")
    assert np.isnan(after.numbers["size"][0])
    assert orjson.loads(after.properties[0]) == {"title": "red boots"}


def test_attributes_that_nobody_had_are_columns() -> None:
    new = {"item_id": "new", "weight": 3, "material": "wool", "colour": "blue", "eco": True, "size": "XL"}
    after = with_items(shop(), [new], ContentSettings(), NOW)
    assert after.numbers["weight"].tolist()[3] == 3
    assert np.isnan(after.numbers["weight"][:3]).all()
    assert after.texts["material"].names[int(after.texts["material"].code[3])] == "wool"
    assert after.texts["eco"].names[int(after.texts["eco"].code[3])] == "true"
    assert [after.texts["colour"].names[int(code)] for code in after.texts["colour"].code[2:]] == ["green", "blue"]
    assert np.isnan(after.numbers["size"][3])
    assert set(tags_of(after, "new")) == {"attribute:material=wool", "attribute:colour=blue", "attribute:eco=true"}


def test_the_later_change_of_an_item_wins_key_by_key() -> None:
    changes = [{"item_id": "n", "brand": "A", "price": "1"}, {"item_id": "n", "price": "2"}]
    at_once = with_items(shop(), changes, ContentSettings(), NOW)
    in_turn = with_items(with_items(shop(), changes[:1], ContentSettings(), NOW), changes[1:], ContentSettings(), NOW)
    for after in (at_once, in_turn):
        assert after.price[3] == 2
        assert after.brand.names[int(after.brand.code[3])] == "A"
        assert orjson.loads(after.properties[3]) == {"brand": "A", "price": "2"}


def test_dates_are_seconds_and_say_when_an_item_came() -> None:
    new = {"item_id": "n", "available_from": "2027-01-01T01:00:00+01:00", "available_until": "2027-02-01T00:00:00"}
    after = with_items(shop(), [new], ContentSettings(), NOW)
    assert after.available_from[3] == after.first_seen[3] == 1_798_761_600
    assert after.available_until[3] == 1_801_440_000


def test_an_item_without_anything_is_an_item() -> None:
    after = with_items(shop(), [{"item_id": "😀/ \"'"}], ContentSettings(), NOW)
    assert after.items.row("😀/ \"'") == 3
    assert after.properties[3] == "{}"
    assert tags_of(after, "😀/ \"'") == {}
    assert len(list(after.properties)) == len(list(after.items)) == after.tags.shape[0] == 4


def test_an_attribute_that_was_only_taken_away_may_be_text_later() -> None:
    emptied = with_items(shop(), [{"item_id": "tent", "season": None}], ContentSettings(), NOW)
    told = with_items(emptied, [{"item_id": "tent", "season": "summer"}], ContentSettings(), NOW)
    assert told.texts["season"].names.row("summer") >= 0
    assert "season" not in told.numbers


def test_a_tag_that_is_told_twice_weighs_as_one() -> None:
    tags = [["camping", "hiking"], ["camping", "hiking", "camping"]]
    once, twice = (with_items(shop(), [{"item_id": "tent", "tags": one}], ContentSettings(), NOW) for one in tags)
    assert tags_of(once, "tent") == tags_of(twice, "tent")
