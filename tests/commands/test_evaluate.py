"""The report of an evaluation, as JSON and as a page."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.commands.conftest import Call


@pytest.mark.parametrize("protocol", [("leave-one-out",), ("temporal", "--test-from", "2026-03-01")])
def test_a_report_has_every_system_and_task(call: Call, files: Path, tmp_path: Path, protocol: tuple[str, ...]) -> None:
    done = call(
        "evaluate", "--interactions", files / "events.parquet", "--items", files / "items.parquet", "-k", 5, 10,
        "--config", files / "shop.toml", "--quick", "--protocol", *protocol,
        "--json", tmp_path / "r.json", "--html", tmp_path / "r.html",
    )  # fmt: skip
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "r.json").read_text())
    systems = ["tagalong", "popularity", "personal frequency", "implicit ALS", "implicit BM25"]
    for task in ("next", "repeat", "discovery"):
        rows = {row["system"]: row["figures"] for row in report["rows"] if row["task"] == task}
        assert list(rows) == systems
        assert {"HR@5", "R@10", "NDCG@10", "MRR@10", "coverage@10", "novelty@10"} <= rows["tagalong"].keys()
    repeat = {row["system"]: row["figures"]["NDCG@10"] for row in report["rows"] if row["task"] == "repeat"}
    assert repeat["tagalong"]["low"] > repeat["popularity"]["high"]
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 6
    assert "http" not in page


def test_a_temporal_evaluation_needs_its_moment(call: Call, files: Path) -> None:
    done = call("evaluate", "--interactions", files / "events.parquet", "--protocol", "temporal")
    assert done.status == 2
    assert "--test-from" in done.err


def test_a_whole_report_shows_what_tags_bring_and_who_is_cold(call: Call, files: Path, tmp_path: Path) -> None:
    ids = dict.fromkeys(pq.read_table(files / "events.parquet")["user_id"].to_pylist())
    tag = next(tags[0] for tags in pq.read_table(files / "items.parquet")["tags"].to_pylist() if tags)
    (tmp_path / "users.csv").write_text("user_id,tags\n" + "".join(f"{user},{tag}\n" for user in ids))
    done = call(
        "evaluate", "--interactions", files / "events.parquet", "--items", files / "items.parquet",
        "--users", tmp_path / "users.csv", "--config", files / "shop.toml", "--protocol", "leave-one-out",
        "--json", tmp_path / "r.json",
    )  # fmt: skip
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert "tagalong without tags" in {row["system"] for row in report["rows"]}
    assert {(row["group"], row["system"]) for row in report["cold"]} >= {
        ("customers with 3 events", "tagalong"),
        ("customers with 3 events", "popularity"),
        ("customers with declared tags only", "tagalong"),
    }
