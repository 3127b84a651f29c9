"""From files to a bundle to lists, by the calls that users script against."""

import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.commands.conftest import Call, train


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_lists_have_the_promised_columns_and_everybody_once(
    call: Call, bundle: Path, files: Path, tmp_path: Path
) -> None:
    done = call("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", tmp_path / "l.csv", "-n", 5)
    assert done.status == 0, done.err
    found = rows(tmp_path / "l.csv")
    assert list(found[0]) == ["user_id", "rank", "item_id", "score", "source"]
    assert [(row["user_id"], row["rank"]) for row in found] == [
        (user, str(rank)) for user in ("u1", "u2", "nobody") for rank in range(1, 6)
    ]
    assert len({(row["user_id"], row["item_id"]) for row in found}) == 15
    assert "3 customers (1 unknown to the bundle)" in done.err


def test_parquet_and_csv_hold_the_same_lists(call: Call, bundle: Path, files: Path, tmp_path: Path) -> None:
    for name in ("l.csv", "l.parquet"):
        call("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", tmp_path / name)
    table = pq.read_table(tmp_path / "l.parquet").to_pylist()
    assert [(row["user_id"], row["item_id"]) for row in table] == [
        (row["user_id"], row["item_id"]) for row in rows(tmp_path / "l.csv")
    ]


def test_a_filter_and_a_boost_hold_for_everybody_in_the_file(
    call: Call, bundle: Path, files: Path, tmp_path: Path
) -> None:
    asked = ("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", tmp_path / "l.csv", "-n", 4)
    kinds = {row["item_id"]: row["category"] for row in pq.read_table(files / "items.parquet").to_pylist()}
    assert call(*asked).status == 0
    plain = [kinds[row["item_id"]] for row in rows(tmp_path / "l.csv")]
    rarest = min(set(kinds.values()), key=plain.count)
    assert call(*asked, "--filter", f"category = '{rarest}'").status == 0
    assert {kinds[row["item_id"]] for row in rows(tmp_path / "l.csv")} == {rarest}
    assert len(rows(tmp_path / "l.csv")) == 12
    assert call(*asked, "--boost", f"9 * (category = '{rarest}')").status == 0
    assert [kinds[row["item_id"]] for row in rows(tmp_path / "l.csv")].count(rarest) > plain.count(rarest)


@pytest.mark.parametrize(
    ("option", "expression", "complaint"),
    [
        ("--filter", "pric < 3", "--filter: 'pric' is not a column; did you mean 'price'? (at position 0)"),
        ("--boost", "2 *", "--boost"),
        ("--filter", "tags in customer_tags", "--filter: customer_tags are worked out by the running service alone"),
    ],
)
def test_a_filter_or_boost_that_cannot_be_is_refused_before_anything_is_written(
    call: Call, bundle: Path, files: Path, tmp_path: Path, option: str, expression: str, complaint: str
) -> None:
    asked = ("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", tmp_path / "l.csv")
    done = call(*asked, option, expression)
    assert done.status == 2
    assert complaint in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_reasons_stand_beside_the_same_lists(
    call: Call, bundle: Path, files: Path, tmp_path: Path, suffix: str
) -> None:
    plain, told = (tmp_path / f"{name}.{suffix}" for name in ("plain", "told"))
    for out, more in ((plain, ()), (told, ("--reasons",))):
        assert call("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", out, *more).status == 0
    read = rows if suffix == "csv" else lambda path: pq.read_table(path).to_pylist()
    found = read(told)
    because = [json.loads(row.pop("reasons")) for row in found]
    assert found == read(plain)
    assert all({"code", "evidence"} == set(one) for reasons in because for one in reasons)
    assert all(because)
    assert "bought_together" in codes(found, because, "u1")
    assert codes(found, because, "nobody") <= {"popular", "trending", "new"}


def codes(found: list[dict[str, str]], because: list[list[dict[str, str]]], user: str) -> set[str]:
    """Return the codes of all reasons in one customer's list."""
    theirs = [reasons for row, reasons in zip(found, because, strict=True) if row["user_id"] == user]
    return {reason["code"] for reasons in theirs for reason in reasons}


def test_no_repeat_leaves_out_what_was_had_also_in_the_history(
    call: Call, bundle: Path, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "h.csv").write_text(
        "user_id,item_id,timestamp\nnobody,staple-1,2026-04-01\nu1,no such item,2026-04-01\n"
    )
    done = call(
        "recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", tmp_path / "l.csv",
        "--history", tmp_path / "h.csv", "--no-repeat",
    )  # fmt: skip
    had = {(row["user_id"], row["item_id"]) for row in pq.read_table(files / "events.parquet").to_pylist()}
    listed = {(row["user_id"], row["item_id"]) for row in rows(tmp_path / "l.csv")}
    assert not listed & (had | {("nobody", "staple-1")})
    assert "1 later events name an item that the bundle does not know" in done.err


def test_the_same_call_writes_the_same_bytes(call: Call, bundle: Path, files: Path, tmp_path: Path) -> None:
    assert call(*train(files, tmp_path / "again")).status == 0
    one, two = ({f.name: f.read_bytes() for f in folder.iterdir()} for folder in (bundle, tmp_path / "again"))
    assert one == two
    for name in ("a.csv", "b.csv"):
        call("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_training_again_replaces_the_bundle_and_nothing_else(call: Call, files: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    done = call(*train(files, tmp_path / "mine"))
    assert done.status == 2
    assert "mine holds something else than a bundle" in done.err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--users", None, "no such file"),
        ("--users", "", "the file is empty"),
        ("--users", "someone\n", "has no rows"),
        ("--users", 'user_id,name\n,Anna\n"",Ben\n', "column user_id holds no id"),
        ("--users", "user_id,name\nu1,Anna\nu2,Müller, Ben\nu3,x\n", "row 2: "),
        ("--history", "user_id,timestamp\nu1,2026-01-01\n", "item_id"),
    ],
)
def test_a_wrong_file_is_named_and_nothing_is_written(
    call: Call, bundle: Path, files: Path, tmp_path: Path, option: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "wrong.csv").write_text(content)
    options = {"--users": files / "users.csv", option: tmp_path / "wrong.csv"}
    given = [part for pair in options.items() for part in pair]
    done = call("recommend", "--bundle", bundle, "--out", tmp_path / "l.csv", *given)
    assert done.status == 2
    assert "wrong.csv" in done.err
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "l.csv").exists()


def test_a_changed_byte_in_the_bundle_is_named(call: Call, bundle: Path, files: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in bundle.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    victim = broken / "catalogue.price.npy"
    victim.write_bytes(victim.read_bytes()[:-1] + b"\x01")
    done = call("recommend", "--bundle", broken, "--users", files / "users.csv", "--out", tmp_path / "l.csv")
    assert done.status == 2
    assert "catalogue.price.npy" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "lists.txt"), "ends in .csv or .parquet"),
        (("--out", "."), "expected a file name"),
        (("--out", "l.csv", "--placement", "shelf"), "without 'shelf' and knows"),
        (("--out", "l.csv", "--now", "yesterday"), "'yesterday' is neither RFC 3339"),
        (("--out", "l.csv", "-n", "0"), "-n"),
    ],
)
def test_a_wrong_call_is_explained(
    call: Call, bundle: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    done = call("recommend", "--bundle", bundle, "--users", files / "users.csv", *arguments)
    assert done.status == 2
    assert message in done.err


@pytest.mark.parametrize("command", ["recommend", "customers"])
def test_rows_are_not_written_to_a_folder_and_make_theirs(
    call: Call, bundle: Path, files: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "lists.csv").mkdir()
    given = ("--bundle", bundle, "--users", files / "users.csv")
    done = call(command, *given, "--out", tmp_path / "lists.csv")
    assert (done.status, "is a folder; name a file" in done.err) == (2, True), done.err
    assert call(command, *given, "--out", tmp_path / "new" / "lists.csv").status == 0
    assert (tmp_path / "new" / "lists.csv").is_file()


def test_rows_that_cannot_be_read_are_counted_and_kept_beside_the_lists(
    call: Call, bundle: Path, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "h.csv").write_text("user_id,item_id,timestamp\nu1,staple-1,2026-04-01\nu1,staple-1,soon\n")
    out, history = tmp_path / "l.csv", tmp_path / "h.csv"
    done = call("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", out, "--history", history)
    assert done.status == 0
    assert "1 rows not read as a whole: timestamp is neither" in done.err
    assert "soon" in (tmp_path / "l.csv.rejects.jsonl").read_text()


def test_an_audience_in_json_lines_must_name_its_ids(call: Call, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"customer": "u1", "age": 5}\n')
    done = call("recommend", "--bundle", bundle, "--users", tmp_path / "a.jsonl", "--out", tmp_path / "l.csv")
    assert (done.status, "column user_id is missing" in done.err) == (2, True)


def test_an_audience_is_read_as_an_import_reads_ids(call: Call, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,USER_ID\nAnna,u1\n")
    pq.write_table(pa.table({"user_id": [1.0, 22.0]}), tmp_path / "b.parquet")
    for name, ids in (("a.csv", {"u1"}), ("b.parquet", {"1", "22"})):
        done = call("recommend", "--bundle", bundle, "--users", tmp_path / name, "--out", tmp_path / "l.csv", "-n", "1")
        assert (done.status, {row["user_id"] for row in rows(tmp_path / "l.csv")}) == (0, ids), done.err


def test_rows_of_an_audience_without_an_id_are_left_out_and_told(call: Call, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"user_id,name\nu1,Anna\n,Ben\n{'x' * 300},Cleo\nu2,Dan\n")
    done = call("recommend", "--bundle", bundle, "--users", tmp_path / "a.csv", "--out", tmp_path / "l.csv", "-n", "1")
    assert (done.status, "2 rows of" in done.err) == (0, True)
    assert [row["user_id"] for row in rows(tmp_path / "l.csv")] == ["u1", "u2"]


def test_with_now_nothing_later_is_learned_from(call: Call, files: Path, tmp_path: Path) -> None:
    events = pq.read_table(files / "events.parquet")
    cut = pc.quantile(events["timestamp"].cast(pa.int64()), 0.8, interpolation="lower")[0].as_py() // 1000
    earlier = events.filter(pc.less(events["timestamp"].cast(pa.int64()), (cut + 1) * 1000))
    pq.write_table(earlier, tmp_path / "earlier.parquet")
    for name, file in (("whole", files / "events.parquet"), ("cut", tmp_path / "earlier.parquet")):
        given = ["--interactions", file, "--items", files / "items.parquet", "--config", files / "shop.toml"]
        assert call("train", *given, "--bundle", tmp_path / name, "--now", cut).status == 0
    assert [(tmp_path / name / "manifest.json").read_bytes() for name in ("whole", "cut")] == [
        (tmp_path / "cut" / "manifest.json").read_bytes()
    ] * 2


def test_a_rule_about_an_unknown_column_is_refused_before_the_fit(call: Call, files: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("[[tag_rules]]\ntag = 'x'\nwhen = \"categry = 'a'\"\n")
    given = ["--interactions", files / "events.parquet", "--items", files / "items.parquet"]
    done = call("train", *given, "--config", tmp_path / "rules.toml", "--bundle", tmp_path / "b")
    assert (done.status, "line 3" in done.err, "did you mean 'category'?" in done.err) == (2, True, True)


def test_what_is_read_is_never_overwritten(call: Call, bundle: Path, files: Path, tmp_path: Path) -> None:
    events, audience = tmp_path / "events.csv", tmp_path / "audience.csv"
    events.write_text("user_id,item_id,timestamp\nu1,staple-1,2026-04-01\n")
    audience.write_text("user_id\nu1\n")
    rejects = tmp_path / "l.csv.rejects.jsonl"
    rejects.write_text('{"user_id": "u1", "item_id": "staple-1", "timestamp": 1}\n')
    before = events.read_bytes(), audience.read_bytes(), rejects.read_bytes()
    pattern = tmp_path / "ev*.csv"
    calls: list[tuple[object, ...]] = [
        ("recommend", "--bundle", bundle, "--users", audience, "--out", audience),
        ("recommend", "--bundle", bundle, "--users", audience, "--out", events, "--history", pattern),
        ("recommend", "--bundle", bundle, "--users", audience, "--out", tmp_path / "l.csv", "--history", rejects),
        ("customers", "--bundle", bundle, "--users", audience, "--out", audience),
        ("evaluate", "--interactions", pattern, "--protocol", "leave-one-out", "--json", events),
        ("evaluate", "--interactions", pattern, "--protocol", "leave-one-out", "--html", events),
        ("tune", "--interactions", events, "--out", events),
        ("tune", "--interactions", events, "--study", events),
    ]
    for one in calls:
        done = call(*one)
        assert (done.status, "is to be read as well" in done.err) == (2, True), (one, done.err)
    assert (events.read_bytes(), audience.read_bytes(), rejects.read_bytes()) == before


def test_what_lies_after_the_moment_of_the_lists_is_used_and_told(
    call: Call, bundle: Path, files: Path, tmp_path: Path
) -> None:
    history = tmp_path / "h.csv"
    history.write_text(
        "user_id,item_id,timestamp\nnobody,staple-1,2026-03-01T00:00:00Z\nnobody,staple-2,2026-03-01T00:00:01Z\n"
    )
    asked = ("recommend", "--bundle", bundle, "--users", files / "users.csv", "--out", tmp_path / "l.csv", "-n", 60)
    done = call(*asked, "--no-repeat", "--history", history, "--now", "2026-03-01T00:00:00Z")
    assert done.status == 0, done.err
    assert "1 events of --history lie after --now; they are folded in all the same" in done.err
    assert "the bundle knows what happened until 2026-03-31T" in done.err
    listed = {row["item_id"] for row in rows(tmp_path / "l.csv") if row["user_id"] == "nobody"}
    assert not listed & {"staple-1", "staple-2"}


def test_training_on_files_says_what_it_read_and_reached(call: Call, files: Path, tmp_path: Path) -> None:
    events = tmp_path / "odd.csv"
    table = pq.read_table(files / "events.parquet").to_pylist()
    lines = [f"{row['user_id']},{row['item_id']},{row['timestamp'].isoformat()},purchase" for row in table]
    lines += ["u1,staple-1,2026-03-01,telport", "u1,staple-1,never,purchase", ",staple-1,2026-03-01,purchase"]
    events.write_text("\n".join(["user_id,item_id,timestamp,event", *lines]))
    bundle = tmp_path / "bundle"
    done = call("train", "--interactions", events, "--bundle", bundle, "--config", files / "shop.toml")
    assert done.status == 0, done.err
    assert f"read: {len(table) + 1} events\n" in done.err
    assert "1 rows not read as a whole: user_id is empty" in done.err
    assert "1 events are called 'telport', which nobody knows" in done.err
    shown = json.loads(call("models", "show", bundle, "--data", tmp_path).out)
    reached = shown["metrics"]["next"]["figures"]["tagalong"]["NDCG@10"]["mean"]
    asked = shown["metrics"]["held_out"]["customers"]
    assert f"NDCG@10 next {reached:.4f}, discovery " in done.err
    assert f"on {asked} held-out customers" in done.err


@pytest.mark.parametrize(("folder", "complaint"), [
    ("data", "is a data folder; name a shop's part of it, such as"), ("data/main", "no bundle is published here"),
    ("data/main/bundles", "no bundle is published here"), ("elsewhere", "is no bundle"),
])  # fmt: skip
def test_a_folder_without_a_published_bundle_is_named(
    call: Call, files: Path, tmp_path: Path, folder: str, complaint: str
) -> None:
    (tmp_path / "data" / "main" / "bundles").mkdir(parents=True)
    (tmp_path / "data" / "main" / "bundles" / "registry.json").write_text('{"published": [], "kept": []}')
    (tmp_path / "elsewhere").mkdir()
    given = ("--bundle", tmp_path / folder, "--out", tmp_path / "l.csv")
    for command in (("recommend", *given, "--users", files / "users.csv"), ("customers", *given)):
        done = call(*command)
        assert (done.status, complaint in done.err) == (2, True), done.err


def test_a_folder_that_is_only_called_bundles_is_no_shops(
    call: Call, bundle: Path, files: Path, tmp_path: Path
) -> None:
    shutil.copytree(bundle, tmp_path / "bundles" / "mine")
    (tmp_path / "users.parquet").write_text("a file of somebody else")
    given = ("--bundle", tmp_path / "bundles" / "mine", "--users", files / "users.csv", "--out", tmp_path / "l.csv")
    for command in ("recommend", "customers"):
        done = call(command, *given)
        assert done.status == 0, done.err
