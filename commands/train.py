"""``tagalong train``: fit, measure, and publish if it is good enough."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from commands.console import output, say
from commands.fitting import fitting
from commands.options import (
    DATA,
    BundleKey,
    Configuration,
    Data,
    Interactions,
    Items,
    Now,
    Shop,
    Users,
    check_shop,
    moment,
)
from commands.reading import read
from features.build import build_dataset
from features.histories import untimed
from features.tables import Tables
from machine.config_file import load_config
from machine.rule_check import check_rules
from machine.shop_folder import ShopFolder
from recommender.bundle import NOTHING_ARCHIVED, BundleInfo
from recommender.bundle_io import signing_key
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.errors import InvalidInput
from training.gate import DECIDING, FIGURE, figure
from training.publication import Run, train_into, train_to
from training.readers import read_archived, read_log, up_to
from training.registry import Registry

app = typer.Typer(add_completion=False)


@app.command()
def train(
    data: Data = DATA,
    shop: Shop = "main",
    interactions: Interactions = None,
    items: Items = None,
    users: Users = None,
    config: Configuration = None,
    bundle: Annotated[Path | None, typer.Option(help="Write one bundle here; for files only.")] = None,
    now: Now = None,
    bundle_key: BundleKey = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish whatever the gate says, and over another key.")
    ] = False,
    fail_if_kept: Annotated[
        bool, typer.Option("--fail-if-kept", help="End with status 1 where the gate keeps the bundle back.")
    ] = False,
) -> None:
    """Fit a bundle, measure it on held-out customers, and publish it if it is no worse than what there is.

    Without files it reads the log of the data folder and publishes there. With --interactions and --bundle it writes
    one bundle and touches nothing else. With --now, events after it are not read; models look back from the last one.

    Examples: tagalong train
              tagalong train --interactions events.csv --items items.csv --bundle ./bundle
    """
    if (bundle is None) != (interactions is None and items is None) or (users and bundle is None):
        raise InvalidInput("--bundle", "goes together with --interactions or --items, and they and --users with it")
    settings = load_config(config)
    folder = data / shop
    if bundle is None:
        check_shop(folder)
    with fitting() as report:
        report("reading")
        until, clock = moment("--now", now), int(time.time())
        archived = NOTHING_ARCHIVED if bundle else read_archived(folder)
        rejects = bundle and bundle.with_name(f"{bundle.name}.rejects.jsonl")
        # Not kept in a name: the tables are as large as all that follows, and nothing else needs them.
        dataset = build_dataset(
            _until(read(rejects, interactions, items, users) if rejects else read_log(folder), until), settings
        )
        pa.default_memory_pool().release_unused()
        _check(dataset, settings, config, now, from_files=bundle is not None)
        _tell_untimed(dataset)
        run = Run(_moment(dataset, until, clock), until or clock, archived, force)
        if bundle is not None:
            found = train_to(bundle, dataset, settings, run, report, key=signing_key(bundle_key))
            name = found.info.bundle_id
        else:
            registry = Registry(ShopFolder(folder).bundles, signing_key(bundle_key))
            _warn(registry, settings)
            name, verdict = train_into(registry, dataset, settings, run, report)
    if bundle is not None:
        say(f"bundle {name} written to {bundle}; {_reached(found.info)}")
    elif verdict.publish:
        output.print(f"{name} published: {verdict.reason}", soft_wrap=True)
    else:
        output.print(f"{name} kept, not published: {verdict.reason}. --force publishes all the same.", soft_wrap=True)
        raise typer.Exit(int(fail_if_kept))


def _reached(info: BundleInfo) -> str:
    """Return what was measured on held-out customers, in words."""
    told = [f"{task} {one['mean']:.4f}" for task in DECIDING if (one := figure(info.metrics, task))]
    asked = info.metrics.get("held_out", {}).get("customers", 0)
    return f"{FIGURE} {', '.join(told)} on {asked} held-out customers" if told else "nobody was held out to measure on"


def _warn(registry: Registry, settings: Config) -> None:
    """Say which settings differ from those of the bundle in use: a forgotten --config takes rules away silently."""
    current = next((line.info for line in registry.listed() if line.status == "current" and line.info), None)
    if current is None:
        return
    names = [name for name in Config.model_fields if getattr(settings, name) != getattr(current.config, name)]
    if names:
        say(f"settings differ from those of {current.bundle_id}, the bundle in use: {', '.join(names)}")


def _until(tables: Tables, now: int | None) -> Tables:
    """Leave out what happened after ``now``: a run that is made again later must not know it."""
    return replace(tables, events=up_to(tables.events, now))


def _check(dataset: Dataset, settings: Config, config: Path | None, now: str | None, *, from_files: bool) -> None:
    """Raise where there is nothing to train on, or a rule of the file ``config`` that the catalogue cannot be asked."""
    if not len(dataset.catalogue):
        nothing = f"there are neither items nor events{f' up to {now}' if now else ''} to train on"
        if now:
            raise InvalidInput("--now", nothing)
        if from_files:
            raise InvalidInput("--interactions", f"{nothing} in these files")
        raise InvalidInput("--data", f"{nothing}; tagalong import brings them")
    if config is not None:
        check_rules(config, settings, dataset.catalogue)


def _tell_untimed(dataset: Dataset) -> None:
    """Say of how many events it is not known when they were."""
    log = dataset.histories
    if shared := int(untimed(log).sum()):
        say(f"{shared} of {len(log.time)} events share one second: when they happened is taken for unknown")


def _moment(dataset: Dataset, now: int | None, clock: int) -> int:
    """Return the moment up to which the data say something: ``now``, else just after the last event, else the clock."""
    if now is not None:
        return now
    last = int(dataset.histories.time.max(initial=0))
    return last + 1 if last else clock
