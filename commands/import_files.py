"""``tagalong import``: files into the data folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from training.importer import Counts, ImportReport, import_files

EXAMPLES = """
Examples:

  tagalong import --interactions events.parquet --items items.csv --users users.jsonl

  tagalong import --data /srv/shop --interactions 'logs/2026-*.csv.gz'
"""

Files = Annotated[
    list[str] | None, typer.Option(help="CSV, JSON Lines or Parquet, also .gz; globs work; may be repeated.")
]


def import_command(
    interactions: Files = None,
    items: Files = None,
    users: Files = None,
    data: Annotated[Path, typer.Option(help="The data folder.", envvar="TAGALONG_DATA")] = Path("data"),
    shop: Annotated[str, typer.Option(help="The shop that the files belong to.")] = "main",
) -> None:
    """Import interactions, items and customers into the data folder.

    Importing a file twice changes nothing. Rows that cannot be read go to the shop's ``rejects`` folder.
    """
    if not (interactions or items or users):
        raise typer.BadParameter("name at least one file: --interactions, --items or --users")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        report = import_files(data / shop, interactions or (), items or (), users or (), _bar_for_each_file(bars))
    typer.echo(summary(report))


def _bar_for_each_file(bars: Progress) -> Callable[[str, int, int], None]:
    tasks: dict[str, TaskID] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(name)
        bars.update(tasks[name], completed=done, total=total)

    return show


def summary(report: ImportReport) -> str:
    """Return what an import did, a line a kind."""
    kinds = (("interactions", report.events), ("items", report.items), ("users", report.users))
    lines = [_line(kind, counts) for kind, counts in kinds if counts != Counts()]
    unknown = sorted(report.unknown_events.items(), key=lambda entry: -entry[1])
    lines += [f"unknown event {name!r}: {count:,} rows, kept, weighing nothing" for name, count in unknown]
    return "\n".join([*lines, *(f"rejected rows: {path}" for path in report.rejects)])


def _line(kind: str, counts: Counts) -> str:
    return (
        f"{kind}: {counts.read:,} rows read, {counts.new:,} new, {counts.known:,} known, {counts.rejected:,} rejected"
    )
