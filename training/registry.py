"""The bundles of one shop: which exist, which one is current, which was before it, and why one was not published.

    bundles/<bundle_id>/      a bundle, never changed once it is there
    bundles/current           a symbolic link to the published one, replaced in one step
    bundles/registry.json     the order of publication, and the reasons of those that were kept back

Whoever changes any of it holds the lock, so two trainers at once take turns.
"""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from machine.publications import RECORD, read_record, write_record
from machine.shop_folder import ShopFolder
from machine.whole_files import locked
from recommender.bundle import Bundle, BundleInfo
from recommender.bundle_io import CURRENT, DIGEST, MANIFEST, is_signed, load, read_info, save
from recommender.errors import BundleError, InvalidInput, NoBundle, NotFound, UnsignedBundle

LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class BundleLine:
    """One line of the list of bundles."""

    bundle_id: str
    status: str
    """``current``, ``published`` (it was current before) or ``kept``."""
    reason: str | None
    """Why it is not published, or why it cannot be read."""
    info: BundleInfo | None
    """What its manifest says; None where that cannot be read."""

    @property
    def age(self) -> tuple[bool, str, str]:
        """Order lines from the oldest to the newest, before all of them those that cannot be read."""
        return self.info is not None, self.info.created_at if self.info else "", self.bundle_id


@dataclass(frozen=True, slots=True)
class Registry:
    """The bundles below one folder, ``<data>/<shop>/bundles``."""

    folder: Path
    key: bytes | None = field(default=None, repr=False)
    """Signs what is added; what is not signed with it is not published, and counts as unreadable."""

    def current(self) -> str | None:
        """Return the id of the published bundle."""
        link = self.folder / CURRENT
        return os.readlink(link) if link.is_symlink() else None

    def is_current_readable(self) -> bool:
        """Return whether a bundle is published that this version can serve."""
        current = self.current()
        return current is not None and _read(self.folder / current, self.key)[0] is not None

    def path(self, bundle_id: str) -> Path:
        """Return the folder of a bundle; ``current`` is an id too. Raises NotFound."""
        name = self.current() if bundle_id == CURRENT else bundle_id
        if name is None or (bundle_id == CURRENT and name not in self._present()):
            raise NoBundle(str(self.folder), "no bundle is published here")
        if name not in self._present():
            raise NotFound("bundle", bundle_id)
        return self.folder / name

    def listed(self) -> list[BundleLine]:
        """Return every bundle, newest first; at the end those of another version, or damaged ones, with the reason."""
        record, current = read_record(self.folder), self.current()
        lines = []
        for name in self._present():
            status = "current" if name == current else "published" if name in record.published else "kept"
            info, fault = _read(self.folder / name, self.key)
            lines.append(BundleLine(name, status, fault or record.reason(name), info))
        return sorted(lines, key=lambda line: line.age, reverse=True)

    def add(self, bundle: Bundle, reason: str = "not published yet") -> Path:
        """Write a bundle without publishing it; one that is here already with the same bytes is left as it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / bundle.info.bundle_id
        with locked(self.folder / LOCK):
            self._sweep()
            incoming = self.folder / f".{uuid4().hex}"
            save(bundle, incoming, key=self.key)
            if target.exists() and (target / MANIFEST).read_bytes() != (incoming / MANIFEST).read_bytes():
                shutil.rmtree(incoming)
                raise BundleError(str(target), "another bundle has this id")
            if target.exists():
                os.replace(incoming / DIGEST, target / DIGEST)  # the same bundle, perhaps signed with another key
                shutil.rmtree(incoming)
            else:
                incoming.rename(target)
            if target.name not in read_record(self.folder).published:
                write_record(self.folder, read_record(self.folder).keeping(target.name, reason))
        return target

    def publish(self, bundle_id: str) -> None:
        """Make a bundle current after checking every file of it."""
        path = self.path(bundle_id)
        self.check_key()
        with locked(self.folder / LOCK):  # from the check on, so that nobody prunes it before it is current
            load(path, key=self.key)
            self._point(path.name)
            write_record(self.folder, read_record(self.folder).publishing(path.name))

    def check_key(self) -> None:
        """Raise UnsignedBundle where the current bundle is signed and there is no key to sign what follows it."""
        current = self.current()
        if self.key is None and current is not None and is_signed(self.folder / current):
            detail = "is signed, so what follows it must be: give the key, as TAGALONG_BUNDLE_KEY"
            raise UnsignedBundle(str(self.folder / current), detail)

    def keep(self, bundle_id: str, reason: str) -> None:
        """Record why a bundle is not published."""
        with locked(self.folder / LOCK):
            write_record(self.folder, read_record(self.folder).keeping(bundle_id, reason))

    def rollback(self) -> str:
        """Publish the bundle that was current before this one, and return its id."""
        with locked(self.folder / LOCK):
            record, bad = read_record(self.folder).only(set(self._present())), self.current()
            earlier = [one for one in record.published if one != bad]
            if bad is None or not earlier:
                raise InvalidInput("rollback", "no earlier published bundle is left")
            self.check_key()
            good = earlier[-1]
            load(self.folder / good, key=self.key)
            write_record(
                self.folder, record.keeping(bad, "rolled back")
            )  # first: killed in between, it can be done again
            self._point(good)
        return good

    def prune(self, newest: int) -> list[str]:
        """Delete all but the ``newest`` published bundles and the ``newest`` kept ones; return what went.

        The current one and the one to roll back to stay, and so does what cannot be read, such as the bundle of another
        version: it is not ours to judge.
        """
        with locked(self.folder / LOCK):
            record = read_record(self.folder)
            lines = [one for one in self.listed() if one.info]
            kept = [one.bundle_id for one in lines if one.status == "kept"]
            published = [one.bundle_id for one in lines if one.status != "kept"]
            gone = sorted({*kept[newest:], *published[newest:]} - {*record.published[-2:], self.current()})
            for name in gone:
                # Renamed first, so that nobody meets half a bundle under its name.
                doomed = self.folder / f".{uuid4().hex}"
                (self.folder / name).rename(doomed)
                shutil.rmtree(doomed)
            write_record(self.folder, record.only(set(self._present())))
        return gone

    def _present(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        entries = [e for e in self.folder.iterdir() if e.is_dir() and not e.is_symlink() and e.name[0] != "."]
        return sorted(entry.name for entry in entries)

    def _sweep(self) -> None:
        """Delete what a killed trainer left half written; the lock is held, so nobody is writing."""
        for entry in self.folder.iterdir():
            if entry.is_symlink() and entry.name.startswith("."):
                entry.unlink()
            elif entry.is_dir() and entry.name.startswith("."):
                shutil.rmtree(entry, ignore_errors=True)

    def _point(self, name: str) -> None:
        link = self.folder / f".{uuid4().hex}"
        link.symlink_to(name)
        os.replace(link, self.folder / CURRENT)


def _read(folder: Path, key: bytes | None) -> tuple[BundleInfo | None, str | None]:
    """Return what a bundle says of itself, or why it cannot be read."""
    try:
        return read_info(folder, key=key), None
    except BundleError as error:
        return None, f"unreadable: {Path(error.file).name} {error.detail}"


def bundle_folder(path: Path) -> Path:
    """Return the bundle that ``path`` means: itself, or the current one of a folder of bundles or of its shop.

    Raises NoBundle where nothing is published in such a folder, and for a whole data folder.
    """
    if (path / MANIFEST).is_file():
        return path
    if ShopFolder(path).bundles.is_dir():
        return bundle_folder(ShopFolder(path).bundles)
    if (path / CURRENT).is_symlink() or (path / RECORD).exists():
        return Registry(path).path(CURRENT)
    shops = sorted(one.parent for one in path.glob("*/bundles") if one.is_dir())
    if shops:
        raise NoBundle(str(path), f"is a data folder; name a shop's part of it, such as {shops[0]}")
    return path
