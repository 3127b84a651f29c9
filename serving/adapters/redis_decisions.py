"""Tells Redis what the shop's files say that customers decided: an import brings it, a Redis may lose it."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.consent import chose_none, denied
from features.merges import merged_users
from features.tables import ERASED, MERGES, USERS, conform
from machine.shop_folder import ShopFolder
from machine.whole_files import read_whole, unchanging
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink
from serving.adapters.scripts import TELL

AT_ONCE = 1_000
"""Customers of whom is told in one round trip."""
CONSENT, CHOICE = "consent", "choice"
"""The words for a consent that is denied, and for a choice against personal lists."""


class RedisDecisions:
    """Refusals and erasures of one shop; what Redis was told is kept there, and told again if it is lost."""

    def __init__(self, link: RedisLink, shop: str, folder: ShopFolder, ttl: int) -> None:
        """Have told nothing yet; ``ttl`` is for how many seconds live state is kept."""
        self._link, self._shop, self._folder, self._ttl = link, shop, folder, ttl
        self._told = keys.shared(shop, "told")
        self._seen: tuple[object, ...] = ()

    def tell(self) -> None:
        """Bring Redis up to date where it or the files have changed since the last time. Raises Unavailable."""
        kinds = (self._folder.users, self._folder.erased, self._folder.merges)
        files = [path.stat().st_mtime_ns if path.exists() else 0 for path in kinds]
        if self._seen == (*files, self._link.run(lambda client: client.hlen(self._told))):
            return
        said = self._said()
        told = self._known()
        news = {one: said.get(one, "") for one in {*said, *told} if said.get(one, "") != told.get(one, "")}
        for part in _parts(news):
            self._link.run(partial(self._send, part))
        self._seen = (*files, len(said))

    def _said(self) -> dict[str, str]:
        """Return what the files say of each customer who refused or was erased, as one word."""
        with unchanging(self._folder.root):
            users, erased = _read(self._folder.users, USERS), _read(self._folder.erased, ERASED)
            users = merged_users(users, _read(self._folder.merges, MERGES))
        said: dict[str, str] = {}
        for refusing, name in ((denied(users), CONSENT), (chose_none(users), CHOICE)):
            said |= {
                one: f"{said.get(one, '')} {name}".lstrip() for one in users.filter(refusing)["user_id"].to_pylist()
            }
        latest = erased.group_by("user_id").aggregate([("erased_at", "max")])
        for one, at in zip(latest["user_id"].to_pylist(), latest["erased_at_max"].to_pylist(), strict=True):
            if at is not None:
                said[one] = f"{said.get(one, '')} {int(at.timestamp())}".lstrip()
        return said

    def _known(self) -> dict[str, str]:
        found = self._link.run(lambda client: dict(client.hscan_iter(self._told, count=AT_ONCE)))
        return {one.decode(): word.decode() for one, word in found.items()}

    def _send(self, news: Mapping[str, str], client: Any) -> None:
        with client.pipeline(transaction=False) as pipeline:
            for one, word in news.items():
                parts = word.split()
                flags = ["0" if name in parts else "1" for name in (CONSENT, CHOICE)]
                erased_at = next((part for part in parts if part.isdigit()), "0")
                names = [keys.customer(self._shop, kind, one) for kind in ("lists", "profile")]
                names += [keys.shared(self._shop, "withheld"), self._told]
                begin = keys.any_lists(self._shop)
                pipeline.eval(
                    TELL, len(names), *names, self._ttl, keys.REMEMBER_SECONDS, one, word, *flags, erased_at, begin
                )
            pipeline.execute()


def _parts(said: Mapping[str, str]) -> Iterator[dict[str, str]]:
    every = list(said.items())
    return (dict(every[at : at + AT_ONCE]) for at in range(0, len(every), AT_ONCE))


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    """Return the columns of ``schema`` alone."""
    return conform(read_whole(path, schema), schema).select(schema.names)
