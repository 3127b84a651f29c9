"""A report as one HTML page that needs nothing else: tables, and plots as inline SVG."""

import json
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.plots import Bar, Chart
from training.report import OURS, TASK_TITLES, TASKS, Report, Row, SourceShare, Task, pivot


@dataclass(frozen=True, slots=True)
class TaskPart:
    """What the page shows of one task."""

    title: str
    charts: list[Chart]
    rows: list[Row]
    buckets: list[Row]
    sources: list[SourceShare]
    """The one that filled most places first."""


def page(report: Report) -> str:
    """Return the report as HTML."""
    templates = Environment(
        loader=PackageLoader("training"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return templates.get_template("report.html").render(
        report=report,
        tasks=[_part(report, task) for task in TASKS if report.row(task)],
        pivot=pivot,
        about=json.dumps({**report.about, "seconds": dict(report.seconds)}, indent=1, ensure_ascii=False),
    )


def _part(report: Report, task: Task) -> TaskPart:
    rows = [row for row in report.rows if row.task == task]
    names = (f"NDCG@{report.main}", f"R@{report.main}")
    return TaskPart(
        TASK_TITLES[task],
        [Chart(name, tuple(_bar(row, name) for row in rows)) for name in names],
        rows,
        [row for row in report.buckets if row.task == task],
        sorted((one for one in report.sources if one.task == task), key=lambda one: -one.places),
    )


def _bar(row: Row, name: str) -> Bar:
    one = row.figures[name]
    return Bar(row.system, one.mean, one.low, one.high, row.system.startswith(OURS))
