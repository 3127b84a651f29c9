"""``tagalong customers``: what is known of all customers, or of those for whom a condition holds, written to a file."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from commands.console import progress, say
from commands.options import BundleKey, Now, check_target, moment
from commands.reading import check_is_no_input, ids_of
from features.tagging import tagging
from recommender.bundle_io import load, signing_key
from recommender.times import rfc3339
from training.audience import gather
from training.customer_table import CustomerTable, declared_of, everybody, persons, without_erased
from training.forked import CORES
from training.registry import bundle_folder
from training.row_file import check_suffix, row_file
from training.surroundings import (
    check_apart,
    decided_beside,
    declared_beside,
    events_since,
    shop_of,
    unsubscribed_beside,
)

app = typer.Typer(add_completion=False)


@app.command()
def customers(
    bundle: Annotated[Path, typer.Option(help="A bundle, or a folder of bundles with a published one.")],
    out: Annotated[Path, typer.Option(help="Where to: .csv or .parquet.")],
    where: Annotated[
        str | None, typer.Option(help="Only customers for whom this holds, such as: stage = 'lapsed' and consent_email")
    ] = None,
    users: Annotated[
        Path | None, typer.Option(help="Whom to look at: ids in the column user_id. Without it, everybody.")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Know what the bundle's data folder holds since the training, too.")
    ] = False,
    now: Now = None,
    bundle_key: BundleKey = None,
) -> None:
    """Write what is known of customers, one row each: stage, tier, habits, tags, and what was declared.

    The file can be the --users of tagalong recommend. Who was erased is not in it; of whoever wants no personal lists
    it says nothing but what was declared, tags apart. Without --now all holds for the moment just after the last event
    that is known.

    Example: tagalong customers --bundle data/main/bundles --out lapsed.csv --where "stage = 'lapsed' and consent_email"
    """
    check_suffix(out)
    check_target("--out", out)
    check_is_no_input("--out", out, [users])
    folder = bundle_folder(bundle)
    check_apart(out, folder)
    loaded = load(folder, key=signing_key(bundle_key))
    asked = moment("--now", now)
    later = events_since(folder, loaded.info.data_until, asked) if log else None
    decided, declared = decided_beside(folder, loaded), declared_beside(folder)
    if shop_of(folder) is None:
        say(f"{folder} lies in no data folder: what customers declared, or decided since training, is not known")
    if users:
        ids = persons(pa.array(ids_of(users, loaded.users), pa.string()), decided)
    else:
        ids = everybody(loaded, later, declared, decided)
    audience = without_erased(gather(loaded, ids, later, decided, until=asked), decided)
    now_seconds = asked if asked is not None else audience.latest(loaded.info.data_until)
    rules = tagging(loaded.catalogue, loaded.info.config, loaded.brings)
    known = declared_of(audience.ids, declared, unsubscribed_beside(folder, asked), now_seconds)
    table = CustomerTable(loaded, rules, audience, known, now_seconds)
    written = 0
    with progress() as report, row_file(out, table.schema) as file:
        for done, found in table.blocks(where, CORES):
            file.write_table(found)
            written += len(found)
            report("customers", done, len(audience.ids))
    say(f"{written} of {len(audience.ids)} customers, as of {rfc3339(now_seconds)}, written to {out}")
