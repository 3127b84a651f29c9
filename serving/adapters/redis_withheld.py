"""Customers whose data must not be used, known to each worker beforehand. A broken Redis leaves what was known."""

from typing import cast

from redis.exceptions import RedisError

from recommender.errors import Unavailable
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink


class RedisWithheld:
    """The members of one set: who wants common lists, and who was erased.

    While Redis answers, each customer's own key says the same, at once. This is for the time when it does not.
    """

    def __init__(self, link: RedisLink, shop: str) -> None:
        """Know nothing yet."""
        self._link, self._shop = link, shop
        self._members: frozenset[str] | None = None

    def refresh(self) -> None:
        """Learn who they are now."""
        try:
            found = self._link.run(lambda client: client.smembers(keys.shared(self._shop, "withheld")))
        except (Unavailable, RedisError):
            return
        self._members = frozenset(member.decode() for member in cast("set[bytes]", found))

    def holds(self, customer: str) -> bool:
        """Return whether the customer's data must not be used; True for everybody until it was learned."""
        return self._members is None or keys.customer(self._shop, "lists", customer) in self._members
