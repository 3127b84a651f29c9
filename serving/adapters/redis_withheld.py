"""Customers whose data must not be used, known to each worker beforehand. A broken Redis leaves what was known."""

from recommender.errors import Unavailable
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink

ANYWAY = 60
"""Every so-many-th look reads all."""
AT_ONCE = 1_000
"""Members that are read in one step; nobody else is answered meanwhile."""


class RedisWithheld:
    """The members of one set: who wants common lists, and who was erased.

    While Redis answers, each customer's own key says the same, at once. This is for the time when it does not.
    """

    def __init__(self, link: RedisLink, shop: str) -> None:
        """Know nothing yet."""
        self._link, self._shop = link, shop
        self._members: frozenset[str] | None = None
        self._looks = 0

    def refresh(self) -> None:
        """Learn who they are now: where their number has changed, and now and then in any case."""
        name, self._looks = keys.shared(self._shop, "withheld"), self._looks + 1
        try:
            size = self._link.run(lambda client: client.scard(name))
            if self._members is not None and size == len(self._members) and self._looks % ANYWAY:
                return
            found = self._link.run(lambda client: set(client.sscan_iter(name, count=AT_ONCE)))
        except Unavailable:
            return
        self._members = frozenset(member.decode() for member in found)

    def holds(self, customer: str) -> bool:
        """Return whether the customer's data must not be used; True for everybody until it was learned."""
        return self._members is None or keys.customer(self._shop, "lists", customer) in self._members
