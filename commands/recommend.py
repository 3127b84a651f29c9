"""``tagalong recommend``: lists for many customers at once, written to a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from commands.console import progress, say
from commands.options import BundleKey, Now, check_target, moment
from commands.reading import check_is_no_input, ids_of, read
from features.catalogue_changes import updated
from machine.config_file import load_config
from recommender.bundle import Bundle
from recommender.bundle_io import load, signing_key
from recommender.catalogue import Catalogue
from recommender.config import Config
from recommender.errors import InvalidInput
from recommender.filter_columns import OWN_TAGS
from recommender.filters import compile_boost, compile_filter
from recommender.times import rfc3339
from serving.adapters.parquet_catalogue import off_sale
from training.audience import Audience, gather
from training.batch import Block, ask_for, in_blocks
from training.forked import CORES
from training.lists_file import write_lists
from training.progress import Progress
from training.readers import up_to
from training.registry import bundle_folder
from training.row_file import check_suffix
from training.surroundings import check_apart, decided_beside, events_since, shop_of

app = typer.Typer(add_completion=False)


@app.command()
def recommend(
    bundle: Annotated[Path, typer.Option(help="A bundle, or a folder of bundles with a published one.")],
    users: Annotated[Path, typer.Option(help="Who: ids in the column user_id, or else in the first one.")],
    out: Annotated[Path, typer.Option(help="Where to: .csv or .parquet.")],
    count: Annotated[int | None, typer.Option("-n", min=1, max=1000, help="Items a list.", show_default="20")] = None,
    placement: Annotated[str, typer.Option(help="A placement of the configuration.")] = "home",
    config: Annotated[
        Path | None, typer.Option(help="A tagalong.toml whose placements hold, instead of those of the training.")
    ] = None,
    history: Annotated[list[Path] | None, typer.Option(help="Events after training: folded in, never fitted.")] = None,
    repeat: Annotated[
        bool | None, typer.Option("--repeat/--no-repeat", help="Allow or exclude what the customer had before.")
    ] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="Only items for which this holds, such as: in_stock and price < 50")
    ] = None,
    boost: Annotated[str | None, typer.Option(help="Lifts items, such as: 2 * (brand = 'Acme')")] = None,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Say why each item is in its list, in one more column; this takes longer.")
    ] = False,
    log: Annotated[
        bool, typer.Option("--log", help="Fold in what the bundle's data folder holds since the training.")
    ] = False,
    personal_only: Annotated[
        bool, typer.Option("--personal-only", help="Leave out who was erased or wants no personal lists.")
    ] = False,
    now: Now = None,
    bundle_key: BundleKey = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Side by side; without it, one a processor.")] = None,
) -> None:
    """Write lists for many customers: user_id, rank (from 1), item_id, score, source, and on request reasons.

    Customers that the bundle does not know get a list too. For a bundle that lies in a data folder, what customers
    decided there since it was trained is obeyed (erasures, the choice of lists that are not personal, who turned out to
    be whom), and what the shop took off sale is left out; for any other bundle, the refusals that it was trained with
    are obeyed. Without --now the lists are made for the moment just after the last event that is known.

    Example: tagalong recommend --bundle data/main/bundles --users audience.csv --out lists.parquet -n 12
    --filter "in_stock and price < 50"
    """
    check_suffix(out)
    check_target("--out", out)
    check_is_no_input("--out", out, [users, config, *(history or ())])
    folder = bundle_folder(bundle)
    check_apart(out, folder)
    loaded = load(folder, key=signing_key(bundle_key))
    ids = ids_of(users, loaded.users)
    if config is not None:
        loaded = _placed(loaded, load_config(config))
    asked = moment("--now", now)
    later = [_told(out, history, asked)] if history else []
    later += [events_since(folder, loaded.info.data_until, asked)] if log else []
    audience = gather(loaded, ids, pa.concat_tables(later) if later else None, decided_beside(folder, loaded))
    _tell(audience, personal_only=personal_only)
    if personal_only:
        audience = audience.open_to_us()
    if asked is not None and asked < loaded.info.data_until:
        say(f"the bundle knows what happened until {rfc3339(loaded.info.data_until)}, which is after --now")
    asked = asked if asked is not None else audience.latest(loaded.info.data_until)
    loaded = _up_to_date(loaded, folder, asked)
    what = ask_for(loaded, placement, count=count, repeat=repeat)
    what = replace(what, reasons=reasons, **_said_of_items(loaded.catalogue, filter_, boost))
    with progress() as report:
        blocks = in_blocks(loaded, what, audience.queries(asked), processes=processes or CORES)
        shown = _shown(blocks, audience, report)
        written = write_lists(out, audience.ids, loaded.catalogue.items, shown, reasons=reasons)
    unknown = f"({audience.unknown} unknown to the bundle)"
    say(f"{written} rows for {len(audience.ids)} customers {unknown}, as of {rfc3339(asked)}, written to {out}")


def _told(out: Path, history: list[Path], asked: int | None) -> pa.Table:
    """Return the events of files, and say how many lie after the moment of the lists: whoever gives them wants them."""
    events = read(out.with_name(f"{out.name}.rejects.jsonl"), history).events
    if after := len(events) - len(up_to(events, asked)):
        say(f"{after} events of --history lie after --now; they are folded in all the same")
    return events


def _tell(audience: Audience, *, personal_only: bool) -> None:
    """Say who, and which events, are left out."""
    if withheld := int(audience.withheld.sum()):
        what_of_them = "they are left out" if personal_only else "nothing earlier is used of them"
        say(f"{withheld} customers were erased or want no personal lists: {what_of_them}")
    if audience.left_out:
        say(f"{audience.left_out} later events name an item that the bundle does not know; they are left out")


def _up_to_date(bundle: Bundle, folder: Path, now: int) -> Bundle:
    """Return a bundle of a data folder without what is off sale at ``now``, as it was told there since it was made."""
    shop = shop_of(folder)
    off = off_sale(shop, now, bundle).items if shop else {}
    return updated(bundle, [says for item, says in off.items() if bundle.catalogue.items.row(item) >= 0], 0)


def _said_of_items(catalogue: Catalogue, condition: str | None, boost: str | None) -> dict[str, Any]:
    """Return which items may be listed and how much each is lifted, as far as that was said. Raises FilterError."""
    for option, expression in (("--filter", condition), ("--boost", boost)):
        if expression is not None and OWN_TAGS in expression:
            raise InvalidInput(option, f"{OWN_TAGS} are worked out by the running service alone; ask for item tags")
    return {
        "only": None if condition is None else compile_filter(condition, catalogue, "--filter"),
        "boost": None if boost is None else compile_boost(boost, catalogue, "--boost"),
    }


def _placed(bundle: Bundle, config: Config) -> Bundle:
    """Return the bundle with the placements of another configuration."""
    known = bundle.info.config.model_copy(update={"placements": config.placements})
    return replace(bundle, info=replace(bundle.info, config=known))


def _shown(blocks: Iterator[Block], audience: Audience, report: Progress) -> Iterator[Block]:
    for block in blocks:
        yield block
        report("lists", block.customers.stop, len(audience.ids))
