"""What a CRM is told about all customers: a file that says what the service says of each."""

import csv
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commands.main import main
from features.customer import summary
from features.tables import ERASED, MERGES
from recommender.bundle_io import load
from tests.commands.conftest import Call

USERS = (
    "user_id,tags,region,consent_email,personalize,shoe\n"
    "u1,cooking|camping,north,yes,,42\n"
    "u2,,south,no,,\n"
    "u3,,north,yes,no,38\n"
    "newcomer,camping,,yes,,\n"
)
NOW = "2026-04-10"


@pytest.fixture(scope="module")
def trained(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of a shop whose customers declared something."""
    data = tmp_path_factory.mktemp("crm")
    (data / "users.csv").write_text(USERS)
    given = ("--interactions", files / "events.parquet", "--items", files / "items.parquet")
    calls: list[tuple[object, ...]] = [
        ("import", "--data", data, *given, "--users", data / "users.csv"),
        ("train", "--data", data, "--config", files / "shop.toml", "--now", NOW),
    ]
    for call in calls:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["tagalong", *map(str, call)])
            with pytest.raises(SystemExit, match="0"):
                main()
    return data


@pytest.fixture
def data(trained: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be changed."""
    return Path(shutil.copytree(trained, tmp_path / "data", symlinks=True))


def told(call: Call, data: Path, *more: object) -> dict[str, dict[str, Any]]:
    """Return the file's rows by customer."""
    out = data / "customers.parquet"
    done = call("customers", "--bundle", data / "main", "--out", out, "--now", NOW, *more)
    assert done.status == 0, done.err
    return {row["user_id"]: row for row in pq.read_table(out).to_pylist()}


def test_it_says_of_everybody_what_the_service_says_of_one(call: Call, data: Path) -> None:
    found = told(call, data)
    bundle = load(data / "main" / "bundles" / "current")
    now = int(datetime.fromisoformat(NOW).replace(tzinfo=UTC).timestamp())
    assert len(found) == 81
    for name in ("u1", "u2", "u40", "newcomer"):
        history = bundle.histories.take(np.array([bundle.users.row(name)]))
        expected = summary(history, now, bundle.info.config.live.spent_well)
        assert {key: found[name][key] for key in expected} == expected
    assert (found["newcomer"]["stage"], found["newcomer"]["recency_days"]) == ("unknown", None)
    assert found["u1"]["events"] > 0
    assert found["u1"]["tags"][:2] == ["camping", "cooking"]
    assert found["newcomer"]["tags"] == ["camping"]
    declared = [found[name][key] for name in ("u1", "u2", "u40") for key in ("region", "consent_email", "shoe")]
    assert declared == ["north", True, "42", "south", False, None, None, None, None]


def test_of_who_wants_no_personal_lists_it_says_only_what_was_declared(call: Call, data: Path) -> None:
    refused = told(call, data)["u3"]
    assert (refused["personalize"], refused["stage"], refused["events"], refused["tags"]) == (False, "unknown", 0, [])
    assert (refused["region"], refused["consent_email"]) == ("north", True)
    assert set(told(call, data, "--where", "not personalize")) == {"u3"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("consent_email and 'camping' in tags", {"u1", "newcomer"}),
        ("region in ('north', 'south') and orders > 0", {"u1", "u2"}),
        ("shoe = '42' or stage = 'unknown'", {"u1", "u3", "newcomer"}),
        ("orders < 0", set()),
    ],
)
def test_a_condition_chooses_whom_it_holds_for(call: Call, data: Path, condition: str, expected: set[str]) -> None:
    assert set(told(call, data, "--where", condition)) == expected


def test_tags_that_were_declared_since_the_training_are_known_also_those_of_no_item(call: Call, data: Path) -> None:
    assert "vip" not in told(call, data)["u2"]["tags"]
    (data / "more.csv").write_text("user_id,tags\nu2,vip\nu1,\n")
    assert call("import", "--data", data, "--users", data / "more.csv").status == 0
    assert set(told(call, data, "--where", "'vip' in tags")) == {"u2"}
    assert told(call, data)["u1"]["tags"][:2] == ["camping", "cooking"]


def test_its_file_is_an_audience(call: Call, data: Path) -> None:
    audience, lists = data / "audience.csv", data / "lists.csv"
    bundles = ("--bundle", data / "main" / "bundles")
    assert call("customers", *bundles, "--out", audience, "--where", "consent_email and personalize").status == 0
    assert call("recommend", *bundles, "--users", audience, "--out", lists, "-n", "2").status == 0
    with lists.open(newline="") as file:
        assert {row["user_id"] for row in csv.DictReader(file)} == {"u1", "newcomer"}
    with audience.open(newline="") as file:
        assert {row["user_id"]: row["tags"] for row in csv.DictReader(file)}["newcomer"] == "camping"


def test_who_was_erased_is_not_in_it_and_a_merged_visitor_is_the_customer(call: Call, data: Path) -> None:
    when = datetime(2026, 4, 9, tzinfo=UTC)
    gone = pa.table([["u2"], [when], ["r"], [False]], schema=ERASED)
    merged = pa.table([["u4"], ["u1"], [int(when.timestamp() * 1000)]], schema=MERGES)
    before = told(call, data)
    pq.write_table(gone, data / "main" / "erased.parquet")
    pq.write_table(merged, data / "main" / "merges.parquet")
    assert set(before) - set(told(call, data)) == {"u2", "u4"}


def test_on_request_it_knows_what_happened_since_the_training(call: Call, data: Path) -> None:
    (data / "new.csv").write_text(
        "user_id,item_id,timestamp,price\nu40,camping-1,2026-04-09,5\nu999,camping-1,2026-04-09,5\n"
    )
    before = told(call, data)
    assert call("import", "--data", data, "--interactions", data / "new.csv").status == 0
    assert told(call, data) == before
    after = told(call, data, "--log")
    assert after["u40"]["orders"] == before["u40"]["orders"] + 1
    assert (after["u999"]["stage"], after["u999"]["spent"]) == ("new", 5.0)
    assert set(after) - set(before) == {"u999"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (("--where", "stag = 'new'"), "--where: 'stag' is not a column; did you mean 'stage'?"),
        (("--where", "tags in customer_tags"), "--where: 'customer_tags' is not a column"),
        (("--now", "yesterday"), "--now"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    call: Call, data: Path, given: tuple[str, ...], complaint: str
) -> None:
    done = call("customers", "--bundle", data / "main", "--out", data / "c.csv", *given)
    assert (done.status, complaint in done.err) == (2, True), done.err
    assert not [path for path in data.iterdir() if "c.csv" in path.name]
