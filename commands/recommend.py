"""``tagalong recommend``: lists for many customers at once, written to a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from commands.console import progress, say
from commands.options import BundleKey, Now, moment
from commands.reading import read
from features.stock import updated
from machine.shop_folder import ShopFolder
from recommender.bundle import Bundle
from recommender.bundle_io import load, signing_key
from recommender.lists import Ordered
from serving.adapters.parquet_stock import off_sale
from training.audience import Audience, gather, read_ids
from training.batch import ask_for, in_blocks
from training.forked import CORES
from training.lists_file import check_target, write_lists
from training.privacy import UNDECIDED, Decisions
from training.progress import Progress
from training.registry import bundle_folder
from training.sources import read_decisions

app = typer.Typer(add_completion=False)


@app.command()
def recommend(
    bundle: Annotated[Path, typer.Option(help="A bundle, or a folder of bundles with a published one.")],
    users: Annotated[Path, typer.Option(help="Who: ids in the column user_id, or else in the first one.")],
    out: Annotated[Path, typer.Option(help="Where to: .csv or .parquet.")],
    count: Annotated[int | None, typer.Option("-n", min=1, max=1000, help="Items a list.", show_default="20")] = None,
    placement: Annotated[str, typer.Option(help="A placement of the configuration.")] = "home",
    history: Annotated[list[Path] | None, typer.Option(help="Events after training: folded in, never fitted.")] = None,
    repeat: Annotated[
        bool | None, typer.Option("--repeat/--no-repeat", help="Allow or exclude what the customer had before.")
    ] = None,
    now: Now = None,
    bundle_key: BundleKey = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Side by side; without it, one a processor.")] = None,
) -> None:
    """Write lists for many customers: user_id, rank (from 1), item_id, score, source.

    Customers that the bundle does not know get a list too. For a bundle that lies in a data folder, what customers
    decided there since it was trained is obeyed (erasures, and the choice of lists that are not personal), and what the
    shop took off sale is left out. Without --now the lists are made for the moment just after the last event that the
    bundle and --history know.

    Example: tagalong recommend --bundle data/main/bundles --users audience.csv --out lists.parquet -n 12
    """
    check_target(out)
    folder = bundle_folder(bundle)
    loaded = load(folder, key=signing_key(bundle_key))
    ids, without = read_ids(users, loaded.users)
    later = read(out.with_name(f"{out.name}.rejects.jsonl"), history).events if history else None
    audience = gather(loaded, ids, later, _decided(folder))
    asked = moment("--now", now)
    if asked is None:
        asked = 1 + max(loaded.info.data_until, int(audience.histories.time.max(initial=0)))
    loaded = _stocked(loaded, folder, asked)
    what = ask_for(loaded, placement, count=count, repeat=repeat)
    if without:
        say(f"{without} rows of {users} have no id that can be one; they are left out")
    if audience.withheld:
        say(f"{audience.withheld} customers were erased or want no personal lists: nothing earlier is used of them")
    if audience.left_out:
        say(f"{audience.left_out} events of --history name an item that the bundle does not know; they are left out")
    with progress() as report:
        parts = in_blocks(loaded, what, audience.queries(asked), processes=processes or CORES)
        written = write_lists(out, ids, loaded.catalogue.items, _shown(parts, audience, report))
    say(f"{written} rows for {len(ids)} customers ({audience.unknown} unknown to the bundle) written to {out}")


def _shop(folder: Path) -> Path | None:
    """Return the shop's part of the data folder that a bundle lies in, or None where it lies in none."""
    bundles = folder.resolve().parent
    return bundles.parent if ShopFolder(bundles.parent).bundles == bundles else None


def _stocked(bundle: Bundle, folder: Path, now: int) -> Bundle:
    """Return a bundle of a data folder without what is off sale at ``now``, as it was told there since it was made."""
    shop = _shop(folder)
    off = off_sale(shop, now, bundle).items if shop else {}
    return updated(bundle, [says for item, says in off.items() if bundle.catalogue.items.row(item) >= 0], 0)


def _decided(folder: Path) -> Decisions:
    """Return what is known of the customers' decisions beside a bundle; nothing where it lies in no data folder."""
    shop = _shop(folder)
    return read_decisions(shop) if shop else UNDECIDED


def _shown(
    parts: Iterator[tuple[slice, Ordered]], audience: Audience, report: Progress
) -> Iterator[tuple[slice, Ordered]]:
    for block, ordered in parts:
        yield block, ordered
        report("lists", block.stop, len(audience.ids))
