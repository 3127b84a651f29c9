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
from training.customer_table import KNOWN

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
    assert refused["personalize"] is False
    assert {refused[name] for name in KNOWN.names[2:-1]} | {str(refused["tags"])} == {None, "None"}
    assert (refused["region"], refused["consent_email"], refused["shoe"]) == ("north", True, "38")
    assert set(told(call, data, "--where", "not personalize")) == {"u3"}
    assert "u3" not in told(call, data, "--where", "orders = 0 or orders > 0 or stage != 'new'")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("consent_email and 'camping' in tags", {"u1", "newcomer"}),
        ("region in ('north', 'south') and orders > 0", {"u1", "u2"}),
        ("shoe = '42' or stage = 'unknown'", {"u1", "newcomer"}),
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


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("shoe > 40", {"u1"}),
        ("shoe between 38 and 42 and shoe * 2 < 80", {"u3"}),
        ("shoe = '42' and shoe in ('42', '43')", {"u1"}),
        ("consent_email is not null and not consent_email", {"u2"}),
        ("consent_sms is null and orders < 0", set()),
    ],
)
def test_numbers_among_attributes_compare_and_what_nobody_told_is_null(
    call: Call, data: Path, condition: str, expected: set[str]
) -> None:
    assert set(told(call, data, "--where", condition)) == expected
    assert set(told(call, data, "--where", "consent_email is null")) == set(told(call, data)) - set(
        told(call, data, "--where", "consent_email is not null")
    )


def test_a_text_that_is_no_number_does_not_compare_as_one(call: Call, data: Path) -> None:
    out = data / "c.csv"
    done = call("customers", "--bundle", data / "main", "--out", out, "--where", "region > 5")
    assert (done.status, "'region' is text, which this cannot compare" in done.err) == (2, True), done.err


def test_it_says_how_far_the_next_birthday_is(call: Call, data: Path) -> None:
    days = {"u1": "1990-04-10", "u2": "04-09", "u4": "04-11", "u5": "2000-02-29", "u6": ""}
    (data / "b.csv").write_text("user_id,birthday\n" + "".join(f"{one},{day}\n" for one, day in days.items()))
    assert call("import", "--data", data, "--users", data / "b.csv").status == 0
    found = told(call, data)
    assert {one: found[one]["days_to_birthday"] for one in days} == {
        "u1": 0, "u2": 364, "u4": 1, "u5": 324, "u6": None
    }  # fmt: skip
    assert set(told(call, data, "--where", "days_to_birthday <= 7")) == {"u1", "u4"}


def test_it_says_who_unsubscribed_and_when(call: Call, data: Path) -> None:
    assert all(row["unsubscribed_at"] is None for row in told(call, data).values())
    lines = ["u1,unsubscribe,2026-03-01", "u1,退订,2026-03-05", "u2,unsubscribe,2026-05-01", "v,unsubscribe,2026-03-02"]
    (data / "e.csv").write_text("user_id,event,timestamp,item_id\n" + "".join(f"{line},\n" for line in lines))
    assert call("import", "--data", data, "--interactions", data / "e.csv").status == 0
    decide(data, "nobody", {"v": "u40"})
    found = told(call, data)
    known = {one: row["unsubscribed_at"] for one, row in found.items() if row["unsubscribed_at"]}
    assert known == {"u1": datetime(2026, 3, 5, tzinfo=UTC), "u40": datetime(2026, 3, 2, tzinfo=UTC)}
    assert set(told(call, data, "--where", "unsubscribed_at >= '2026-03-03'")) == {"u1"}
    assert set(told(call, data, "--where", "consent_email and unsubscribed_at is null")) == {"u3", "newcomer"}
    decide(data, "u1", {"v": "u40"})
    assert {one for one, row in told(call, data).items() if row["unsubscribed_at"]} == {"u40"}


def decide(data: Path, erased: str, merges: dict[str, str]) -> None:
    when = datetime(2026, 4, 9, tzinfo=UTC)
    moments = [int(when.timestamp() * 1000)] * len(merges)
    pq.write_table(pa.table([[erased], [when], ["r"], [False]], schema=ERASED), data / "main" / "erased.parquet")
    table = pa.table([list(merges), list(merges.values()), moments], schema=MERGES)
    pq.write_table(table, data / "main" / "merges.parquet")


def test_who_was_erased_is_not_in_it_and_a_merged_visitor_is_the_customer(call: Call, data: Path) -> None:
    before = told(call, data)
    decide(data, "u2", {"u4": "u1", "u5": "somebody"})
    after = told(call, data)
    assert set(before) - set(after) == {"u2", "u4", "u5"}
    assert set(after) - set(before) == {"somebody"}
    (data / "asked.csv").write_text("user_id\nu4\nu1\nu2\n")
    asked = told(call, data, "--users", data / "asked.csv")
    assert asked == {"u1": after["u1"]}


def test_what_an_erased_visitor_declared_is_told_of_nobody(call: Call, data: Path) -> None:
    """As it stands until the archiver has fulfilled the request."""
    (data / "more.csv").write_text("user_id,tags,birthday,consent_email\nv1,secret,1980-02-03,yes\n")
    assert call("import", "--data", data, "--users", data / "more.csv").status == 0
    decide(data, "v1", {"v1": "u40"})
    found = told(call, data)["u40"]
    assert (found["birthday"], found["consent_email"], "secret" in found["tags"]) == (None, None, False)


def test_who_was_erased_and_came_back_has_what_they_did_since(call: Call, data: Path) -> None:
    decide(data, "u2", {})
    (data / "new.csv").write_text("user_id,item_id,timestamp,price\nu2,camping-1,2026-04-09T12:00:00Z,5\n")
    assert call("import", "--data", data, "--interactions", data / "new.csv").status == 0
    assert "u2" not in told(call, data)
    found = told(call, data, "--log")["u2"]
    assert (found["personalize"], found["orders"], found["stage"], found["region"]) == (True, 1, "new", None)


def test_attributes_that_the_service_took_stand_above_those_of_files(call: Call, data: Path) -> None:
    users = pq.read_table(data / "main" / "users.parquet")
    told_by_put = {"u1": '{"shoe": 43, "order": "5", "stage": "mine"}'}
    written = [told_by_put.get(one) for one in users["user_id"].to_pylist()]
    users = users.append_column("attributes", pa.array(written)).append_column("empty", pa.nulls(len(users)))
    pq.write_table(users, data / "main" / "users.parquet")
    found = told(call, data)
    assert [found["u1"][name] for name in ("shoe", "order", "stage")] == ["43", "5", "loyal"]
    assert "attributes" not in found["u1"]
    assert set(told(call, data, "--where", "\"order\" = '5' and empty is null")) == {"u1"}
    assert not told(call, data, "--where", "empty = 'x'")


def test_only_what_was_done_by_the_moment_counts(call: Call, data: Path) -> None:
    out, now = data / "early.parquet", datetime(2026, 2, 1, tzinfo=UTC)
    assert call("customers", "--bundle", data / "main", "--out", out, "--now", "2026-02-01").status == 0
    early = {row["user_id"]: row for row in pq.read_table(out).to_pylist()}
    events = pq.read_table(data / "main" / "events", partitioning=None).to_pylist()
    assert early["u1"]["events"] == sum(one["user_id"] == "u1" and one["timestamp"] <= now for one in events) > 0
    assert all((row["recency_days"] or 0) >= 0 for row in early.values())


def test_it_says_where_nothing_is_declared_and_nobody_is_an_audience_too(
    call: Call, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(data / "main" / "bundles" / "current", tmp_path / "copy")
    out = tmp_path / "none.csv"
    done = call("customers", "--bundle", tmp_path / "copy", "--out", out, "--where", "orders < 0")
    assert (done.status, "lies in no data folder" in done.err, "0 of 80 customers" in done.err) == (0, True, True)
    lists = call("recommend", "--bundle", tmp_path / "copy", "--users", out, "--out", tmp_path / "lists.csv")
    assert (lists.status, (tmp_path / "lists.csv").read_text()) == (0, '"user_id","rank","item_id","score","source"\n')


@pytest.mark.parametrize("name", ["users.parquet", "bundles/lists.parquet"])
def test_the_shops_own_files_are_never_written(call: Call, data: Path, name: str) -> None:
    before = (data / "main" / "users.parquet").read_bytes()
    (data / "asked.csv").write_text("user_id\nu1\n")
    given = ("--bundle", data / "main", "--out", data / "main" / name)
    for command in (("customers", *given), ("recommend", *given, "--users", data / "asked.csv")):
        done = call(*command)
        assert (done.status, "lies among the shop's own files" in done.err) == (2, True), done.err
    assert (data / "main" / "users.parquet").read_bytes() == before


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
