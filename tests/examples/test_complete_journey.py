"""Complete Journey as our three files, from a tiny copy of the package's tables."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from examples.complete_journey import write
from training.readers import read_files


def package(folder: Path) -> Path:
    products = [
        {"product_id": 1, "manufacturer_id": 69, "department": "PASTRY", "brand": "Private",
         "product_category": "BREAD", "product_type": "BREAD:ITALIAN/FRENCH", "package_size": "22 OZ"},
        {"product_id": 2, "manufacturer_id": 2, "department": "GROCERY", "brand": "National", "product_category": None,
         "product_type": None, "package_size": None},
        {"product_id": 3, "manufacturer_id": 5, "department": "FUEL", "brand": "Private", "product_category": None,
         "product_type": None, "package_size": None},
        {"product_id": 4, "manufacturer_id": 5, "department": "GROCERY", "brand": "Private",
         "product_category": "NEVER SOLD", "product_type": "X", "package_size": None},
    ]  # fmt: skip
    line: dict[str, Any] = {"store_id": 7, "basket_id": 900, "coupon_disc": 0.5, "coupon_match_disc": 0.25, "week": 1}
    line |= {"transaction_timestamp": datetime(2017, 1, 1, 11, 53, 26)}  # noqa: DTZ001
    transactions = [
        line | {"household_id": 1, "product_id": 1, "quantity": 2, "sales_value": 3.0, "retail_disc": 0.75},
        line | {"household_id": 1, "product_id": 2, "quantity": 1, "sales_value": 1.0, "retail_disc": 0.0},
        line | {"household_id": 1, "product_id": 2, "quantity": 0, "sales_value": 0.0, "retail_disc": 0.0},
        line | {"household_id": 2, "product_id": 3, "quantity": 1, "sales_value": 9.0, "retail_disc": 0.0},
    ]
    demographics = [{"household_id": 1, "age": "65+"}, {"household_id": 3, "age": "25-34"}]
    for name, rows in (("products", products), ("transactions", transactions), ("demographics", demographics)):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


def test_lines_products_and_households_become_our_files(tmp_path: Path) -> None:
    out = tmp_path / "it's here"
    write(package(tmp_path), out)
    tables = read_files([out / "interactions.parquet"], [out / "items.parquet"], [out / "users.parquet"])
    events = tables.events.drop_columns(["event_id"]).to_pylist()
    assert [{k: v for k, v in row.items() if v is not None} for row in events] == [
        {
            "user_id": "1",
            "item_id": item,
            "event": "purchase",
            "timestamp": datetime(2017, 1, 1, 11, 53, 26, tzinfo=UTC),
            "quantity": quantity,
            "price": price,
            "list_price": list_price,
            "order_id": "900",
            "channel": "pos",
        }
        for item, quantity, price, list_price in [("1", 2.0, 1.5, 2.0), ("2", 1.0, 1.0, 1.25)]
    ]
    columns = ["item_id", "title", "category", "brand", "price", "currency", "manufacturer"]
    assert [tuple(row.values()) for row in tables.items.select(columns).to_pylist()] == [
        ("1", "Bread: Italian/French 22 OZ", "Pastry > Bread > Bread:Italian/French", "Private", "1.50", "USD", "m69"),
        ("2", "Grocery", "Grocery", "National", "1.00", "USD", "m2"),
    ]
    assert [(u["user_id"], u["region"], u["age"]) for u in tables.users.to_pylist()] == [("1", "store 7", "65+")]


def test_a_share_of_the_households_is_the_same_every_time(tmp_path: Path) -> None:
    write(package(tmp_path), tmp_path / "none", households=0.0)
    assert len(read_files([tmp_path / "none" / "interactions.parquet"]).events) == 0
