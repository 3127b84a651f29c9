"""The data sets of the quality table: where their files are, how they are asked, and which bars they must reach."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from examples.complete_journey import package_data, write

CUT = datetime(2017, 12, 1, tzinfo=UTC)
"""Complete Journey: what came before is fitted."""
HOUSEHOLDS = 10
"""Complete Journey: an item is in the catalogue if this many households bought it before the cut."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder with train, history, truth and items files, and how to ask for lists."""

    name: str
    source: str
    folder: Path
    suffix: str
    repeat: bool
    """Lists may hold what the customer had."""
    fresh_truth: bool
    """What the customer had is no part of the truth either."""
    bars: Mapping[str, float] = field(default_factory=dict)
    """What must be reached, by figure."""

    def file(self, what: str) -> Path:
        """Return the path of ``train``, ``history``, ``truth`` or ``items``."""
        return self.folder / f"{what}.{self.suffix}"


def data_sets(shared: Path | None, work: Path) -> Iterator[DataSet]:
    """Yield the data sets that are there; ``shared`` holds the folders ``beauty`` and ``retailrocket``."""
    beauty, rocket = (None if shared is None else shared / name for name in ("beauty", "retailrocket"))
    if beauty is not None and beauty.is_dir():
        source = "Amazon Beauty 5-core, leave-one-out (McAuley et al.; files of S3-Rec and IDGenRec)"
        yield DataSet("Beauty", source, beauty, "csv", False, False, {"HR@10": 0.105, "NDCG@10": 0.065})
    if rocket is not None and rocket.is_dir():
        source = "Retailrocket shop events, a held-out purchase a user (HKUDS/SSLRec; CC BY-NC-SA)"
        yield DataSet("Retailrocket", source, rocket, "csv", False, False, {"HR@10": 0.16, "NDCG@10": 0.078})
    folder = complete_journey(work / "complete-journey")
    source = "Complete Journey data as published by 84.51°, cut 2017-12-01, first basket after it"
    repeats, discovery = {"R@10": 0.172, "NDCG@10": 0.234}, {"R@10": 0.026}
    yield DataSet("Complete Journey", source, folder, "parquet", True, False, repeats)
    yield DataSet("Complete Journey, discovery", source, folder, "parquet", False, True, discovery)


def complete_journey(folder: Path) -> Path:
    """Write the past, what came next and the catalogue to ``folder`` unless they are there; return it."""
    if not (folder / "truth.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write(package_data(), folder)
        duckdb.execute(
            f"""
            SET TimeZone = 'UTC';
            CREATE TEMP TABLE line AS FROM '{folder}/interactions.parquet';
            CREATE TEMP TABLE kept AS SELECT item_id FROM line WHERE timestamp < TIMESTAMPTZ '{CUT}'
                GROUP BY item_id HAVING count(DISTINCT user_id) >= {HOUSEHOLDS};
            CREATE TEMP TABLE past AS FROM line SEMI JOIN kept USING (item_id) WHERE timestamp < TIMESTAMPTZ '{CUT}';
            COPY (FROM past ORDER BY timestamp, user_id, item_id) TO '{folder}/train.parquet';
            COPY (FROM '{folder}/items.parquet' SEMI JOIN kept USING (item_id) ORDER BY item_id)
                TO '{folder}/kept.parquet';
            COPY (
                SELECT DISTINCT user_id, item_id FROM line SEMI JOIN kept USING (item_id) SEMI JOIN past USING (user_id)
                WHERE timestamp >= TIMESTAMPTZ '{CUT}'
                QUALIFY dense_rank() OVER (PARTITION BY user_id ORDER BY timestamp, order_id) = 1 ORDER BY ALL
            ) TO '{folder}/truth.parquet';
            """
        )
        (folder / "kept.parquet").rename(folder / "items.parquet")
    return folder
