"""A report as one HTML page that needs nothing else: tables, and plots as inline SVG."""

import json
from collections.abc import Iterable, Sequence
from html import escape

from training.intervals import Estimate
from training.plots import Bar, bars
from training.report import OURS, TASK_TITLES, TASKS, Report, Row, SourceShare, Task, pivot

STYLE = """
:root { --ink: #1c2430; --soft: #64748b; --line: #e2e8f0; --ours: #0f766e; --theirs: #b6c2d2; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #93a1b3; --line: #2d3947; --ours: #0d9488; --theirs: #4a5a6d; --paper: #0f1720 }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
       max-width: 1080px; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem } h3 { font-size: 1rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 1rem 2rem }
figure { margin: 0 } figcaption { color: var(--soft); margin: .5rem 0 .2rem }
svg { width: 100%; font-size: 13px } svg text { fill: var(--ink) } .label { text-anchor: end }
.value { fill: var(--soft) } rect.ours { fill: var(--ours) } rect.theirs { fill: var(--theirs) }
svg path { stroke: var(--ink); fill: none; opacity: .7 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; display: block;
        overflow-x: auto }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line) } td { white-space: nowrap }
th { vertical-align: bottom }
th:first-child, td:first-child { text-align: left } td small, .soft { color: var(--soft) }
pre { background: color-mix(in srgb, var(--theirs) 20%, var(--paper)); padding: 1rem; overflow-x: auto }
@media (max-width: 40rem) {
  body { margin: 1rem auto } svg { font-size: 16px }
  th:first-child, td:first-child { position: sticky; left: 0; background: var(--paper); white-space: normal }
}
"""


def page(report: Report) -> str:
    """Return the report as HTML."""
    sections = "".join(_task(report, task) for task in TASKS if report.row(task))
    cold = (
        _groups("for cold customers and cold items, against popularity", report.cold, report.main)
        if report.cold
        else ""
    )
    about = escape(json.dumps({**report.about, "seconds": dict(report.seconds)}, indent=1, ensure_ascii=False))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Tagalong: {escape(report.protocol)}</title><style>{STYLE}</style>"
        f"<h1>How good is the ranking?</h1><p class=soft>{escape(report.protocol)} · whole catalogue ranked · "
        f"95 % intervals, customers resampled</p>{sections}{cold}<h2>How to do it again</h2><pre>{about}</pre></html>\n"
    )


def _task(report: Report, task: Task) -> str:
    rows = [row for row in report.rows if row.task == task]
    plotted = (f"NDCG@{report.main}", f"R@{report.main}")
    plots = "".join(bars(name, [_bar(row, name) for row in rows]) for name in plotted)
    buckets = [row for row in report.buckets if row.task == task]
    shares = [one for one in report.sources if one.task == task]
    groups = _groups("by length of history", buckets, report.main)
    return (
        f"<h2>{escape(TASK_TITLES[task])}</h2><p class=soft>{rows[0].customers} customers</p>"
        f"<div class=plots>{plots}</div>{_systems(rows)}{groups}{_sources(shares)}"
    )


def _bar(row: Row, name: str) -> Bar:
    one = row.figures[name]
    return Bar(row.system, one.mean, one.low, one.high, row.system.startswith(OURS))


def _systems(rows: Sequence[Row]) -> str:
    body = ([name, *(_cell(row.figures[name]) for row in rows)] for name in rows[0].figures)
    return _table(["figure", *(escape(row.system) for row in rows)], body)


def _groups(title: str, rows: Sequence[Row], cut: int) -> str:
    systems, cells = pivot(rows, f"NDCG@{cut}")
    body = (
        [escape(group), str(customers), *(_cell(found.get(system)) for system in systems)]
        for (group, customers), found in cells.items()
    )
    table = _table(["group", "customers", *(escape(system) for system in systems)], body)
    return f"<h3>NDCG@{cut} {escape(title)}</h3>{table}"


def _sources(shares: Sequence[SourceShare]) -> str:
    body = (
        [escape(one.source), f"{one.places:.1%}", f"{one.hits:.1%}", f"{one.precision:.4f}"]
        for one in sorted(shares, key=lambda one: -one.places)
    )
    return f"<h3>What each source brought to our lists</h3>{_table(['source', 'places', 'hits', 'hits a place'], body)}"


def _cell(one: Estimate | None) -> str:
    if one is None or one.mean != one.mean:
        return ""
    return f"{one.mean:.4f}" + (f" <small>±{(one.high - one.low) / 2:.4f}</small>" if one.high > one.low else "")


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    titles = "".join(f"<th>{cell}</th>" for cell in head)
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    return f"<table><tr>{titles}</tr>{rows}</table>"
