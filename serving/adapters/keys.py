"""The names of everything in Redis; a customer's keys share one hash tag, so that they live in one cluster slot.

Scripts spell the fields out: a text full of holes would be harder to read than a name that stands twice. Names stay as
they are once they are stored (``stock`` holds changes of the catalogue): replicas of two versions share them.
"""

from typing import Literal

from recommender.times import DAY

REMEMBER_SECONDS = 400 * DAY
"""How long what customers decided, and who was merged, is remembered: browsers keep no cookie longer."""
REVISION = "revision"
"""Field of a customer's ``lists`` hash, raised by every change of their state."""
SAME_AS = "same_as"
"""Field of it: the customer into whom this visitor was merged."""
CHOICE = "choice"
"""Field of it: ``0`` where the customer wants lists that know nothing of them."""
PERMISSIONS = ("personalize", "consent", "files_choice", "files_consent")
"""Fields of a customer's ``profile`` hash: whether lists may be personal, as the customer chose and the shop declared,
over the API and in files."""
CustomerKey = Literal["lists", "cached", "profile", "events", "tags", "seen"]
ShopKey = Literal["log", "ids", "erasures", "receipt", "stock", "everyone", "withheld", "told"]


def customer(shop: str, kind: CustomerKey, customer_id: str) -> str:
    """Return the key of one customer's ``kind`` of state, ``lists:{main:42}``.

    A brace in the id would end the hash tag early, which costs a cluster the shared slot and nothing else.
    """
    return f"{kind}:{{{shop}:{customer_id}}}"


def any_lists(shop: str) -> str:
    """Return what the key of anybody's lists begins with; the id and a closing brace end it."""
    return customer(shop, "lists", "").removesuffix("}")


def shared(shop: str, kind: ShopKey, name: str = "") -> str:
    """Return the key of something that belongs to the whole shop, ``stock:{main}:revision``."""
    return f"{kind}:{{{shop}}}:{name}" if name else f"{kind}:{{{shop}}}"


def served(shop: str, list_id: str) -> str:
    """Return the key of one remembered list, from which the next page continues."""
    return f"served:{{{shop}:{list_id}}}"
