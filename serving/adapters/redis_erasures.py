"""Wishes to be forgotten: receipts in Redis, and the file that keeps erased customers out of training.

The file is written before anything else is done, so that no training can read what is still in the archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hiredis
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from redis.exceptions import RedisError

from features.tables import ERASED, ShopFolder
from features.whole_files import alone, write_whole
from recommender.errors import Unavailable
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink
from serving.ports import Erasure

KEEP_SECONDS = 400 * keys.DAY
"""How long a receipt can be shown."""


@dataclass(frozen=True, slots=True)
class RedisErasures:
    """The wishes of one shop's customers."""

    link: RedisLink
    shop: str
    root: Path

    def ask(self, erasure: Erasure) -> None:
        """Keep the wish."""
        self._keep_out(erasure)
        self._store(erasure)
        self._use("ZADD", keys.shared(self.shop, "erasures"), erasure.asked_at, erasure.receipt)

    def get(self, receipt: str) -> Erasure | None:
        """Return the wish with this receipt, or None."""
        found = self._use("GET", keys.shared(self.shop, "receipt", receipt))
        if found is None:
            return None
        fields = orjson.loads(found)
        return Erasure(**fields | {"ids": tuple(fields["ids"])})

    def open(self) -> Sequence[Erasure]:
        """Return the wishes that the files do not fulfil yet, oldest first."""
        receipts = self._use("ZRANGE", keys.shared(self.shop, "erasures"), 0, -1)
        return [found for receipt in receipts if (found := self.get(receipt.decode()))]

    def close(self, erasure: Erasure) -> None:
        """Keep what was removed from the files; the wish is fulfilled."""
        self._store(erasure)
        self._use("ZREM", keys.shared(self.shop, "erasures"), erasure.receipt)

    def update(self, erasure: Erasure) -> None:
        """Keep what is known of a wish by now."""
        self._store(erasure)

    def _store(self, erasure: Erasure) -> None:
        fields = {name: getattr(erasure, name) for name in erasure.__slots__}
        self._use("SET", keys.shared(self.shop, "receipt", erasure.receipt), orjson.dumps(fields), "EX", KEEP_SECONDS)

    def _keep_out(self, erasure: Erasure) -> None:
        path = ShopFolder(self.root).erased
        rows = [{"user_id": one, "erased_at": erasure.asked_at * 1000 + 999} for one in erasure.ids]
        with alone(self.root):
            held = [pq.read_table(path, partitioning=None)] if path.exists() else []
            write_whole(path, pa.concat_tables([*held, pa.Table.from_pylist(rows, ERASED)]))

    def _use(self, *command: Any) -> Any:
        try:
            return self.link.exchange(hiredis.pack_command(command), 1)[0]
        except RedisError as error:
            raise Unavailable("the erasures", retry_after=2) from error
