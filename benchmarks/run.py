"""``make bench``: every speed and memory promise as a ratio measured in this run, printed and written down.

python -m benchmarks.run [--only cached --only live ...] [--folder build/bench] [--write/--no-write]
"""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import batch, cached, fresh, importing, ingest, live, live_state, training, workers
from benchmarks.machine import description
from benchmarks.measured import Measured, markdown, print_table
from benchmarks.stage import Stage, apart, imported, trained

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BENCHMARKS: dict[str, tuple[str, Callable[[Stage, Stage], Sequence[Measured]]]] = {
    "importing": ("Import", lambda whole, _: importing.measure(whole)),
    "training": ("Training", lambda whole, _: training.measure(whole)),
    "cached": ("Cached answers", lambda whole, _: cached.measure(whole)),
    "live": ("Live answers", lambda whole, popular: [*live.measure(trained(popular)), *live.measure(whole)]),
    "ingest": ("Events", lambda whole, _: [*ingest.measure(apart(whole)), *fresh.measure(apart(whole))]),
    "live_state": ("Live state", lambda whole, _: live_state.measure(apart(whole))),
    "workers": ("Memory", lambda whole, _: workers.measure(whole)),
    "batch": ("Audiences", lambda whole, _: batch.measure(whole)),
}
UNTRAINED = ("importing", "training")
"""These need no bundle."""
INTRODUCTION = """# Benchmarks

Written by `make bench`, which measures everything anew. Each bar is a ratio to something unavoidable that is measured
in the same run, or a limit; figures of another machine differ, the ratios less so. The data is Complete Journey, whole
and cut to the items that ten households or more bought. How each figure comes about stands at the top of its file in
`benchmarks/`.
"""


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(BENCHMARKS)}; may be repeated.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the data folders are made and found again.")] = Path(
        "build/bench"
    ),
    write: Annotated[bool, typer.Option(help="Write docs/benchmarks.md.")] = True,
) -> None:
    """Measure, print, write; exit status 1 if a bar is missed."""
    whole, popular = imported(folder), imported(folder, popular_only=True)
    sections = {}
    for name in only or BENCHMARKS:
        title, measure = BENCHMARKS[name]
        sections[title] = measure(whole if name in UNTRAINED else trained(whole), popular)
        print_table(title, sections[title])
    if write and not only:
        PAGE.write_text(page(sections))
    sys.exit(not all(row.holds for rows in sections.values() for row in rows))


def page(sections: dict[str, Sequence[Measured]]) -> str:
    """Return the whole of docs/benchmarks.md."""
    parts = [INTRODUCTION, f"Measured {datetime.now(UTC):%Y-%m-%d} on: {description()}\n"]
    parts += [f"## {title}\n\n{markdown(rows)}\n" for title, rows in sections.items()]
    return "\n".join(parts)


if __name__ == "__main__":
    typer.run(main)
