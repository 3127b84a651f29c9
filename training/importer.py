"""Brings files into a shop's data folder: events as Parquet by day, items and customers as one file each.

Importing is idempotent: an event counts once by its id, whichever file or day brings it. A crash leaves whole files or
none; importing again brings what is missing. One import at a time works on a shop, others wait.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Self

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from features.consent import withdrawn, without_erased_events, without_erased_users
from features.sql import connect, located
from features.tables import ITEMS, USERS
from features.upsert import different, upsert
from machine.shop_folder import ShopFolder
from machine.whole_files import alone, locked, put, read_whole, unchanging, write_sorted
from training.day_files import write_days
from training.file_rows import FileRows, Reject, encode_rejects, judged_events, read_items, read_users
from training.progress import Progress
from training.raw_files import unreadable
from training.readers import Paths, count_unknown, expand, read_erased

_BATCH_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one kind."""

    read: int = 0
    """Rows that could be read."""
    new: int = 0
    """Of these, rows that were not there before; of items and customers, ids."""
    rejected: int = 0
    changed: int = 0
    """Items and customers that were there before and of which something is different now."""

    def __add__(self, other: Self) -> "Counts":
        """Return the counts of both."""
        both = zip(astuple(self), astuple(other), strict=True)
        return Counts(*(mine + theirs for mine, theirs in both))

    @property
    def known(self) -> int:
        """Rows that the data folder held already, or that stand twice in the files."""
        return self.read - self.new


@dataclass(slots=True)
class ImportReport:
    """What an import did."""

    events: Counts = Counts()
    items: Counts = Counts()
    users: Counts = Counts()
    unknown_events: Counter[str] = field(default_factory=Counter)
    """Rows by event name that nobody knows; they are kept and weigh nothing."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rejected rows by reason."""
    flaws: Counter[str] = field(default_factory=Counter)
    """Rows kept without a cell, by reason."""
    unread: Counter[str] = field(default_factory=Counter)
    """Columns of interactions that nobody reads, by how many files have them."""
    forgotten: int = 0
    """Rows left out: of customers who asked to be forgotten, from before they did."""
    rejects: list[Path] = field(default_factory=list)
    """Files that hold the rejected rows."""
    useless: list[Path] = field(default_factory=list)
    """Imported files of which every row was rejected."""


def import_files(
    shop: Path,
    interactions: Paths = (),
    items: Paths = (),
    users: Paths = (),
    progress: Progress = lambda *_: None,
    *,
    latest: float | None = None,
) -> ImportReport:
    """Import files into the folder of a shop and return what was done; no event is after ``latest`` (since 1970).

    Items and customers: a later row wins cell by cell, and an empty cell leaves what is known; a consent that was
    withdrawn from the service stays so. Raises ``UnreadableFile`` before anything of that file is written; files
    before it stay imported.
    """
    folder, report = ShopFolder(shop), ImportReport()
    with locked(folder.import_lock):  # one import after the other; files are locked only while they are written
        for path in expand(interactions):
            _import_events(folder, path, report, progress, latest)
        for path in expand(items):
            rows = read_items(path)
            with alone(shop):
                report.items += _upsert(folder.items, rows, ITEMS)
            _keep_rejects(folder, path, rows.rejects, len(rows.table), report)
        for path in expand(users):
            rows = read_users(path)
            with alone(shop):
                kept = without_erased_users(rows.table, read_erased(shop))
                report.users += _upsert(folder.users, replace(rows, table=kept), USERS, withdrawn)
            report.forgotten += len(rows.table) - len(kept)
            _keep_rejects(folder, path, rows.rejects, len(rows.table), report)
    return report


def _import_events(
    folder: ShopFolder, path: Path, report: ImportReport, progress: Progress, latest: float | None
) -> None:
    with judged_events(path, latest) as file:
        read, done = file.count(), 0
        progress(path.name, 0, read)
        file.keep_first("event_id")
        for batch in file.batches(_BATCH_ROWS):
            with unchanging(folder.root):
                unheld = _fresh(batch, folder.event_files())
            with alone(folder.root):
                fresh = without_erased_events(unheld, read_erased(folder.root))
                write_days(folder.events, fresh)
            report.forgotten += len(unheld) - len(fresh)
            report.unknown_events += count_unknown(fresh)
            report.events += Counts(new=len(fresh))
            done += len(batch)
            progress(path.name, done, read)
        progress(path.name, read, read)
        rejects = file.rejects()
        report.unread.update(file.unread())
    report.events += Counts(read=read, rejected=len(rejects))
    _keep_rejects(folder, path, rejects, read, report)


def _fresh(batch: pa.Table, files: Sequence[Path]) -> pa.Table:
    """Return the events whose ids no file of the log holds."""
    if not files:
        return batch
    listed = ", ".join(map(located, files))
    with connect() as connection:
        connection.register("batch", batch.select(["event_id"]))
        known = connection.sql(
            f"SELECT event_id FROM read_parquet([{listed}], hive_partitioning = false) SEMI JOIN batch USING (event_id)"
        ).to_arrow_table()["event_id"]
    return batch.filter(pc.invert(pc.is_in(batch["event_id"], value_set=known))) if len(known) else batch


def _upsert(
    target: Path, rows: FileRows, schema: pa.Schema, corrected: Callable[[pa.Table], pa.Table] = lambda table: table
) -> Counts:
    """Bring rows into a file; ``corrected`` has the last word on what they add up to."""
    try:
        held = read_whole(target, schema)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(target, error) from error
    merged = corrected(upsert([held, rows.table], schema))
    write_sorted(target, merged)
    rejected = sum(not reject.kept for reject in rows.rejects)
    changed = different(held, merged.slice(0, len(held)))
    return Counts(len(rows.table), len(merged) - len(held), rejected, changed)


def _keep_rejects(folder: ShopFolder, path: Path, rejects: list[Reject], read: int, report: ImportReport) -> None:
    """Write the rejects of one file, under its name; importing it again replaces them, and no others of that name."""
    target = folder.rejects / f"{path.name}.jsonl"
    with alone(folder.root):
        lines = _others(target, path) + encode_rejects(rejects)
        if lines:
            put(target, lines)
        else:
            target.unlink(missing_ok=True)
    if rejects:
        report.rejects = list(dict.fromkeys([*report.rejects, target]))
        report.reasons.update(reject.reason for reject in rejects if not reject.kept)
        report.flaws.update(reject.reason for reject in rejects if reject.kept)
        if not read:
            report.useless.append(path)


def _others(target: Path, path: Path) -> bytes:
    """Return the lines that ``target`` holds about files other than ``path``, such as one of that name elsewhere."""
    lines = target.read_bytes().splitlines(keepends=True) if target.exists() else []
    mine = b'{"file":%b,' % orjson.dumps(str(path))
    return b"".join(line for line in lines if not line.startswith(mine))
