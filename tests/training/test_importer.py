"""Importing files into the data folder, and reading it back."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.tables import ERASED, MERGES
from machine.shop_folder import ShopFolder
from recommender.errors import UnreadableFile
from recommender.times import DAY
from training.importer import Counts, import_files
from training.readers import read_files, read_log

HEADER = "user_id,item_id,timestamp,event\n"


def written(folder: Path, name: str, *rows: str, header: str = HEADER) -> Path:
    path = folder / name
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def contents(shop: Path) -> dict[str, bytes]:
    return {str(p.relative_to(shop)): p.read_bytes() for p in sorted(shop.rglob("*")) if p.is_file()}


def users_of(shop: Path) -> list[str]:
    return sorted(read_log(shop).events["user_id"].to_pylist())


def test_events_lie_by_their_utc_day(tmp_path: Path) -> None:
    rows = [f"a,i,{DAY - 1},view", f"b,i,{DAY},view", "c,i,1970-01-03T07:00:00+08:00,view"]
    report = import_files(tmp_path / "shop", [written(tmp_path, "a.csv", *rows)])
    days = [path.parent.name for path in ShopFolder(tmp_path / "shop").event_files()]
    assert days == ["day=1970-01-01", "day=1970-01-02"]
    assert report.events == Counts(read=3, new=3)
    assert users_of(tmp_path / "shop") == ["a", "b", "c"]


def test_importing_a_file_twice_changes_nothing(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    events = written(tmp_path, "e.csv", "a,i,0,view", "a,i,0,view", "b,j,99999,buy", "torn")
    items = written(tmp_path, "i.csv", "i,Tent", "j,Mat", header="item_id,title\n")
    users = written(tmp_path, "u.csv", "a,vip", header="user_id,tags\n")
    first = import_files(shop, [events], [items], [users])
    before = contents(shop)
    second = import_files(shop, [events], [items], [users])
    assert contents(shop) == before
    assert (first.events, second.events) == (Counts(3, 2, 1), Counts(3, 0, 1))
    items.write_text("item_id,title,shelf\nk,Mug,\nj,Rug,\ni,,7\n")
    assert import_files(shop, items=[items]).items == Counts(read=3, new=1, changed=2)
    users.write_text("user_id,tags,shoe\na,vip,\n")
    assert import_files(shop, users=[users]).users == Counts(read=1)
    users.write_text("user_id,tags\na,vip|new\n")
    assert import_files(shop, users=[users]).users == Counts(read=1, changed=1)
    assert (first.items, second.items) == (Counts(2, 2), Counts(2, 0))
    assert (first.users, second.users) == (Counts(1, 1), Counts(1, 0))
    assert first.events.known == 1


lines = st.lists(st.sampled_from([f"u{n},i,{n * 40_000},view" for n in range(9)]), max_size=9)


@settings(max_examples=20)
@given(st.lists(lines, min_size=1, max_size=4))
def test_files_may_overlap_in_any_way(tmp_path_factory: pytest.TempPathFactory, files: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("overlap")
    paths = [written(folder, f"{n}.csv", *rows) for n, rows in enumerate(files)]
    report = import_files(folder / "shop", paths)
    expected = sorted({row.split(",")[0] for rows in files for row in rows})
    assert users_of(folder / "shop") == expected
    assert report.events == Counts(read=sum(map(len, files)), new=len(expected))


def test_what_a_crash_left_half_done_is_finished_by_the_next_import(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    path = written(tmp_path, "a.csv", *(f"u{n},i,{n * DAY},view" for n in range(4)))
    import_files(shop, [path])
    before = contents(shop)
    files = ShopFolder(shop).event_files()
    files[1].unlink()
    files[2].rename(files[2].with_name(f".{files[2].name}.123"))
    assert users_of(shop) == ["u0", "u3"]
    assert import_files(shop, [path]).events == Counts(read=4, new=2)
    assert users_of(shop) == ["u0", "u1", "u2", "u3"]
    assert {name: content for name, content in contents(shop).items() if "/." not in name} == before


def test_imports_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    paths = [written(tmp_path, f"{n}.csv", *(f"u{m},i,{m},view" for m in range(n, n + 5))) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda path: import_files(tmp_path / "shop", [path]), paths))
    assert users_of(tmp_path / "shop") == [f"u{n}" for n in range(8)]
    assert sum(report.events.new for report in reports) == 8


def test_of_two_events_with_one_id_the_first_counts_on_whatever_day(tmp_path: Path) -> None:
    header = "event_id,user_id,item_id,timestamp\n"
    first = written(tmp_path, "a.csv", "x,first,i,0", header=header)
    second = written(tmp_path, "b.csv", f"x,second,i,{5 * DAY}", header=header)
    report = import_files(tmp_path / "shop", [first, second])
    assert users_of(tmp_path / "shop") == ["first"]
    assert report.events == Counts(read=2, new=1)


def test_rejected_rows_lie_beside_the_log(tmp_path: Path) -> None:
    path = written(tmp_path, "bad.csv", "a,i,0,view", "b,i,never,view")
    report = import_files(tmp_path / "shop", [path])
    (rejects,) = report.rejects
    assert rejects == tmp_path / "shop" / "rejects" / "bad.csv.jsonl"
    assert orjson.loads(rejects.read_bytes())["row"] == 2
    assert report.events == Counts(read=1, new=1, rejected=1)


def test_rejects_of_files_of_one_name_lie_side_by_side_and_each_is_replaced(tmp_path: Path) -> None:
    folders = [tmp_path / day for day in ("monday", "tuesday")]
    for folder in folders:
        folder.mkdir()
    monday, tuesday = (written(folder, "log.csv", "a,i,never,view", "b,i,soon,view") for folder in folders)
    first = import_files(tmp_path / "shop", [monday, tuesday])
    second = import_files(tmp_path / "shop", [written(folders[0], "log.csv", "a,i,late,view")])
    assert first.rejects == second.rejects == [tmp_path / "shop" / "rejects" / "log.csv.jsonl"]
    kept = [orjson.loads(line) for line in first.rejects[0].read_bytes().splitlines()]
    assert [(reject["file"], reject["row"]) for reject in kept] == [
        (str(tuesday), 1),
        (str(tuesday), 2),
        (str(monday), 1),
    ]


def test_unknown_events_are_counted(tmp_path: Path) -> None:
    rows = ["a,i,0,view", "a,i,1,Shaken", "b,i,1,Shaken", "a,i,1,stirred"]
    report = import_files(tmp_path / "shop", [written(tmp_path, "a.csv", *rows)])
    assert report.unknown_events == {"Shaken": 2, "stirred": 1}


def test_a_file_that_cannot_be_read_leaves_what_was_there(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    import_files(shop, [written(tmp_path, "a.csv", "a,i,0,view")])
    before = contents(shop)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(UnreadableFile, match=r"b\.parquet"):
        import_files(shop, [tmp_path / "b.parquet"])
    assert contents(shop) == before


def test_progress_ends_with_all_rows(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    path = written(tmp_path, "a.csv", "a,i,0,view", "a,i,0,view")
    import_files(tmp_path / "shop", [path], progress=lambda *state: seen.append(state))
    assert (seen[0], seen[-1]) == (("a.csv", 0, 2), ("a.csv", 2, 2))


def test_the_log_and_the_files_give_the_same_tables(tmp_path: Path) -> None:
    events = written(tmp_path, "e.csv", "b,i,99999,buy", "a,i,0,view")
    items = written(tmp_path, "i.csv", "i,Tent,XL", header="item_id,title,size\n")
    import_files(tmp_path / "shop", [events], [items])
    log, files = read_log(tmp_path / "shop"), read_files([events], [items])
    assert log.events.sort_by("event_id").equals(files.events.sort_by("event_id"))
    assert log.items.equals(files.items)
    assert log.users.equals(files.users)


def test_a_shop_without_a_folder_has_nothing(tmp_path: Path) -> None:
    tables = read_log(tmp_path / "nowhere")
    assert (len(tables.events), len(tables.items), len(tables.users)) == (0, 0, 0)


def test_a_corrupt_file_of_the_log_is_named(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    import_files(shop, [written(tmp_path, "a.csv", "a,i,0,view", f"a,i,{DAY},view")])
    broken = ShopFolder(shop).event_files()[1]
    broken.write_bytes(b"PAR1")
    with pytest.raises(UnreadableFile, match=broken.name):
        read_log(shop)


def shop_with(folder: Path, schema: pa.Schema, rows: list[dict[str, Any]], *events: str) -> Path:
    shop = folder / "shop"
    users = written(folder, "u.csv", "ann,vip", "bob,new", header="user_id,tags\n")
    import_files(shop, [written(folder, "a.csv", *events)], users=[users])
    target = ShopFolder(shop).erased if schema is ERASED else ShopFolder(shop).merges
    pq.write_table(pa.Table.from_pylist(rows, schema), target)
    return shop


def test_an_erased_customer_is_not_read_whatever_is_imported_again(tmp_path: Path) -> None:
    rows = [{"user_id": "ann", "erased_at": 100_000}]
    shop = shop_with(tmp_path, ERASED, rows, "ann,i,99,view", "ann,i,101,view", "bob,i,99,view")
    assert users_of(shop) == ["ann", "bob"]
    assert read_log(shop).users["user_id"].to_pylist() == ["bob"]
    import_files(shop, [written(tmp_path, "old.csv", "ann,old,5,view")])
    assert users_of(shop) == ["ann", "bob"]


def test_an_erasure_without_a_time_takes_everything(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, ERASED, [{"user_id": "ann"}], "ann,i,101,view", "bob,i,99,view")
    assert users_of(shop) == ["bob"]


def test_a_merged_visitor_is_the_customer(tmp_path: Path) -> None:
    rows = [{"visitor_id": "v1", "user_id": "v2"}, {"visitor_id": "v2", "user_id": "ann"}]
    shop = shop_with(tmp_path, MERGES, rows, "v1,i,1,view", "v2,i,2,view", "bob,i,3,view")
    assert users_of(shop) == ["ann", "ann", "bob"]


def test_merges_in_a_ring_end(tmp_path: Path) -> None:
    rows = [{"visitor_id": "v1", "user_id": "v2"}, {"visitor_id": "v2", "user_id": "v1"}]
    assert len(users_of(shop_with(tmp_path, MERGES, rows, "v1,i,1,view"))) == 1


def test_a_row_without_one_cell_is_no_rejected_row(tmp_path: Path) -> None:
    items = written(tmp_path, "i.csv", "i,cheap,no", ",1,yes", header="item_id,price,in_stock\n")
    events = written(tmp_path, "e.csv", "u,i,0,x", header="user_id,item_id,timestamp,mood\n")
    report = import_files(tmp_path / "shop", [events], [items])
    assert report.items == Counts(read=1, new=1, rejected=1)
    assert sum(report.flaws.values()) == sum(report.reasons.values()) == 1
    assert list(report.unread) == ["mood"]
