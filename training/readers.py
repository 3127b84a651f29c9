"""Reads a shop's data: from files in any of the formats, or from the log in its data folder."""

from collections import Counter
from collections.abc import Iterable, Sequence
from glob import glob
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.consent import refusing, without_erased_events, without_erased_users
from features.event_names import canonical_name, event_type
from features.merges import merged_users, with_merges
from features.sql import connect, located
from features.tables import ERASED, EVENTS, ITEMS, MERGES, TIME, USERS, Tables, conform
from features.upsert import first_of_each, upsert
from machine.shop_folder import ShopFolder
from machine.whole_files import read_whole, unchanging
from recommender.bundle import NOTHING_ARCHIVED
from recommender.errors import UnreadableFile
from recommender.values import EventType
from training.file_rows import FileRows, encode_rejects, read_events, read_items, read_users
from training.privacy import Decisions
from training.raw_files import unreadable

Paths = Sequence[str | Path]


def expand(patterns: Paths) -> list[Path]:
    """Return the files that paths and globs name, each once, in that order."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        matching = [Path(name) for name in sorted(glob(str(pattern), recursive=True))]
        found |= dict.fromkeys([path for path in matching if not path.is_dir()] or [Path(pattern)])
    return list(found)


def read_files(
    interactions: Paths = (),
    items: Paths = (),
    users: Paths = (),
    rejects: Path | None = None,
    *,
    latest: float | None = None,
) -> Tables:
    """Read files of the three kinds; rows that cannot be read go to the file ``rejects`` as JSON Lines.

    Of events with one id the first counts, and none is after ``latest`` (seconds since 1970); of items and customers
    the later row wins, cell by cell, and an empty cell leaves what an earlier row said. Raises ``UnreadableFile`` for a
    file that is missing, empty, corrupt or without a needed column.
    """
    events = [read_events(path, latest) for path in expand(interactions)]
    catalogue = [read_items(path) for path in expand(items)]
    customers = [read_users(path) for path in expand(users)]
    if rejects is not None:
        _write_rejects(rejects, [*events, *catalogue, *customers])
    return Tables(
        first_of_each(_together(events, EVENTS)),
        upsert([part.table for part in catalogue], ITEMS),
        upsert([part.table for part in customers], USERS),
    )


def count_unknown(events: pa.Table) -> Counter[str]:
    """Return how many events have each name that nobody knows."""
    named = (entry.values() for entry in pc.value_counts(events["event"]).to_pylist())
    return Counter({name: count for name, count in named if event_type(name) is EventType.OTHER})


def up_to(events: pa.Table, until: int | None) -> pa.Table:
    """Return the events of the second ``until`` and before, or all of them."""
    if until is None:
        return events
    return events.filter(pc.less_equal(events["timestamp"], pa.scalar(until * 1000 + 999).cast(TIME)))


def read_log(shop: Path) -> Tables:
    """Read everything that the folder of a shop holds.

    Merged visitors are their customers; erased customers are left out, under every id that they had.
    """
    folder = ShopFolder(shop)
    with unchanging(shop):
        return _read_log(folder)


def read_archived(shop: Path) -> str:
    """Return the id of the log's last entry that the folder of a shop holds; to be read before what it holds is."""
    path = ShopFolder(shop).archived
    return path.read_text() if path.exists() else NOTHING_ARCHIVED


def read_erased(shop: Path) -> pa.Table:
    """Return who asked to be forgotten, and when, as ``ERASED``."""
    return _parquet(ShopFolder(shop).erased, ERASED)


def read_decisions(shop: Path) -> Decisions:
    """Return what the customers decided, as far as the folder of their shop knows."""
    folder = ShopFolder(shop)
    users, merges = _parquet(folder.users, USERS), _parquet(folder.merges, MERGES)
    return Decisions(_parquet(folder.erased, ERASED), refusing(users), merges)


def read_users_known(shop: Path) -> pa.Table:
    """Return what was declared of the customers in the folder of a shop, of those alone who are not erased."""
    folder = ShopFolder(shop)
    with unchanging(shop):
        return _users(folder, _parquet(folder.erased, ERASED), _parquet(folder.merges, MERGES))


def read_unsubscribed(shop: Path, until: int | None) -> pa.Table:
    """Return when each customer last unsubscribed up to ``until`` (``user_id``, ``unsubscribed_at``), of whatever.

    A visitor who turned out to be a customer is that customer; what came before an erasure is left out.
    """
    folder = ShopFolder(shop)
    with unchanging(shop):
        done = _log_events(folder.event_files(), f"event = '{canonical_name(EventType.UNSUBSCRIBE)}'")
        done = without_erased_events(done, _parquet(folder.erased, ERASED))
        done = with_merges(done, _parquet(folder.merges, MERGES))
    last = up_to(done, until).group_by("user_id").aggregate([("timestamp", "max")])
    return last.rename_columns(["user_id", "unsubscribed_at"])


def read_log_since(shop: Path, since: int) -> pa.Table:
    """Return the events that the folder of a shop holds of the day of ``since`` (seconds since 1970) and later days.

    Under the ids that they came with; erased customers are left out.
    """
    folder = ShopFolder(shop)
    first = f"day={np.datetime64(since, 's').astype('datetime64[D]')}"
    with unchanging(shop):
        events = first_of_each(_log_events([path for path in folder.event_files() if path.parent.name >= first]))
        return without_erased_events(events, _parquet(folder.erased, ERASED))


def _read_log(folder: ShopFolder) -> Tables:
    erased, merges = _parquet(folder.erased, ERASED), _parquet(folder.merges, MERGES)
    events = without_erased_events(first_of_each(_log_events(folder.event_files())), erased)
    return Tables(
        without_erased_events(with_merges(events, merges), erased),
        _parquet(folder.items, ITEMS),
        _users(folder, erased, merges),
    )


def _users(folder: ShopFolder, erased: pa.Table, merges: pa.Table) -> pa.Table:
    """Return one row a customer, without those who are to be erased under any of their ids.

    Of whom that is done, the file holds what was declared since.
    """
    erased = erased.filter(pc.invert(pc.fill_null(erased["is_fulfilled"], False)))
    users = without_erased_users(_parquet(folder.users, USERS), erased)
    return without_erased_users(merged_users(users, merges), erased)


def _write_rejects(path: Path, parts: Iterable[FileRows]) -> None:
    rejects = [reject for part in parts for reject in part.rejects]
    if rejects:
        path.write_bytes(encode_rejects(rejects))
    else:
        path.unlink(missing_ok=True)


def _together(parts: Sequence[FileRows], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([part.table for part in parts]) if parts else schema.empty_table()


def _log_events(files: Sequence[Path], condition: str = "true") -> pa.Table:
    if not files:
        return EVENTS.empty_table()
    listed = ", ".join(map(located, files))
    source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
    try:
        with connect() as connection:
            log = connection.sql(f"SELECT * FROM {source} WHERE {condition}").to_arrow_table()
            return conform(log.select([name for name in EVENTS.names if name in log.column_names]), EVENTS)
    except duckdb.Error as error:
        raise _culprit(files, error) from error


def _culprit(files: Sequence[Path], error: duckdb.Error) -> UnreadableFile:
    """Return the error that names the first file that cannot be opened on its own."""
    for path in files:
        try:
            pq.read_metadata(path)
        except (OSError, pa.ArrowException) as reason:
            return unreadable(path, reason)
    return unreadable(files[0].parent.parent, error)


def _parquet(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        return conform(read_whole(path, schema), schema)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error) from error
