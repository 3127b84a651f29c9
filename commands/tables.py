"""Reports as tables on a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from training.bootstrap import Estimate
from training.diff import Change, Difference
from training.report import TASK_TITLES, TASKS, Report, Row, SourceShare


def show(report: Report, console: Console) -> None:
    """Print a report: one table a task, then histories, sources and the cold."""
    console.print(f"\n[bold]{report.protocol}[/]: {_about(report)}")
    for task in TASKS:
        rows = [row for row in report.rows if row.task == task]
        if rows:
            console.print(_systems(f"{TASK_TITLES[task]}; {rows[0].customers} customers", rows))
            console.print(_groups("by length of history", [row for row in report.buckets if row.task == task]))
            console.print(_sources([one for one in report.sources if one.task == task]))
    if report.cold:
        console.print(_groups("cold customers and cold items, against popularity", report.cold))


def _about(report: Report) -> str:
    sizes = (f"{report.about[name]} {name.replace('_', ' ')}" for name in ("customers", "items", "events"))
    return f"{', '.join(sizes)}; seed {report.about['seed']}"


def _systems(title: str, rows: Sequence[Row]) -> Table:
    table = Table("figure", *(row.system for row in rows), title=title, title_justify="left")
    for name in rows[0].figures:
        values = [row.figures[name] for row in rows]
        table.add_row(name, *_cells(values))
    return table


def _cells(values: Sequence[Estimate]) -> Iterable[str]:
    return (
        f"{one.mean:.4f} ±{(one.high - one.low) / 2:.4f}" if one.high > one.low else f"{one.mean:.4f}" for one in values
    )


def _groups(title: str, rows: Sequence[Row]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row.figures if name.startswith(("HR", "R@", "NDCG"))))
    table = Table("group", "customers", "system", *names, title=title, title_justify="left")
    for row in sorted(rows, key=lambda row: row.group):
        figures = (row.figures.get(name) for name in names)
        table.add_row(row.group, str(row.customers), row.system, *(f"{one.mean:.4f}" if one else "" for one in figures))
    return table


def _sources(shares: Sequence[SourceShare]) -> Table:
    table = Table("source", "places", "hits", "hits a place", title="our sources", title_justify="left")
    for one in sorted(shares, key=lambda one: -one.places):
        table.add_row(one.source, f"{one.places:.1%}", f"{one.hits:.1%}", f"{one.precision:.4f}")
    return table


def show_difference(found: Difference, console: Console) -> None:
    """Print how two bundles differ."""
    table = Table("", "before", "after", title=f"{found.customers} customers, {found.count} items each")
    table.add_row("catalogue shown", *(f"{one:.2%}" for one in found.coverage))
    table.add_row("popularity of what is shown", *(f"{one:.3%}" for one in found.popularity))
    console.print(table)
    console.print(f"the same in both lists: {found.overlap:.1%}; the same first item: {found.same_first:.1%}")
    for stage, (customers, overlap) in found.stages.items():
        console.print(f"  {stage}: {customers} customers, {overlap:.1%} the same")
    for title, changes in (
        ("categories", found.categories[:10]),
        ("items that gain", found.gains),
        ("items that lose", found.losses),
    ):
        console.print(_changes(title, changes))


def _changes(title: str, changes: Sequence[Change]) -> Table:
    table = Table(title, "before", "after", "change")
    for one in changes:
        table.add_row(one.name, f"{one.before:.2%}", f"{one.after:.2%}", f"{one.gain:+.2%}")
    return table
