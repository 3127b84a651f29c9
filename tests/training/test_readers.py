"""Reading a shop's files, and its log."""

import gzip
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommender.errors import UnreadableFile
from training.file_rows import read_events, read_items, read_users
from training.readers import expand, read_files

NEW_YEAR = datetime(2017, 1, 1, tzinfo=UTC)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    content = text.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def events(folder: Path, name: str, text: str) -> list[dict[str, Any]]:
    return read_files([written(folder, name, text)]).events.to_pylist()


def test_the_same_rows_in_every_format_are_the_same_events(tmp_path: Path) -> None:
    csv = "user_id,item_id,timestamp,event,quantity,price\nu,i,2017-01-01T00:00:00Z,view,2,1.50\nü,😀,1483228800,,,\n"
    lines = (
        '{"user_id":"u","item_id":"i","timestamp":"2017-01-01T00:00:00Z","event":"view","quantity":2,"price":1.5}\n'
        '{"timestamp":1483228800,"item_id":"😀","user_id":"ü"}\n'
    )
    table = pa.table(
        {
            "user_id": ["u", "ü"],
            "item_id": ["i", "😀"],
            "timestamp": pa.array([NEW_YEAR, NEW_YEAR]),
            "event": ["Product Viewed", None],
            "quantity": [2, None],
            "price": [1.5, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    expected = events(tmp_path, "a.csv", csv)
    assert [row["event"] for row in expected] == ["view_item", "purchase"]
    assert [row["quantity"] for row in expected] == [2, 1]
    assert [row["timestamp"] for row in expected] == [NEW_YEAR, NEW_YEAR]
    assert events(tmp_path, "a.csv.gz", csv) == expected
    assert events(tmp_path, "b.csv", csv.replace(",", ";").replace("\n", "\r\n")) == expected
    assert events(tmp_path, "d.csv", csv.replace("\n", "\r\n", 2) + "\r\n") == expected
    assert events(tmp_path, "e.csv", csv.replace("\n", "\r\n", 1)) == expected
    assert events(tmp_path, "f.csv", csv.replace("\n", "\r")) == expected
    assert events(tmp_path, "g.csv", "," + csv.replace("\n", "\n0,")[:-2]) == expected
    assert events(tmp_path, "b.jsonl", lines.replace("\n", "\r\n", 1)) == expected
    assert events(tmp_path, "c.tsv", "\ufeff" + csv.replace(",", "\t")) == expected
    assert events(tmp_path, "a.jsonl", lines) == expected
    assert events(tmp_path, "a.jsonl.gz", lines) == expected
    assert read_files([tmp_path / "a.parquet"]).events.to_pylist() == expected


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2017-01-01T00:00:00Z", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01t00:00:00z", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01T08:00:00+08:00", "2017-01-01T00:00:00+00:00"),
        ("2016-12-31 18:30:00-05:30", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01 00:00:00.1239", "2017-01-01T00:00:00.123000+00:00"),
        ("1483228800", "2017-01-01T00:00:00+00:00"),
        ("1483228800.5", "2017-01-01T00:00:00.500000+00:00"),
        ("1483228800000", "2017-01-01T00:00:00+00:00"),
        ("1.4832288e9", "2017-01-01T00:00:00+00:00"),
        ("1483228800000000", "2017-01-01T00:00:00+00:00"),
        ("0", "1970-01-01T00:00:00+00:00"),
    ],
)
def test_a_timestamp_is_rfc_3339_or_seconds_or_milliseconds(tmp_path: Path, cell: str, moment: str) -> None:
    (row,) = events(tmp_path, "t.csv", f"user_id,item_id,timestamp\nu,i,{cell}\n")
    assert row["timestamp"].isoformat() == moment


@pytest.mark.parametrize(
    "cell",
    ["2026-11-17 08:00:00 CST", "2026-11-17T08:00 EST", "20261117", "202611170800", "20261117080000", "17 Nov 2026"],
)
def test_what_is_no_moment_or_means_several_is_refused(tmp_path: Path, cell: str) -> None:
    path = written(tmp_path, "t.csv", f"user_id,item_id,timestamp\nu,i,{cell}\n")
    found = read_events(path)
    reason = "timestamp is neither RFC 3339 nor seconds or milliseconds since 1970"
    assert ([reject.reason for reject in found.rejects], len(found.table)) == ([reason], 0)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(10**9, 4 * 10**9), st.sampled_from(["seconds", "ms", "text"])), min_size=1))
def test_spellings_of_time_may_be_mixed_in_one_file(
    tmp_path_factory: pytest.TempPathFactory, moments: list[tuple[int, str]]
) -> None:
    spelled = {"seconds": str, "ms": lambda s: f"{s}000", "text": lambda s: datetime.fromtimestamp(s, UTC).isoformat()}
    lines = [f"u{n},i,{spelled[way](second)}" for n, (second, way) in enumerate(moments)]
    found = events(tmp_path_factory.mktemp("t"), "t.csv", "\n".join(["user_id,item_id,timestamp", *lines]))
    assert [int(row["timestamp"].timestamp()) for row in found] == [second for second, _ in moments]


ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=256).filter(str.strip)


@settings(max_examples=25)
@example([("0", "\\0"), ("\\u0000", "\\")])
@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=8, unique=True))
def test_any_id_survives_every_format(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("ids")
    columns = {"user_id": [u for u, _ in pairs], "item_id": [i for _, i in pairs], "timestamp": [0] * len(pairs)}
    table = pa.table(columns)
    pa.csv.write_csv(table, folder / "a.csv", pa.csv.WriteOptions(quoting_style="all_valid"))
    pq.write_table(table, folder / "a.parquet")
    (folder / "a.jsonl").write_bytes(
        b"".join(orjson.dumps(row, None, orjson.OPT_APPEND_NEWLINE) for row in table.to_pylist())
    )
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        found = read_files([folder / name]).events
        assert list(zip(found["user_id"].to_pylist(), found["item_id"].to_pylist(), strict=True)) == pairs, name


def test_whole_numbers_are_ids_without_a_point(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": [1.0, 2.0], "item_id": [7, 8], "timestamp": [0, 0]}), tmp_path / "n.parquet")
    found = read_files([tmp_path / "n.parquet"]).events
    assert (found["user_id"].to_pylist(), found["item_id"].to_pylist()) == (["1", "2"], ["7", "8"])


def test_rows_that_cannot_be_read_are_kept_with_the_reason(tmp_path: Path) -> None:
    text = (
        "user_id,item_id,timestamp,quantity,price\n"
        "u,i,0,1,1\n"
        "torn\n"
        ",i,0,,\n"
        "u,,0,,\n"
        "u,i,,,\n"
        "u,i,yesterday,,\n"
        "u,i,0,two,\n"
        "u,i,0,0,\n"
        "u,i,0,,-1\n"
        f"{'u' * 257},i,0,,\n"
        "u,\x01,0,,\n"
        "u,i,0,nan,\n"
        f"{'u' * 256},i,0,,\n"
    )
    path = written(tmp_path, "bad.csv", text)
    tables = read_files([path], rejects=tmp_path / "rejects.jsonl")
    rejects = [orjson.loads(line) for line in (tmp_path / "rejects.jsonl").read_bytes().splitlines()]
    assert len(tables.events) == 2
    assert {reject["file"] for reject in rejects} == {str(path)}
    assert sorted((reject["row"], reject["reason"].split(":")[0]) for reject in rejects) == [
        (2, "missing columns"),
        (3, "user_id is empty"),
        (4, "item_id is empty"),
        (5, "timestamp is empty"),
        (6, "timestamp is neither RFC 3339 nor seconds or milliseconds since 1970"),
        (7, "quantity is not a number above 0 (a return is the event refund)"),
        (8, "quantity is not a number above 0 (a return is the event refund)"),
        (9, "price is not a number of 0 or more"),
        (10, "user_id is longer than 256 characters"),
        (11, "item_id has a control character"),
        (12, "quantity is not a number above 0 (a return is the event refund)"),
    ]
    assert next(r for r in rejects if r["row"] == 6)["content"]["timestamp"] == "yesterday"
    assert next(r for r in rejects if r["row"] == 2)["content"] == "torn"


def test_lines_that_are_no_objects_are_rejected(tmp_path: Path) -> None:
    good = '{"user_id":"u","item_id":"a/b","timestamp":0}'
    path = written(tmp_path, "bad.jsonl", f'{good}\nnope\n\n[1]\n{{"user_id":"u"\n')
    tables = read_files([path], rejects=tmp_path / "rejects.jsonl")
    rejects = [orjson.loads(line) for line in (tmp_path / "rejects.jsonl").read_bytes().splitlines()]
    assert tables.events["item_id"].to_pylist() == ["a/b"]
    assert [(r["row"], r["reason"], r["content"]) for r in rejects] == [
        (2, "not a JSON object", "nope"),
        (4, "not a JSON object", "[1]"),
        (5, "not a JSON object", '{"user_id":"u"'),
    ]


def test_bytes_that_are_not_utf8_cost_their_row_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"user_id,item_id,timestamp\n\xff,i,0\nu,i,0\n")
    tables = read_files([tmp_path / "a.csv"], rejects=tmp_path / "rejects.jsonl")
    assert tables.events["user_id"].to_pylist() == ["u"]
    assert b"invalid encoding" in (tmp_path / "rejects.jsonl").read_bytes()


def test_no_rejects_leave_no_file(tmp_path: Path) -> None:
    read_files([written(tmp_path, "a.csv", "user_id,item_id,timestamp\nu,i,0\n")], rejects=tmp_path / "rejects.jsonl")
    assert not (tmp_path / "rejects.jsonl").exists()


def test_the_same_event_counts_once(tmp_path: Path) -> None:
    header = "user_id,item_id,timestamp"
    first = written(tmp_path, "a.csv", f"{header}\nu,i,0\nu,i,0\nu,j,0\n")
    second = written(tmp_path, "b.csv", f"event_id,{header}\nx,u,i,0\nx,v,k,9\n,u,j,0\n")
    found = read_files([first, second]).events
    assert list(zip(found["user_id"].to_pylist(), found["item_id"].to_pylist(), strict=True)) == [
        ("u", "i"),
        ("u", "j"),
        ("u", "i"),
    ]


def test_an_event_that_needs_no_item_may_lack_it(tmp_path: Path) -> None:
    (row,) = events(tmp_path, "s.csv", "user_id,item_id,timestamp,event\nu,,0,search\n")
    assert (row["event"], row["item_id"]) == ("search", None)


def test_unknown_event_names_are_kept(tmp_path: Path) -> None:
    (row,) = events(tmp_path, "s.csv", "user_id,item_id,timestamp,event\nu,i,0,Shaken Not Stirred\n")
    assert row["event"] == "Shaken Not Stirred"


def test_a_header_alone_is_no_events(tmp_path: Path) -> None:
    assert events(tmp_path, "h.csv", "user_id,item_id,event,timestamp\n") == []


def test_items_in_csv(tmp_path: Path) -> None:
    text = (
        "item_id,title,tags,category,price,in_stock,hidden,available_from,size,Weight\n"
        '1,"Tent, green",camping| hiking ||camping,A > B,9.90,3,no,2030-01-01,XL,2\n'
        "2,,,,,0,,,,\n"
        "3,,,,free,,,,,\n"
        "4,,,,,perhaps,,,,\n"
    )
    tables = read_files(items=[written(tmp_path, "i.csv", text)], rejects=tmp_path / "r.jsonl")
    first, second, third, fourth = tables.items.to_pylist()
    assert first["title"] == "Tent, green"
    assert first["tags"] == ["camping", "hiking"]
    assert (first["price"], first["in_stock"], first["hidden"]) == ("9.90", True, False)
    assert first["available_from"] == datetime(2030, 1, 1, tzinfo=UTC)
    assert (first["size"], first["weight"]) == ("XL", "2")
    assert (second["in_stock"], second["hidden"], second["tags"]) == (False, None, None)
    assert (third["price"], fourth["in_stock"]) == (None, None)
    rejects = [orjson.loads(line) for line in (tmp_path / "r.jsonl").read_bytes().splitlines()]
    assert [reject["reason"] for reject in rejects] == [
        "price is not a number of 0 or more; the rest of the row is kept",
        "in_stock is neither yes nor no; the rest of the row is kept",
    ]
    assert all(reject["kept"] for reject in rejects)


def test_items_in_json_lines_and_parquet(tmp_path: Path) -> None:
    line = '{"item_id":5,"tags":["a","b|c"],"in_stock":true,"price":9.9,"colours":["red","blue"],"eco":true}\n'
    table = pa.table({"item_id": ["5"], "tags": [["a", "b|c"]], "in_stock": [True], "price": [9.9], "eco": [True]})
    pq.write_table(table, tmp_path / "i.parquet")
    for path in (written(tmp_path, "i.jsonl", line), tmp_path / "i.parquet"):
        (item,) = read_files(items=[path]).items.to_pylist()
        assert (item["item_id"], item["tags"], item["in_stock"], item["price"], item["eco"]) == (
            "5",
            ["a", "b|c"],
            True,
            "9.9",
            "true",
        )


def test_a_later_file_adds_to_what_an_earlier_one_said_of_an_item(tmp_path: Path) -> None:
    old = written(tmp_path, "a.csv", "item_id,title,price\n1,Tent,9\n2,Mat,3\n")
    new = written(tmp_path, "b.csv", "item_id,price,brand\n1,8,Acme\n")
    rows = read_files(items=[old, new]).items.select(["item_id", "title", "price", "brand"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [("1", "Tent", "8", "Acme"), ("2", "Mat", "3", None)]


def test_users(tmp_path: Path) -> None:
    text = "user_id,tags,birthday,consent_email,age\nu,vip|new,02-29,true,30\n"
    (user,) = read_files(users=[written(tmp_path, "u.csv", text)]).users.to_pylist()
    assert (user["tags"], user["birthday"], user["consent_email"], user["age"]) == (["vip", "new"], "02-29", True, "30")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"user_id,timestamp\nu,0\n", "column item_id is missing"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv.gz", b"user_id", "cannot be read"),
        ("a.parquet", b"PAR1 but not really", "cannot be read"),
        ("a.jsonl", b"{}\n", "no line is a JSON object"),
        ("a.jsonl", b'{"user_id":"u"}\n', "column item_id is missing"),
        ("a.csv", b"user_id,user_id\n", "must name no column twice"),
        ("a.xlsx", b"...", "must end in .csv, .jsonl or .parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        read_files([tmp_path / name])
    assert caught.value.field == str(tmp_path / name)
    assert message in caught.value.detail


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"nowhere\.csv: no such file"):
        read_files([tmp_path / "nowhere.csv"])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_is_itself_whatever_its_name_looks_like(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "[a]*"
    folder.mkdir()
    for name, user in (("events[1]", "bracket"), ("events1", "other")):
        path = folder / f"{name}.{ending}"
        table = pa.table({"user_id": [user], "item_id": ["i"], "timestamp": [1483228800]})
        if ending == "csv":
            pyarrow.csv.write_csv(table, path)
        elif ending == "jsonl":
            path.write_bytes(orjson.dumps(table.to_pylist()[0]))
        else:
            pq.write_table(table, path)
    assert read_files([folder / f"events[1].{ending}"]).events["user_id"].to_pylist() == ["bracket"]


def test_globs_name_many_files_and_each_counts_once(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        written(tmp_path, name, "user_id,item_id,timestamp\n")
    assert [path.name for path in expand([tmp_path / "*.csv", tmp_path / "a.csv"])] == ["a.csv", "b.csv"]


def test_rows_keep_the_order_of_the_file(tmp_path: Path) -> None:
    size = 400_000
    names = ["view", "Shaken", None, "search"]
    columns = {"user_id": np.arange(size), "item_id": np.arange(size), "timestamp": np.zeros(size, np.int64)}
    events = pa.array(names).take(pa.array(np.arange(size) % 4))
    pq.write_table(pa.table({**columns, "event": events}), tmp_path / "big.parquet", row_group_size=20_000)
    assert read_files([tmp_path / "big.parquet"]).events["user_id"].to_pylist() == [str(n) for n in range(size)]


def test_an_event_of_the_future_is_rejected(tmp_path: Path) -> None:
    text = "user_id,item_id,timestamp\nu,i,2026-01-01\nu,j,2099-01-01\n"
    found = read_events(written(tmp_path, "a.csv", text), latest=datetime(2026, 1, 2, tzinfo=UTC).timestamp())
    assert found.table["item_id"].to_pylist() == ["i"]
    assert [(reject.row, reject.reason) for reject in found.rejects] == [(2, "timestamp lies in the future")]


def test_a_json_id_is_a_text_or_a_number(tmp_path: Path) -> None:
    ids = ['"a"', "7", '["x"]', '{"x": 1}', "true"]
    text = "".join(f'{{"user_id": "u", "item_id": {one}, "timestamp": 1}}\n' for one in ids)
    found = read_events(written(tmp_path, "a.jsonl", text))
    assert found.table["item_id"].to_pylist() == ["a", "7"]
    assert [(reject.row, reject.reason) for reject in found.rejects] == [
        (row, "item_id is no text") for row in (3, 4, 5)
    ]


def test_a_quote_that_nobody_closes_says_what_it_took(tmp_path: Path) -> None:
    text = 'user_id,item_id,timestamp\nu,i,1\nu,j,"2\n' + "u,k,3\n" * 9
    (reject,) = read_events(written(tmp_path, "a.csv", text)).rejects
    assert reject.reason.endswith("9 more lines were taken for a part of this one")


def test_a_list_is_the_same_attribute_in_every_format(tmp_path: Path) -> None:
    lines = written(tmp_path, "a.jsonl", '{"item_id": "i", "colors": ["red", "blue"], "size": "[XL"}\n')
    pq.write_table(pa.table({"item_id": ["i"], "colors": [["red", "blue"]], "size": ["[XL"]}), tmp_path / "a.parquet")
    for path in (lines, tmp_path / "a.parquet"):
        (item,) = read_files(items=[path]).items.to_pylist()
        assert (item["colors"], item["size"]) == ("red|blue", "[XL")


def test_a_category_is_a_path_in_every_format(tmp_path: Path) -> None:
    lines = written(tmp_path, "a.jsonl", '{"item_id": "i", "category": ["Food", "Milk"]}\n')
    pq.write_table(pa.table({"item_id": ["i"], "category": [["Food", "Milk"]]}), tmp_path / "a.parquet")
    for path in (lines, tmp_path / "a.parquet", written(tmp_path, "a.csv", "item_id,category\ni,Food > Milk\n")):
        assert read_files(items=[path]).items["category"].to_pylist() == ["Food > Milk"]


def test_every_cell_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    found = read_items(written(tmp_path, "a.csv", "item_id,in_stock,hidden,price\ni,maybe,perhaps,5\n"))
    (reject,) = found.rejects
    assert reject.reason == (
        "in_stock is neither yes nor no; hidden is neither yes nor no; the rest of the row is kept"
    )
    assert found.table["price"].to_pylist() == ["5"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("02-29", "02-29"),
        ("1990-05-17", "1990-05-17"),
        ("1990/5/7", "1990-05-07"),
        ("1990.05.17", "1990-05-17"),
        ("19900517", "1990-05-17"),
        ("1996-02-29 00:00:00", "1996-02-29"),
        ("1996-02-29T00:00Z", "1996-02-29"),
        ("02-30", None),
        ("1995-02-29", None),
        ("19901340", None),
        ("5-7", None),
        ("17.5.1990", None),
        ("1990-05-17 08:00", None),
    ],
)
def test_a_birthday_is_a_day_that_there_is(tmp_path: Path, cell: str, expected: str | None) -> None:
    found = read_users(written(tmp_path, "a.csv", f"user_id,birthday\nu,{cell}\n"))
    assert found.table["birthday"].to_pylist() == [expected]
    reason = "birthday is neither MM-DD nor YYYY-MM-DD; the rest of the row is kept"
    assert [reject.reason for reject in found.rejects] == ([] if expected else [reason])


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("us"), pa.date32()])
def test_a_birthday_of_parquet_is_its_day(tmp_path: Path, kind: pa.DataType) -> None:
    days = pa.array([datetime(1990, 5, 17), None, datetime(1896, 2, 29)], kind)  # noqa: DTZ001
    pq.write_table(pa.table({"user_id": ["a", "b", "c"], "birthday": days}), tmp_path / "u.parquet")
    found = read_users(tmp_path / "u.parquet")
    assert (found.table["birthday"].to_pylist(), found.rejects) == (["1990-05-17", None, "1896-02-29"], [])


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ("¥3.5", 3.5),
        ("￥ 1,299.00", 1299.0),
        ("12 元", 12.0),
        ("1,234,567", 1234567.0),
        ("$0", 0.0),
        ("9,90", None),
        ("1,2345", None),
        ("¥-3", None),
        ("3 apples", None),
    ],
)
def test_money_may_have_its_sign_and_commas_between_thousands(tmp_path: Path, cell: str, price: float | None) -> None:
    path = written(tmp_path, "a.csv", f'user_id,item_id,timestamp,price\nu,i,0,"{cell}"\n')
    assert read_events(path).table["price"].to_pylist() == ([] if price is None else [price])
    items = read_items(written(tmp_path, "i.csv", f'item_id,price\ni,"{cell}"\n'))
    assert [float(text) if text else None for text in items.table["price"].to_pylist()] == [price]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("no", False),
        ("拒绝", False),
        ("denied", False),
        ("同意", True),
        ("???", False),
        ("", None),
        ("已订阅", True),
        ("退订", False),
    ],
)
def test_a_consent_that_nobody_can_read_is_none(tmp_path: Path, cell: str, told: bool | None) -> None:
    text = f"user_id,birthday,Consent Personalization\nu,31.12.1990,{cell}\n"
    found = read_users(written(tmp_path, "a.csv", text))
    assert found.table["consent_personalization"].to_pylist() == [told]


def test_what_can_be_read_of_an_item_counts(tmp_path: Path) -> None:
    found = read_items(written(tmp_path, "a.csv", 'item_id,price,In-Stock\ni,"9,90",缺货\n,1,yes\n'))
    assert found.table.select(["item_id", "price", "in_stock"]).to_pylist() == [
        {"item_id": "i", "price": None, "in_stock": False}
    ]
    assert [(reject.row, reject.kept) for reject in found.rejects] == [(1, True), (2, False)]


def test_names_of_columns_may_be_run_together_and_the_exact_name_goes_first(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "userId,ItemID,timestamp,list-price\nu,i,0,3\n")
    (row,) = read_events(path).table.to_pylist()
    assert (row["user_id"], row["item_id"], row["list_price"]) == ("u", "i", 3.0)
    path = written(tmp_path, "b.csv", "userId,user_id,in stock,colour code\nold,u,yes,7\n")
    (row,) = read_users(path).table.select(["user_id", "colour code"]).to_pylist()
    assert row == {"user_id": "u", "colour code": "7"}


def test_the_event_is_also_known_as_its_name_or_type(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "user_id,item_id,timestamp,Event Type\nu,i,0,view\n")
    assert read_events(path).table["event"].to_pylist() == ["view_item"]
    path = written(tmp_path, "b.csv", "user_id,item_id,timestamp,event,event_type\nu,i,0,cart,view\n")
    assert read_events(path).table["event"].to_pylist() == ["add_to_cart"]


def test_a_number_that_is_none_stands_in_the_rejects_as_null(tmp_path: Path) -> None:
    table = pa.table({"user_id": ["", "u"], "item_id": ["i", "i"], "timestamp": [0, 0], "price": [math.nan, 1.0]})
    pq.write_table(table, tmp_path / "n.parquet")
    found = read_files([tmp_path / "n.parquet"], rejects=tmp_path / "r.jsonl")
    (reject,) = map(orjson.loads, (tmp_path / "r.jsonl").read_bytes().splitlines())
    assert reject["content"]["price"] is None
    assert found.events["user_id"].to_pylist() == ["u"]


@pytest.mark.parametrize("kind", ["interactions", "items", "users"])
def test_what_is_no_number_in_parquet_is_an_empty_cell(tmp_path: Path, kind: str) -> None:
    columns = {
        "interactions": {"user_id": ["a", "b"], "item_id": ["i", "i"], "timestamp": [0, 0], "price": [1.0, math.nan]},
        "items": {"item_id": ["a", "b"], "price": [1.0, math.nan]},
        "users": {"user_id": ["a", "b"], "score": [1.0, math.nan]},
    }
    pq.write_table(pa.table(columns[kind]), tmp_path / "f.parquet")
    files = {"interactions": [], **{kind: [tmp_path / "f.parquet"]}}
    found = read_files(**files, rejects=tmp_path / "r.jsonl")
    table = found.events if kind == "interactions" else getattr(found, kind)
    column = "score" if kind == "users" else "price"
    assert table[column].null_count == 1
    assert not (tmp_path / "r.jsonl").exists()
