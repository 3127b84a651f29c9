"""Where the data folder keeps what belongs to one shop."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ShopFolder:
    """Where one shop's files lie: ``<data>/<shop>``."""

    root: Path

    @property
    def events(self) -> Path:
        """The folder of the log: ``day=YYYY-MM-DD/*.parquet``."""
        return self.root / "events"

    @property
    def dead_letters(self) -> Path:
        """The folder of what came into the log and cannot be read."""
        return self.root / "dead-letter"

    @property
    def items(self) -> Path:
        """The catalogue's Parquet file."""
        return self.root / "items.parquet"

    @property
    def users(self) -> Path:
        """The customers' Parquet file."""
        return self.root / "users.parquet"

    @property
    def erased(self) -> Path:
        """Customers who asked to be forgotten, as ``ERASED``."""
        return self.root / "erased.parquet"

    @property
    def merges(self) -> Path:
        """Visitors who turned out to be customers, as ``MERGES``."""
        return self.root / "merges.parquet"

    @property
    def archived(self) -> Path:
        """The id of the log's last entry whose facts these files hold."""
        return self.root / "archived"

    @property
    def bundles(self) -> Path:
        """The folder of the bundles and their registry."""
        return self.root / "bundles"

    @property
    def import_lock(self) -> Path:
        """Whoever imports holds it."""
        return self.root / ".import.lock"

    @property
    def archive_lock(self) -> Path:
        """The archiver at work holds it."""
        return self.root / ".archive.lock"

    @property
    def erased_lock(self) -> Path:
        """Whoever adds to ``erased`` holds it: its own, so that no import is waited for."""
        return self.root / ".erased.lock"

    @property
    def rejects(self) -> Path:
        """The folder of rows that could not be read."""
        return self.root / "rejects"

    def event_files(self) -> list[Path]:
        """Return the log's files, oldest day first; files under construction begin with a dot."""
        return sorted(p for p in self.events.glob("day=*/*.parquet") if not p.name.startswith("."))
