"""Import, train, compare and roll back in a data folder."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recommender.bundle_io import load
from recommender.errors import UnsignedBundle
from tests.commands.conftest import Call


@pytest.fixture
def data(call: Call, files: Path, tmp_path: Path) -> Path:
    given = ("--interactions", files / "events.parquet", "--items", files / "items.parquet")
    assert call("import", "--data", tmp_path / "data", *given).status == 0
    return tmp_path / "data"


def trained(call: Call, data: Path, files: Path, now: str, *more: str) -> str:
    done = call("train", "--data", data, "--config", files / "shop.toml", "--now", now, *more)
    assert done.status == 0, done.err
    return done.out.split()[0]


def test_bundles_are_published_listed_compared_and_rolled_back(call: Call, data: Path, files: Path) -> None:
    first = trained(call, data, files, "2026-04-01")
    second = trained(call, data, files, "2026-04-02", "--force")
    assert call("models", "list", "--data", data / "elsewhere").status == 2
    listed = call("models", "list", "--data", data).out
    assert listed.index(second) < listed.index(first)
    assert re.search(rf"{second}.*current", listed)
    shown = json.loads(call("models", "show", "--data", data).out)
    assert shown["bundle"] == second
    assert "tagalong" in shown["metrics"]["next"]["figures"]
    compared = call("models", "diff", first, "current", "--data", data)
    assert "the same in both lists: 100.0%" in compared.out
    assert call("models", "rollback", "--data", data).out == f"{first} is current again\n"
    again = call("models", "rollback", "--data", data)
    assert (again.status, "no earlier published bundle" in again.err) == (2, True)
    assert call("models", "publish", second, "--data", data).status == 0


def test_a_bundle_that_is_worse_is_kept_back_and_on_request_that_is_a_failure(
    call: Call, data: Path, files: Path
) -> None:
    first = trained(call, data, files, "2026-04-01")
    worse = data / "worse.toml"
    worse.write_text((files / "shop.toml").read_text() + '[placements.home]\nranker = "none"\nsources = ["arrivals"]\n')
    again = ("train", "--data", data, "--config", worse, "--now")
    for done, status in ((call(*again, "2026-04-02"), 0), (call(*again, "2026-04-03", "--fail-if-kept"), 1)):
        assert (done.status, "kept, not published: next: NDCG@10 is" in done.out) == (status, True), done.err
        assert f"below the current bundle's {reached(call, data):.4f}, beyond what chance explains" in done.out
        assert "held-out customers)" in done.out
    assert json.loads(call("models", "show", "--data", data).out)["bundle"] == first


def reached(call: Call, data: Path) -> float:
    """Return the figure of the published bundle."""
    metrics = json.loads(call("models", "show", "--data", data).out)["metrics"]
    return float(metrics["next"]["figures"]["tagalong"]["NDCG@10"]["mean"])


def test_with_a_key_what_is_not_signed_with_it_is_neither_published_nor_asked(
    call: Call, data: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsigned = trained(call, data, files, "2026-04-01")
    monkeypatch.setenv("TAGALONG_BUNDLE_KEY", "right")
    train = ("train", "--data", data, "--config", files / "shop.toml", "--now", "2026-04-02")
    refused = call(*train)
    assert (refused.status, "--force publishes over it" in refused.err) == (2, True)
    signed = trained(call, data, files, "2026-04-02", "--force")
    audience, bundles = data / "audience.csv", data / "main" / "bundles"
    audience.write_text("user_id\nu1\n")
    asked = ("recommend", "--bundle", bundles, "--users", audience, "--out", data / "lists.csv")
    assert call(*asked).status == 0
    for refused in (
        call("models", "publish", unsigned, "--data", data),
        call("models", "show", unsigned, "--data", data),
        call("models", "rollback", "--data", data),
        call("models", "diff", unsigned, "current", "--data", data),
        call(*asked, "--bundle-key", "wrong"),
    ):
        assert refused.status == 2
        assert "is not signed with the key" in refused.err
    assert re.search(rf"{unsigned}.*unreadable", call("models", "list", "--data", data).out)
    monkeypatch.delenv("TAGALONG_BUNDLE_KEY")
    for refused in (call(*train), call("models", "publish", unsigned, "--data", data)):
        assert (refused.status, "give the key" in refused.err) == (2, True)
    assert (bundles / "current").readlink().name == signed


def test_one_bundle_written_to_a_folder_is_signed_too(call: Call, files: Path, tmp_path: Path) -> None:
    given = ("--interactions", files / "events.parquet", "--config", files / "shop.toml", "--now", "2026-04-01")
    for key in ("first", "second"):
        done = call("train", *given, "--bundle", tmp_path / "one", "--bundle-key", key)
        assert done.status == 0, done.err
    assert load(tmp_path / "one", key=b"second").info.bundle_id
    with pytest.raises(UnsignedBundle):
        load(tmp_path / "one", key=b"first")


def test_batch_lists_obey_what_customers_decided_after_the_training(call: Call, data: Path, files: Path) -> None:
    def lists() -> dict[str, list[str]]:
        users, out = data / "audience.csv", data / "lists.parquet"
        users.write_text("user_id\nu1\nu2\nu3\nnobody\n")
        done = call("recommend", "--bundle", data / "main" / "bundles", "--users", users, "--out", out, "-n", "10")
        assert done.status == 0, done.err
        assert ("2 customers were erased or want no" in done.err) == decided
        table = pq.read_table(out)
        rows = zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True)
        found: dict[str, list[str]] = {}
        for user, item in rows:
            found.setdefault(user, []).append(item)
        return found

    trained(call, data, files, "2026-04-01")
    decided = False
    before = lists()
    assert before["u1"] != before["nobody"] != before["u2"]
    asked_at = pa.array([1_800_000_000_000], pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table({"user_id": ["u1"], "erased_at": asked_at}), data / "main" / "erased.parquet")
    pq.write_table(pa.table({"user_id": ["u2"], "personalize": [False]}), data / "main" / "users.parquet")
    decided = True
    after = lists()
    assert after["u1"] == after["u2"] == after["nobody"] == before["nobody"]
    assert after["u3"] == before["u3"]


def test_batch_lists_take_on_request_what_happened_since_the_training(call: Call, data: Path, files: Path) -> None:
    trained(call, data, files, "2026-03-01")
    users, out, config = data / "audience.csv", data / "lists.parquet", data / "campaign.toml"
    users.write_text("user_id\nu1\nu2\n")
    config.write_text('[placements.winback]\nsources = ["popularity"]\ncount = 3\n')
    refuses = pa.table({"user_id": ["u2"], "personalize": [False]})
    pq.write_table(refuses, data / "main" / "users.parquet")

    def lists(*more: str | Path) -> dict[str, list[str]]:
        given = ("recommend", "--bundle", data / "main", "--users", users, "--out", out, "--no-repeat", "-n", "50")
        done = call(*given, *more)
        assert done.status == 0, done.err
        found: dict[str, list[str]] = {}
        for row in pq.read_table(out).to_pylist():
            found.setdefault(row["user_id"], []).append(row["item_id"])
        return found

    log = pq.read_table(files / "events.parquet").to_pylist()
    since = datetime(2026, 3, 2, tzinfo=UTC)
    later = {one["item_id"] for one in log if one["user_id"] == "u1" and one["timestamp"] > since}
    assert later & set(lists()["u1"])
    assert not later & set(lists("--log")["u1"])
    assert lists("--log", "--now", "2026-03-01") == lists("--now", "2026-03-01")
    assert set(lists("--personal-only")) == {"u1"}
    campaign = lists("--placement", "winback", "--config", config, "-n", "3")
    assert {len(items) for items in campaign.values()} == {3}


def test_a_bundle_that_cannot_be_read_is_listed_with_the_reason(call: Call, tmp_path: Path) -> None:
    (tmp_path / "main" / "bundles" / "20260301T020000Z-4f1c2a").mkdir(parents=True)
    listed = call("models", "list", "--data", tmp_path)
    assert listed.status == 0
    assert "kept" in listed.out
    assert "unreadable" in listed.out


def test_after_a_correction_the_same_call_trains_another_bundle(call: Call, files: Path, tmp_path: Path) -> None:
    given = ["--interactions", files / "events.parquet", "--items", files / "items.parquet"]
    assert call("import", "--data", tmp_path, *given).status == 0
    retrain = ["train", "--data", tmp_path, "--config", files / "shop.toml", "--now", "2026-04-01", "--force"]
    assert call(*retrain).status == 0
    some = pq.read_table(files / "items.parquet")["item_id"][0].as_py()
    (tmp_path / "fix.csv").write_text(f"item_id,price\n{some},99.00\n")
    assert call("import", "--data", tmp_path, "--items", tmp_path / "fix.csv").status == 0
    done = call(*retrain)
    assert (done.status, len(list((tmp_path / "main" / "bundles").glob("2026*")))) == (0, 2), done.err
    assert "settings differ" not in done.err
    (tmp_path / "no.csv").write_text("user_id,personalize\nsomebody without a history,no\n")
    assert call("import", "--data", tmp_path, "--users", tmp_path / "no.csv").status == 0
    done = call(*retrain)
    assert (done.status, len(list((tmp_path / "main" / "bundles").glob("2026*")))) == (0, 3), done.err


def test_a_configuration_that_is_forgotten_is_told(call: Call, files: Path, tmp_path: Path) -> None:
    given = ["--interactions", files / "events.parquet", "--items", files / "items.parquet"]
    assert call("import", "--data", tmp_path, *given).status == 0
    train = ["train", "--data", tmp_path, "--now", "2026-04-01", "--force"]
    assert call(*train, "--config", files / "shop.toml").status == 0
    assert "settings differ from those of 2026" in call(*train).err


def test_training_on_an_empty_folder_says_what_to_do(call: Call, tmp_path: Path) -> None:
    done = call("train", "--data", tmp_path)
    assert done.status == 2
    assert "tagalong import" in done.err


def test_models_of_an_empty_folder(call: Call, tmp_path: Path) -> None:
    assert call("models", "list", "--data", tmp_path).status == 0
    done = call("models", "show", "--data", tmp_path)
    assert done.status == 2
    assert "no bundle is published" in done.err


def test_a_folder_that_is_not_there_is_named_and_not_made(call: Call, tmp_path: Path) -> None:
    for command in ("train", "tune"):
        done = call(command, "--data", tmp_path / "nowhere")
        assert (done.status, "there is no folder" in done.err) == (2, True), done.err
    assert not (tmp_path / "nowhere").exists()


def test_what_went_off_sale_since_the_training_is_in_no_list(
    call: Call, data: Path, files: Path, tmp_path: Path
) -> None:
    trained(call, data, files, "2026-04-01")
    out, users = tmp_path / "l.parquet", tmp_path / "u.csv"
    users.write_text("user_id\nu1\n")
    asked = ("recommend", "--bundle", data / "main" / "bundles", "--users", users, "--out", out, "-n", "5")
    assert call(*asked).status == 0
    first = pq.read_table(out)["item_id"].to_pylist()
    (tmp_path / "i.csv").write_text(f"item_id,in_stock,hidden\n{first[0]},no,\n{first[1]},,yes\n")
    assert call("import", "--data", data, "--items", tmp_path / "i.csv").status == 0
    assert call(*asked).status == 0
    second = pq.read_table(out)["item_id"].to_pylist()
    assert len(second) == 5
    assert not set(first[:2]) & set(second)
    (tmp_path / "i.csv").write_text(f"item_id,available_until\n{second[0]},2090-01-01\n")
    assert call("import", "--data", data, "--items", tmp_path / "i.csv").status == 0
    for now, shown in (("2089-12-31", True), ("2090-01-02", False)):
        assert call(*asked, "--now", now).status == 0
        assert (second[0] in pq.read_table(out)["item_id"].to_pylist()) == shown


def test_lists_from_a_bundle_in_no_data_folder_obey_refusals_it_was_trained_with(
    call: Call, files: Path, tmp_path: Path
) -> None:
    users, bundle = tmp_path / "users.jsonl", tmp_path / "bundle"
    users.write_text('{"user_id": "u1", "consent_personalization": false}\n{"user_id": "u2"}\n{"user_id": "nobody"}\n')
    given = ("--interactions", files / "events.parquet", "--config", files / "shop.toml", "--now", "2026-04-01")
    assert call("train", *given, "--users", users, "--bundle", bundle).status == 0
    asked = ("recommend", "--bundle", bundle, "--users", users, "--history", files / "events.parquet", "-n", 5)
    done = call(*asked, "--out", tmp_path / "lists.parquet")
    assert "1 customers were erased or want no personal lists" in done.err
    table = pq.read_table(tmp_path / "lists.parquet").to_pylist()
    u1, u2, nobody = ([row["item_id"] for row in table if row["user_id"] == one] for one in ("u1", "u2", "nobody"))
    assert u1 == nobody != u2


def test_an_import_of_which_no_row_can_be_read_fails_and_keeps_the_rows_with_reasons(
    call: Call, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "gbk.csv").write_bytes("user_id,item_id,timestamp\n用户,帐篷,2024-01-01\n".encode("gbk"))
    (tmp_path / "none.csv").write_text("user_id,item_id,timestamp\n")
    assert call("import", "--data", data, "--interactions", tmp_path / "none.csv").status == 0
    done = call("import", "--data", data, "--interactions", tmp_path / "gbk.csv", tmp_path / "none.csv")
    assert (done.status, f"no row could be read of {tmp_path / 'gbk.csv'}" in done.err) == (2, True)
    assert "invalid encoding" in (data / "main" / "rejects" / "gbk.csv.jsonl").read_text()
