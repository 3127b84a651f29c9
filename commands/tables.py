"""Reports as tables on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from training.diff import Change, Difference
from training.intervals import Estimate
from training.report import TASK_TITLES, TASKS, Report, Row, SourceShare, pivot


def show(report: Report, console: Console) -> None:
    """Print a report at its main cut: a table a task, then histories, sources and the cold; JSON has every cut."""
    console.print(f"\n[bold]{report.protocol}[/]: {_about(report)}")
    for task in TASKS:
        rows = [row for row in report.rows if row.task == task]
        if rows:
            console.print(f"\n[bold]{TASK_TITLES[task]}[/]\n{rows[0].customers} customers")
            console.print(_systems(rows, report.main))
            console.print(
                _groups("by length of history", [row for row in report.buckets if row.task == task], report.main)
            )
            console.print(_sources([one for one in report.sources if one.task == task]))
    if report.cold:
        console.print(_groups("cold customers and cold items, against popularity", report.cold, report.main))


def _about(report: Report) -> str:
    sizes = (f"{report.about[name]} {name.replace('_', ' ')}" for name in ("customers", "items", "events"))
    return f"{', '.join(sizes)}; seed {report.about['seed']}"


def _systems(rows: Sequence[Row], cut: int) -> Table:
    names = [name for name in rows[0].figures if name.endswith(f"@{cut}")]
    table = Table("system", *names)
    for row in rows:
        table.add_row(row.system, *(_cell(row.figures[name]) for name in names))
    return table


def _cell(one: Estimate | None) -> str:
    if one is None or one.mean != one.mean:
        return ""
    return f"{one.mean:.4f} ±{(one.high - one.low) / 2:.4f}" if one.high > one.low else f"{one.mean:.4f}"


def _groups(title: str, rows: Sequence[Row], cut: int) -> Table:
    systems, cells = pivot(rows, f"NDCG@{cut}")
    table = Table("group", "customers", *systems, title=f"NDCG@{cut} {title}", title_justify="left")
    for (group, customers), found in cells.items():
        table.add_row(group, str(customers), *(_cell(found.get(system)) for system in systems))
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
