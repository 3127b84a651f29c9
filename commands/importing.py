"""``tagalong import``: files into the data folder."""

import time

import typer

from commands.console import complain, output, progress, say
from commands.options import DATA, Data, Interactions, Items, Shop, Users
from commands.reading import TOLERANCE, tell_reasons, tell_unknown
from recommender.errors import InvalidInput
from training.importer import import_files

app = typer.Typer(add_completion=False)


@app.command(name="import")
def import_(
    data: Data = DATA,
    shop: Shop = "main",
    interactions: Interactions = None,
    items: Items = None,
    users: Users = None,
) -> None:
    """Bring interactions, items and users into the data folder; importing a file twice changes nothing.

    Rows that cannot be read go to a rejects file, with the reason; of items and customers what can be read of them is
    kept all the same. A consent that is neither yes nor no counts as no. The exit status is 2 where no row of a file
    could be read; what the other files held stays imported.

    Example: tagalong import --interactions 'orders/*.csv.gz' --items products.jsonl
    """
    if not (interactions or items or users):
        raise InvalidInput("import", "name at least one file: --interactions, --items or --users")
    files, latest = (interactions or (), items or (), users or ()), time.time() + TOLERANCE
    with progress() as report:
        found = import_files(data / shop, *files, report, latest=latest)
    for kind, counts, given in zip(
        ("events", "items", "users"), (found.events, found.items, found.users), files, strict=True
    ):
        if given:
            changed = "" if kind == "events" else f"{counts.changed} changed, "
            output.print(f"{kind}: {counts.read} read, {counts.new} new, {changed}{counts.rejected} rejected")
    if found.forgotten:
        say(f"{found.forgotten} rows left out: of customers who asked to be forgotten, from before they did")
    tell_reasons(found.reasons, "rows rejected")
    tell_reasons(found.flaws, "rows")
    for path in found.rejects:
        say(f"these rows are in {path}")
    if found.unread:
        say(f"columns of interactions that nobody reads: {', '.join(sorted(found.unread))}")
    tell_unknown(found.unknown_events)
    if found.useless:
        complain(f"no row could be read of {', '.join(map(str, found.useless))}", status=2)
