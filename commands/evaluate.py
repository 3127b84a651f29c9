"""``tagalong evaluate``: how good the ranking is, next to simple baselines."""

from pathlib import Path
from typing import Annotated

import typer

from commands.console import output, say
from commands.fitting import fitting
from commands.options import Configuration, Interactions, Items, Users, check_target, moment
from commands.reading import check_is_no_input, read
from commands.tables import show
from machine.config_file import load_config
from recommender.errors import InvalidInput
from training.heldout import SplitProtocol
from training.page import page
from training.study import Plan, study

app = typer.Typer(add_completion=False)


@app.command()
def evaluate(
    interactions: Interactions,
    protocol: Annotated[
        SplitProtocol, typer.Option(help="What is held out: each last choice, or the first order after a moment.")
    ],
    items: Items = None,
    users: Users = None,
    test_from: Annotated[
        str | None, typer.Option(help="Temporal: the moment at which the future begins.", metavar="TIMESTAMP")
    ] = None,
    cuts: Annotated[
        list[int] | None, typer.Option("-k", min=1, help="Lengths of list to report on.", show_default="5 10 20")
    ] = None,
    config: Configuration = None,
    customers: Annotated[int, typer.Option(min=1, help="Held-out customers, at most.")] = 20_000,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what needs further fits.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page with plots.")] = None,
) -> None:
    """Fit on the past, rank the whole catalogue, and compare with what customers then chose.

    Beside our models stand popularity, decayed personal frequency, and implicit's ALS and BM25 neighbours, fitted in
    the same call. What is chosen again and what is new are separate tables. Intervals are 95 %, over customers.

    Example: tagalong evaluate --interactions events.csv --items items.csv --protocol leave-one-out --html report.html
    """
    if not interactions:
        raise InvalidInput("--interactions", "name at least one file")
    if test_from is not None and protocol != "temporal":
        raise InvalidInput("--test-from", "is for --protocol temporal")
    plan = Plan(
        protocol, moment("--test-from", test_from), tuple(sorted(set(cuts or (5, 10, 20)))), customers, not quick
    )
    settings = load_config(config)
    check_target("--json", json)
    check_target("--html", html)
    for option, path in (("--json", json), ("--html", html)):
        check_is_no_input(option, path, [*interactions, *(items or ()), *(users or ()), config])
    with fitting() as report:
        report("reading")
        tables = read((json or html or Path("evaluation")).with_suffix(".rejects.jsonl"), interactions, items, users)
        found = study(tables, settings, plan, report)
    show(found, output)
    for path, text in ((json, found.to_json), (html, lambda: page(found))):
        if path is not None:
            path.write_text(text(), encoding="utf-8")
            say(f"written to {path}")
