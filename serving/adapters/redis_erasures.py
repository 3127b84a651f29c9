"""Erasure requests: receipts in Redis, and the file that keeps erased customers out of training.

The file is written before anything else is done, so that no training can read what is still in the archive. It knows
which requests are fulfilled, so that one which Redis loses is fulfilled all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from features.tables import ERASED, conform
from machine.shop_folder import ShopFolder
from machine.whole_files import locked, read_whole, write_whole
from recommender.errors import Unavailable
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink, pack
from serving.adapters.scripts import NOTE
from serving.ports import Erasure

REWRITE_SECONDS = 3_600.0
"""Between two rewritings: each copies all that Redis holds."""
AGAIN_SECONDS = 60.0
"""Until the next attempt, where one is under way that began before."""

log = structlog.get_logger()


class RedisErasures:
    """The requests of one shop's customers."""

    def __init__(self, link: RedisLink, shop: str, root: Path) -> None:
        """Keep the requests of ``shop``, whose folder is ``root``."""
        self._link, self._shop, self._folder = link, shop, ShopFolder(root)
        self._seen: int | None = None
        self._unfulfilled: Sequence[Erasure] = ()
        """As the file had it when it was ``_seen``."""

    def ask(self, erasure: Erasure) -> None:
        """Keep the request; one of the same customers that the files do not fulfil yet is part of it."""
        row = {"erased_at": erasure.until, "receipt": erasure.receipt, "is_fulfilled": False}
        added = pa.Table.from_pylist([{"user_id": one, **row} for one in erasure.ids], ERASED)

        def asked(held: pa.Table) -> pa.Table:
            earlier = pc.is_in(held["user_id"], value_set=pa.array(erasure.ids))
            kept = pc.or_(pc.invert(earlier), pc.fill_null(held["is_fulfilled"], True))
            return pa.concat_tables([held.filter(kept), added])

        self._change(asked)
        receipt = self._receipt(erasure.receipt)
        if self._use("SET", receipt, _encoded(erasure), "EX", keys.REMEMBER_SECONDS, "NX"):
            self._use("ZADD", self._open, erasure.asked_at, erasure.receipt)

    def get(self, receipt: str) -> Erasure | None:
        """Return the request with this receipt, or None."""
        return _erasure(self._use("GET", self._receipt(receipt)))

    def open(self) -> Sequence[Erasure]:
        """Return the requests that the files do not fulfil yet, oldest first, also those that Redis lost.

        Redis is only read: where it is full, nothing else may hang on this.
        """
        receipts = [receipt.decode() for receipt in self._use("ZRANGE", self._open, 0, -1)]
        erasures = [found for receipt in receipts if (found := self.get(receipt))]
        for erasure in self._of_the_file():
            if erasure.receipt not in receipts:
                known = self.get(erasure.receipt)
                if known and known.done:  # the file was to be told when something broke
                    self._fulfil(erasure.receipt)
                else:
                    erasures.append(known or erasure)
        return sorted(erasures, key=lambda erasure: erasure.asked_at)

    def add(self, receipt: str, removed: Mapping[str, int], *, done: bool) -> Erasure | None:
        """Note what was removed, and that the request is fulfilled where it is ``done``; return the request."""
        noted = orjson.dumps(dict(removed))
        arguments = (keys.REMEMBER_SECONDS, noted, int(done), receipt)
        erasure = _erasure(self._use("EVAL", NOTE, 2, self._receipt(receipt), self._open, *arguments))
        if erasure is None and (lost := next((one for one in self._of_the_file() if one.receipt == receipt), None)):
            erasure = replace(lost, removed=removed, done=done)
            self._use("SET", self._receipt(receipt), _encoded(erasure), "EX", keys.REMEMBER_SECONDS)
        if done:
            self._fulfil(receipt)
        return erasure

    @property
    def _open(self) -> str:
        return keys.shared(self._shop, "erasures")

    def _receipt(self, receipt: str) -> str:
        return keys.shared(self._shop, "receipt", receipt)

    def _of_the_file(self) -> Sequence[Erasure]:
        """Return the requests that the file says are not fulfilled; one of an earlier version has no receipt."""
        path = self._folder.erased
        written = path.stat().st_mtime_ns if path.exists() else None
        if written != self._seen:
            ids: dict[tuple[str, int], dict[str, None]] = {}
            held = _read(path)
            for row in held.filter(pc.and_(pc.is_valid(held["receipt"]), pc.invert(held["is_fulfilled"]))).to_pylist():
                ids.setdefault((row["receipt"], int(row["erased_at"].timestamp())), {})[row["user_id"]] = None
            self._unfulfilled = [Erasure(receipt, tuple(of), asked_at, {}) for (receipt, asked_at), of in ids.items()]
            self._seen = written
        return self._unfulfilled

    def _fulfil(self, receipt: str) -> None:
        def fulfilled(held: pa.Table) -> pa.Table:
            theirs = pc.fill_null(pc.equal(held["receipt"], receipt), False)
            return held.set_column(
                ERASED.get_field_index("is_fulfilled"), "is_fulfilled", pc.if_else(theirs, True, held["is_fulfilled"])
            )

        self._change(fulfilled)

    def _change(self, changed: Callable[[pa.Table], pa.Table]) -> None:
        """Write the file anew. Raises Unavailable."""
        path = self._folder.erased
        try:
            with locked(self._folder.erased_lock):
                held = _read(path)
                if (table := changed(held)) != held:
                    write_whole(path, table)
        except (OSError, pa.ArrowException) as error:
            raise Unavailable("the data folder", retry_after=2, why="cannot be written to") from error

    def _use(self, *command: Any) -> Any:
        return self._link.exchange(pack(*command), 1)[0]


class Rewriting:
    """Lets Redis write its append-only file anew after erasures: until then the file holds what was erased."""

    def __init__(self, link: RedisLink, monotonic: Callable[[], float]) -> None:
        """Have nothing to do yet."""
        self._link, self._monotonic = link, monotonic
        self._due, self._next = False, monotonic()

    def __call__(self, erased: bool) -> None:
        """Begin, at most once in ``REWRITE_SECONDS``; where it cannot be done now, ask again."""
        self._due |= erased
        if not self._due or self._monotonic() < self._next:
            return
        try:
            self._link.run(lambda client: client.bgrewriteaof())
        except Unavailable as error:
            log.warning("the append-only file is not written anew", error=repr(error.__cause__ or error))
            self._next = self._monotonic() + AGAIN_SECONDS
            return
        self._due, self._next = False, self._monotonic() + REWRITE_SECONDS


def _read(path: Path) -> pa.Table:
    return conform(read_whole(path, ERASED), ERASED)


def _encoded(erasure: Erasure) -> bytes:
    return orjson.dumps({name: getattr(erasure, name) for name in erasure.__slots__})


def _erasure(stored: bytes | None) -> Erasure | None:
    if stored is None:
        return None
    fields = orjson.loads(stored)
    return Erasure(**fields | {"ids": tuple(fields["ids"])})
