"""``tagalong tune``: search for better settings."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from commands.console import output
from commands.fitting import fitting
from commands.options import DATA, Configuration, Data, Interactions, Items, Shop, Users, check_shop, check_target
from commands.reading import check_is_no_input, read
from features.build import build_dataset
from machine.config_file import load_config
from recommender.errors import InvalidInput
from training.gate import FIGURE
from training.readers import read_log

app = typer.Typer(add_completion=False)


@app.command()
def tune(
    out: Annotated[Path, typer.Option(help="The configuration file to write.")] = Path("tuned.toml"),
    data: Data = DATA,
    shop: Shop = "main",
    interactions: Interactions = None,
    items: Items = None,
    users: Users = None,
    config: Configuration = None,
    minutes: Annotated[float, typer.Option(min=0, help="Begin no trial after this time.")] = 30,
    trials: Annotated[int, typer.Option(min=1, help="At most so many trials.")] = 1000,
    study: Annotated[
        Path, typer.Option(help="Remembers every trial; on the same data and settings a search goes on.")
    ] = Path("tune.sqlite"),
) -> None:
    """Search for better settings, beginning with those of --config, and write the best as a configuration file.

    Settings are compared on the customers that each training run holds out inside the data, never on anything else:
    keep the data that you will evaluate on out of the files.

    Example: tagalong tune --minutes 60 --out tuned.toml
    """
    from training.tune import Search, as_toml, search  # noqa: PLC0415 - help must not need the library behind it

    if users and not (interactions or items):
        raise InvalidInput("--users", "goes together with --interactions or --items")
    check_target("--out", out)
    for option, path in (("--out", out), ("--study", study)):
        check_is_no_input(option, path, [*(interactions or ()), *(items or ()), *(users or ()), config])
    if not (interactions or items):
        check_shop(data / shop)
    settings = load_config(config)
    whole = tomllib.loads(config.read_text(encoding="utf-8-sig")) if config else {}
    with fitting() as report:
        report("reading")
        rejects = out.with_suffix(".rejects.jsonl")
        from_files = read(rejects, interactions, items, users) if interactions or items else None
        dataset = build_dataset(from_files or read_log(data / shop), settings)
        if not len(dataset.histories.item):
            raise InvalidInput("--interactions" if from_files else "--data", "there are no events to learn from")
        found = search(dataset, settings, Search(study, minutes * 60, trials), report)
    out.write_text(as_toml(whole, found.changes), encoding="utf-8")
    earlier = found.tried - found.trials
    output.print(
        f"{found.trials} trials{f' after {earlier} earlier ones' if earlier else ''}; {FIGURE}, the mean of next and "
        f"discovery on {found.customers} held-out customers, was {found.before:.4f} and is {found.score:.4f}"
        f"{'' if found.is_sure else ', which chance may explain'}; written to {out}",
        soft_wrap=True,
    )
