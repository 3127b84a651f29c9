"""What the data folder that a bundle lies in knows beside it: events since the training, decisions, declarations."""

from pathlib import Path

import pyarrow as pa

from features.tables import TIME, USERS
from machine.publications import RECORD
from machine.shop_folder import ShopFolder
from recommender.bundle import Bundle
from recommender.errors import InvalidInput
from training.privacy import Decisions
from training.readers import read_decisions, read_log_since, read_unsubscribed, read_users_known, up_to

NO_ONE = pa.schema([("user_id", pa.string()), ("unsubscribed_at", TIME)]).empty_table()


def shop_of(bundle: Path) -> Path | None:
    """Return the shop's part of the data folder that a bundle's folder lies in, or None where it lies in none.

    A folder that merely is called ``bundles`` has no record of what was published.
    """
    bundles = bundle.resolve().parent
    is_shop = ShopFolder(bundles.parent).bundles == bundles and (bundles / RECORD).is_file()
    return bundles.parent if is_shop else None


def check_apart(out: Path, bundle: Path) -> None:
    """Raise InvalidInput where a file would be written among those of the shop whose bundle is read."""
    shop = shop_of(bundle)
    if shop is not None and out.resolve().is_relative_to(shop.resolve()):
        raise InvalidInput("--out", f"{out} lies among the shop's own files in {shop}; write it elsewhere")


def events_since(bundle: Path, trained: int, until: int | None) -> pa.Table:
    """Return the events since a bundle was ``trained``, none after ``until``. Raises InvalidInput."""
    shop = shop_of(bundle)
    if shop is None:
        raise InvalidInput("--log", f"{bundle} lies in no data folder")
    return up_to(read_log_since(shop, trained), until)


def decided_beside(folder: Path, bundle: Bundle) -> Decisions:
    """Return what customers decided, as the data folder of the bundle's ``folder`` knows, or else as it was trained."""
    shop = shop_of(folder)
    return read_decisions(shop) if shop else Decisions(refusing=bundle.refusing.arrow())


def declared_beside(bundle: Path) -> pa.Table:
    """Return what was declared of customers, as ``USERS``; nothing where the bundle lies in no data folder."""
    shop = shop_of(bundle)
    return read_users_known(shop) if shop else USERS.empty_table()


def unsubscribed_beside(bundle: Path, until: int | None) -> pa.Table:
    """Return when customers last unsubscribed up to ``until``, as ``read_unsubscribed`` does."""
    shop = shop_of(bundle)
    return read_unsubscribed(shop, until) if shop else NO_ONE
