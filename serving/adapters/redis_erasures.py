"""Wishes to be forgotten: receipts in Redis, and the file that keeps erased customers out of training.

The file is written before anything else is done, so that no training can read what is still in the archive.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from features.tables import ERASED
from machine.shop_folder import ShopFolder
from machine.whole_files import locked, write_whole
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


@dataclass(frozen=True, slots=True)
class RedisErasures:
    """The wishes of one shop's customers."""

    link: RedisLink
    shop: str
    root: Path

    def ask(self, erasure: Erasure) -> None:
        """Keep the wish."""
        self._keep_out(erasure)
        fields = {name: getattr(erasure, name) for name in erasure.__slots__}
        self._use("SET", self._receipt(erasure.receipt), orjson.dumps(fields), "EX", keys.REMEMBER_SECONDS)
        self._use("ZADD", self._open, erasure.asked_at, erasure.receipt)

    def get(self, receipt: str) -> Erasure | None:
        """Return the wish with this receipt, or None."""
        return _wish(self._use("GET", self._receipt(receipt)))

    def open(self) -> Sequence[Erasure]:
        """Return the wishes that the files do not fulfil yet, oldest first."""
        receipts = self._use("ZRANGE", self._open, 0, -1)
        return [found for receipt in receipts if (found := self.get(receipt.decode()))]

    def add(self, receipt: str, removed: Mapping[str, int], *, done: bool) -> Erasure | None:
        """Note what was removed, and that the wish is fulfilled where it is ``done``; return the wish."""
        noted = orjson.dumps(dict(removed))
        arguments = (keys.REMEMBER_SECONDS, noted, int(done), receipt)
        return _wish(self._use("EVAL", NOTE, 2, self._receipt(receipt), self._open, *arguments))

    @property
    def _open(self) -> str:
        return keys.shared(self.shop, "erasures")

    def _receipt(self, receipt: str) -> str:
        return keys.shared(self.shop, "receipt", receipt)

    def _keep_out(self, erasure: Erasure) -> None:
        path = ShopFolder(self.root).erased
        rows = [{"user_id": one, "erased_at": erasure.until} for one in erasure.ids]
        try:
            with locked(ShopFolder(self.root).erased_lock):
                held = [pq.read_table(path, partitioning=None)] if path.exists() else []
                write_whole(path, pa.concat_tables([*held, pa.Table.from_pylist(rows, ERASED)]))
        except (OSError, pa.ArrowException) as error:
            raise Unavailable("the data folder", retry_after=2, why="cannot be written to") from error

    def _use(self, *command: Any) -> Any:
        return self.link.exchange(pack(*command), 1)[0]


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


def _wish(stored: bytes | None) -> Erasure | None:
    if stored is None:
        return None
    fields = orjson.loads(stored)
    return Erasure(**fields | {"ids": tuple(fields["ids"])})
