"""From a dataset to a bundle that knows how good it is, and, where the gate lets it through, to a published one."""

import hashlib
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np

from recommender.bundle import NOTHING_ARCHIVED, Bundle
from recommender.bundle_io import CURRENT, MANIFEST, load, save
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.errors import BundleError, InvalidInput, UnsignedBundle
from recommender.times import rfc3339
from training import gate
from training.appraisal import appraise
from training.gate import Verdict
from training.job import fit_and_hold
from training.progress import Progress
from training.registry import Registry


@dataclass(frozen=True, slots=True)
class Run:
    """One training run's moments and wishes."""

    now: int
    """The moment up to which the data say something, seconds since 1970."""
    created: int
    """When the run took place, for the bundle's id."""
    archived_until: str = NOTHING_ARCHIVED
    """As the bundle says it."""
    force: bool = False
    """Publish whatever the gate says, and over a bundle that is not signed with the key in use."""


def trained(dataset: Dataset, config: Config, run: Run, progress: Progress, rival: Bundle | None = None) -> Bundle:
    """Return the bundle of ``dataset``, its manifest holding what was measured on held-out customers."""
    fitted = fit_and_hold(dataset, config, now=run.now, progress=progress)
    progress("measuring on held-out customers")
    metrics = {**fitted.bundle.info.metrics, **appraise(fitted.past, fitted.held, rival=rival)}
    created = datetime.fromtimestamp(run.created, UTC)
    info = replace(
        fitted.bundle.info,
        bundle_id=f"{created:%Y%m%dT%H%M%SZ}-{_mark(dataset, config, run.archived_until)}",
        created_at=rfc3339(run.created),
        metrics=metrics,
        archived_until=run.archived_until,
    )
    return replace(fitted.bundle, info=info)


def train_into(
    registry: Registry, dataset: Dataset, config: Config, run: Run, progress: Progress
) -> tuple[str, Verdict]:
    """Train, add the bundle to the registry, publish it if the gate agrees, and delete what is too old.

    A current bundle that cannot be read is no rival: any sound bundle is better. One that is signed with another key,
    or with none, may be in use: it is replaced only by force.
    """
    rival = _current(registry, run.force)
    bundle = trained(dataset, config, run, progress, rival)
    progress("writing the bundle")
    registry.add(bundle)
    name = bundle.info.bundle_id
    verdict = gate.judge(bundle.info.metrics, rival.info.metrics if rival else None)
    if verdict.publish or run.force:
        registry.publish(name)
    else:
        registry.keep(name, verdict.reason)
    registry.prune(config.keep_bundles)
    return name, replace(verdict, publish=verdict.publish or run.force)


def train_to(
    folder: Path, dataset: Dataset, config: Config, run: Run, progress: Progress, *, key: bytes | None = None
) -> Bundle:
    """Train and write the one bundle to ``folder``, signed with ``key``.

    A bundle that is there is replaced, anything else is left alone.
    """
    replaced = folder.exists() and any(folder.iterdir())
    if replaced and not (folder / MANIFEST).is_file():
        raise InvalidInput("--bundle", f"{folder} holds something else than a bundle")
    folder.parent.mkdir(parents=True, exist_ok=True)
    bundle = trained(dataset, config, run, progress)
    progress("writing the bundle")
    if replaced:
        exchange(bundle, folder, key)
    else:
        save(bundle, folder, key=key)
    return bundle


def exchange(bundle: Bundle, folder: Path, key: bytes | None) -> None:
    """Write the bundle in place of the one in ``folder``, which is there until the new one is whole, or stays."""
    built, old = (folder.with_name(f".{folder.name}.{uuid4().hex}") for _ in range(2))
    try:
        save(bundle, built, key=key)
        folder.rename(old)
        built.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for rest in (built, old):
            shutil.rmtree(rest, ignore_errors=True)


def _current(registry: Registry, force: bool) -> Bundle | None:
    registry.check_key()
    try:
        return load(registry.path(CURRENT), key=registry.key) if registry.current() else None
    except UnsignedBundle as error:
        if force:
            return None
        raise UnsignedBundle(error.file, f"{error.detail}; --force publishes over it") from error
    except BundleError:
        return None


def _mark(dataset: Dataset, config: Config, archived_until: str) -> str:
    """Return six characters that differ where the configuration, the data or how far they reach do."""
    log, catalogue = dataset.histories, dataset.catalogue
    digest = hashlib.sha256(f"{config.model_dump_json()} {archived_until}".encode())
    parts = (
        log.indptr,
        log.item,
        log.event,
        log.time,
        log.quantity,
        log.price,
        dataset.users.text,
        dataset.refusing.text,
        catalogue.items.text,
        dataset.declared.indptr,
        dataset.declared.indices,
    )
    for part in (*parts, catalogue.properties.text, catalogue.tags.indices, catalogue.in_stock, catalogue.hidden):
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()[:6]
