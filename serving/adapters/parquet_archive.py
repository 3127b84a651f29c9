"""What the archive holds of one customer, found by looking into its files, and taken out of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.consent import forgotten
from features.sql import connect, literals, located
from features.tables import EVENTS, USERS, conform, written_attributes
from machine.shop_folder import ShopFolder
from machine.whole_files import alone, put, read_whole, unchanging, write_sorted, write_whole
from recommender.errors import Unavailable
from serving.ports import Erasure

READERS = 2
"""Calls of one worker that may go through all files at once: its other threads are left to lists."""


@dataclass(frozen=True, slots=True)
class ParquetArchive:
    """The files of one shop."""

    root: Path
    turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(READERS), repr=False)
    """Of the calls that go through all files."""

    @property
    def _folder(self) -> ShopFolder:
        return ShopFolder(self.root)

    def events_of(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Return the events of these ids, the oldest first; all are read when this is called."""
        events = conform(self._asked("*", "true ORDER BY timestamp, event_id", ids), EVENTS)
        return ({k: v for k, v in row.items() if v is not None} for row in events.to_pylist())

    def rows_left(self, erasure: Erasure) -> int:
        """Return how many events of these customers, up to their request, the files hold."""
        return len(self._asked("user_id", f"epoch_ms(timestamp) <= {erasure.until}", erasure.ids))

    def _asked(self, columns: str, where: str, ids: Sequence[str]) -> pa.Table:
        """Return columns of the events of ``ids`` in all files; few calls at a time may read so much."""
        if not self.turns.acquire(blocking=False):
            raise Unavailable("the archive", why="is being read for other calls")
        try:
            with unchanging(self.root), connect() as connection:
                if not (files := self._folder.event_files()):
                    return EVENTS.empty_table()
                connection.execute("SET threads = 1")
                listed = ", ".join(map(located, files))
                log = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
                query = f"SELECT {columns} FROM {log} WHERE user_id IN {literals(ids)} AND {where}"
                return connection.sql(query).to_arrow_table()
        except (duckdb.Error, OSError) as error:
            raise Unavailable("the archive", why="cannot be read") from error
        finally:
            self.turns.release()

    def remove(self, erasure: Erasure) -> dict[str, int]:
        """Take these customers out of every file, and return how many rows of each kind went.

        What is written from now on knows of the request, so only this moment's files are gone through; each is locked
        while it is written again, for calls wait for that.
        """
        with unchanging(self.root):
            files = list(self._folder.event_files())
        events = sum(self._clean(path, erasure) for path in files)
        with alone(self.root):
            return {
                "archive_rows": events,
                "declared_rows": self._forget(erasure),
                "merges": self._without(self._folder.merges, "visitor_id", erasure),
                "dead_letters": sum(_strike(path, erasure, exact) for path, exact in self._texts()),
            }

    def letters_left(self, erasure: Erasure) -> int:
        """Return how many lines of what could not be read name one of them; of a fulfilled request, older ones.

        A line that came later may name somebody else by the same word, or who came back.
        """
        with unchanging(self.root):
            old = ((p, exact) for p, exact in self._texts() if not erasure.done or p.stat().st_mtime < erasure.asked_at)
            return sum(sum(_naming(path, erasure, exact)) for path, exact in old)

    def declared_of(self, one: str) -> dict[str, Any]:
        """Return what the file of customers says of one id."""
        path = self._folder.users  # replaced as a whole, so that no reader need wait for who writes
        theirs = pc.field("user_id") == one
        try:
            rows = pq.read_table(path, partitioning=None, filters=theirs).to_pylist() if path.exists() else []
        except (OSError, pa.ArrowException) as error:
            raise Unavailable("the file of customers", why="cannot be read") from error
        said = {k: v for row in rows for k, v in row.items() if v is not None and k != "user_id"}
        attributes = written_attributes(said.get("attributes"))
        return said | ({} if attributes is None else {"attributes": attributes})

    def _texts(self) -> Iterator[tuple[Path, bool]]:
        """Yield the files of what could not be read, and whether their lines hold ids as JSON texts only."""
        for folder, exact in ((self._folder.dead_letters, True), (self._folder.rejects, False)):
            yield from ((path, exact) for path in sorted(folder.glob("*.jsonl*")))

    def _clean(self, path: Path, erasure: Erasure) -> int:
        """Rewrite a file without these customers; its name stays, even with no row left: it says what is archived."""
        theirs = _theirs(path, erasure)
        count = int(pc.sum(theirs).as_py() or 0)
        if count:
            kept = pq.read_table(path, partitioning=None).filter(pc.invert(theirs))
            with alone(self.root):
                write_whole(path, kept)
        return count

    def _forget(self, erasure: Erasure) -> int:
        """Take what was declared of these customers out of the file, all but that they want no personal lists."""
        path, ids = self._folder.users, pa.array(erasure.ids)
        users = read_whole(path, USERS)
        known = int(pc.sum(pc.is_in(users["user_id"], value_set=ids)).as_py() or 0)
        if known:
            write_sorted(path, forgotten(users, ids))
        return known

    def _without(self, path: Path, column: str, erasure: Erasure) -> int:
        if not path.exists():
            return 0
        table = pq.read_table(path, partitioning=None)
        kept = table.filter(pc.invert(pc.is_in(table[column], value_set=pa.array(erasure.ids))))
        if len(kept) < len(table):
            write_whole(path, kept)
        return len(table) - len(kept)


def _theirs(path: Path, erasure: Erasure) -> pa.ChunkedArray:
    """Return which rows are of these customers and not after their request."""
    events = pq.read_table(path, columns=["user_id", "timestamp"], partitioning=None)
    before = pc.less_equal(events["timestamp"].cast(pa.int64()), erasure.until)
    return pc.and_(pc.is_in(events["user_id"], value_set=pa.array(erasure.ids)), before)


def _strike(path: Path, erasure: Erasure, exact: bool) -> int:
    """Drop the lines that name one of these customers, and return how many."""
    lines, naming = path.read_bytes().splitlines(keepends=True), _naming(path, erasure, exact)
    if any(naming):
        put(path, b"".join(line for line, names in zip(lines, naming, strict=True) if not names))
    return sum(naming)


def _naming(path: Path, erasure: Erasure, exact: bool) -> list[bool]:
    """Return which lines name one of these customers.

    A row of a file may be written in any way: where a line is not ``exact``, an id that stands in it by itself is taken
    for the customer, be it a number or a word of a title. Better a row too many is struck.
    """
    names = [re.escape(part) for one in erasure.ids for part in _spellings(one)]
    around = rb'\\?"(?:%b)\\?"' if exact else rb"(?<!\w)(?:%b)(?!\w)"
    pattern = re.compile(around % b"|".join(names))
    return [pattern.search(line) is not None for line in path.read_bytes().splitlines(keepends=True)]


def _spellings(one: str) -> tuple[bytes, bytes]:
    """Return an id as JSON spells it within a text, and within a text inside a text."""
    plain = orjson.dumps(one)[1:-1]
    return plain, orjson.dumps(plain.decode())[1:-1]
