"""Tells Redis what the shop's files say that customers decided: an import brings it, a Redis may lose it."""

from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from redis.exceptions import RedisError

from features.tables import ERASED, USERS, ShopFolder, conform
from features.whole_files import unchanging
from recommender.errors import Unavailable
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink
from serving.adapters.scripts import TELL

AT_ONCE = 1_000
"""Customers of whom is told in one round trip."""
NO = {"consent_personalization": "consent", "personalize": "choice"}
"""Columns by which a customer may refuse, and what each is called here."""


class RedisDecisions:
    """Refusals and erasures of one shop; what Redis was told is kept there, and told again if it is lost."""

    def __init__(self, link: RedisLink, shop: str, folder: ShopFolder, ttl: int) -> None:
        """Have told nothing yet; ``ttl`` is for how many seconds live state is kept."""
        self._link, self._shop, self._folder, self._ttl = link, shop, folder, ttl
        self._told = keys.shared(shop, "told")
        self._seen: tuple[object, ...] = ()

    def tell(self) -> None:
        """Bring Redis up to date where it or the files have changed since the last time. Raises Unavailable."""
        files = [path.stat().st_mtime_ns if path.exists() else 0 for path in (self._folder.users, self._folder.erased)]
        if self._seen == (*files, self._run(lambda client: client.hlen(self._told))):
            return
        said = self._said()
        told = {one.decode(): value.decode() for one, value in self._known().items()}
        news = {one: said.get(one, "") for one in {*said, *told} if said.get(one, "") != told.get(one, "")}
        pending = list(news.items())
        for at in range(0, len(pending), AT_ONCE):
            self._send(dict(pending[at : at + AT_ONCE]))
        self._seen = (*files, len(said))

    def _said(self) -> dict[str, str]:
        """Return what the files say of each customer who refused or was erased, as one word."""
        with unchanging(self._folder.root):
            users, erased = _read(self._folder.users, USERS), _read(self._folder.erased, ERASED)
        said: dict[str, str] = {}
        for column, name in NO.items():
            refusing = users.filter(pc.invert(pc.fill_null(users[column], True)))["user_id"]
            said |= {one: f"{said.get(one, '')} {name}".lstrip() for one in refusing.to_pylist()}
        latest = erased.group_by("user_id").aggregate([("erased_at", "max")])
        for one, at in zip(latest["user_id"].to_pylist(), latest["erased_at_max"].to_pylist(), strict=True):
            if at is not None:
                said[one] = f"{said.get(one, '')} {int(at.timestamp())}".lstrip()
        return said

    def _known(self) -> Mapping[bytes, bytes]:
        return cast("Mapping[bytes, bytes]", self._run(lambda client: client.hgetall(self._told)))

    def _send(self, news: Mapping[str, str]) -> None:
        def send(client: Any) -> None:
            with client.pipeline(transaction=False) as pipeline:
                for one, word in news.items():
                    parts = word.split()
                    flags = ["0" if name in parts else "1" for name in NO.values()]
                    erased_at = next((part for part in parts if part.isdigit()), "0")
                    names = [keys.customer(self._shop, kind, one) for kind in ("lists", "profile")]
                    names += [keys.shared(self._shop, "withheld"), self._told]
                    pipeline.eval(TELL, len(names), *names, self._ttl, one, word, *flags, erased_at)
                pipeline.execute()

        self._run(send)

    def _run(self, use: Any) -> Any:
        try:
            return self._link.run(use)
        except RedisError as error:
            raise Unavailable("the live state") from error


def _read(path: Any, schema: pa.Schema) -> pa.Table:
    """Return the columns of ``schema`` alone."""
    if not path.exists():
        return schema.empty_table()
    return conform(pq.read_table(path, partitioning=None), schema).select(schema.names)
