"""In which order a shop's bundles were published, and why others were not: one file beside them."""

import json
from dataclasses import dataclass
from pathlib import Path

from machine.whole_files import put
from recommender.errors import BundleError

RECORD = "registry.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What the registry remembers beside the bundles themselves."""

    published: tuple[str, ...] = ()
    """Oldest first; the last one is current."""
    kept: tuple[tuple[str, str], ...] = ()
    """Id and reason of each bundle that is not published."""

    def reason(self, bundle_id: str) -> str | None:
        """Return why a bundle is not published, if that was recorded."""
        return dict(self.kept).get(bundle_id)

    def publishing(self, bundle_id: str) -> "Record":
        """Return the record after ``bundle_id`` became current."""
        before = tuple(one for one in self.published if one != bundle_id)
        return Record((*before, bundle_id), tuple((one, why) for one, why in self.kept if one != bundle_id))

    def keeping(self, bundle_id: str, reason: str) -> "Record":
        """Return the record with ``bundle_id`` held back."""
        kept = {**dict(self.kept), bundle_id: reason}
        return Record(tuple(one for one in self.published if one != bundle_id), tuple(kept.items()))

    def only(self, present: set[str]) -> "Record":
        """Return the record without bundles that are gone."""
        published = tuple(one for one in self.published if one in present)
        return Record(published, tuple((one, why) for one, why in self.kept if one in present))


def read_record(folder: Path) -> Record:
    """Return what stands in the folder of bundles, or an empty record. Raises BundleError where it cannot be read."""
    try:
        held = json.loads((folder / RECORD).read_bytes())
        return Record(tuple(held["published"]), tuple(held["kept"].items()))
    except FileNotFoundError:
        return Record()
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BundleError(str(folder / RECORD), f"cannot be read ({error})") from error


def write_record(folder: Path, record: Record) -> None:
    """Write the record in place of the one in the folder of bundles."""
    held = {"published": record.published, "kept": dict(record.kept)}
    put(folder / RECORD, json.dumps(held, ensure_ascii=False, indent=1).encode())
