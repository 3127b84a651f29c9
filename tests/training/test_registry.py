"""The registry on real bundles of a shop with four items."""

import json
import shutil
import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from recommender.bundle import Bundle
from recommender.bundle_io import DIGEST, FORMAT, MANIFEST, is_signed, load, save, signing_key
from recommender.errors import BundleError, InvalidInput, NoBundle, NotFound
from tests.training.shop import tiny_bundle
from training.publication import exchange
from training.registry import Registry, bundle_folder


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


def named(bundle: Bundle, name: str) -> Bundle:
    return replace(bundle, info=replace(bundle.info, bundle_id=name, created_at=f"2026-01-0{name[-1]}T00:00:00Z"))


@pytest.fixture
def registry(tmp_path: Path, bundle: Bundle) -> Registry:
    registry = Registry(tmp_path / "bundles")
    for name in ("b1", "b2", "b3"):
        registry.add(named(bundle, name))
    return registry


def statuses(registry: Registry) -> dict[str, str]:
    return {one.bundle_id: one.status for one in registry.listed()}


def test_nothing_is_current_until_it_is_published(registry: Registry) -> None:
    assert registry.current() is None
    assert statuses(registry) == {"b3": "kept", "b2": "kept", "b1": "kept"}
    with pytest.raises(NoBundle, match="no bundle is published"):
        registry.path("current")


def test_publishing_makes_a_bundle_current_and_loadable(registry: Registry) -> None:
    registry.publish("b1")
    registry.publish("b2")
    assert statuses(registry) == {"b3": "kept", "b2": "current", "b1": "published"}
    assert load(registry.folder / "current").info.bundle_id == "b2"
    assert bundle_folder(registry.folder).name == "b2"


def test_rollback_returns_to_the_one_before_and_says_why_the_other_is_kept(registry: Registry) -> None:
    for name in ("b1", "b2", "b3"):
        registry.publish(name)
    assert registry.rollback() == "b2"
    assert registry.current() == "b2"
    assert {one.bundle_id: one.reason for one in registry.listed()}["b3"] == "rolled back"
    assert registry.rollback() == "b1"
    with pytest.raises(InvalidInput, match="no earlier"):
        registry.rollback()


def test_a_kept_bundle_carries_its_reason(registry: Registry) -> None:
    registry.keep("b3", "worse than popularity")
    assert registry.listed()[0].reason == "worse than popularity"


def test_pruning_spares_the_current_one_and_the_one_to_roll_back_to(registry: Registry, bundle: Bundle) -> None:
    registry.publish("b1")
    registry.publish("b2")
    registry.add(named(bundle, "b4"))
    assert registry.prune(1) == ["b3"]
    assert statuses(registry) == {"b4": "kept", "b2": "current", "b1": "published"}


def test_kept_bundles_push_out_no_published_one(registry: Registry, bundle: Bundle) -> None:
    for name in ("b1", "b2", "b3"):
        registry.publish(name)
    for name in ("b4", "b5", "b6", "b7"):
        registry.add(named(bundle, name))
    assert registry.prune(3) == ["b4"]
    assert [name for name, status in statuses(registry).items() if status != "kept"] == ["b3", "b2", "b1"]


def test_a_broken_bundle_is_not_published(registry: Registry) -> None:
    registry.publish("b1")
    broken = next((registry.folder / "b2").glob("*.npy"))
    broken.write_bytes(broken.read_bytes()[:-1] + b"\xff")
    with pytest.raises(BundleError, match=broken.name):
        registry.publish("b2")
    assert registry.current() == "b1"


def of_another_version(bundle: Path) -> None:
    """Give a bundle's manifest, digest and all, the format of a version to come."""
    manifest = json.loads((bundle / MANIFEST).read_text()) | {"format": 99}
    text = json.dumps(manifest).encode()
    (bundle / MANIFEST).write_bytes(text)
    (bundle / DIGEST).write_text(f"{sha256(text).hexdigest()}  {MANIFEST}\n")


def test_a_bundle_of_another_version_is_no_obstacle_and_stays(registry: Registry, bundle: Bundle) -> None:
    of_another_version(registry.folder / "b1")
    registry.publish("b3")
    assert statuses(registry) == {"b3": "current", "b2": "kept", "b1": "kept"}
    registry.add(named(bundle, "b4"))
    assert registry.prune(1) == ["b2"]
    assert (registry.folder / "b1").is_dir()


def test_a_published_bundle_of_another_version_is_not_readable(registry: Registry) -> None:
    assert not Registry(registry.folder / "none").is_current_readable()
    registry.publish("b3")
    assert registry.is_current_readable()
    of_another_version(registry.folder / "b3")
    assert not registry.is_current_readable()


def test_what_cannot_be_read_is_listed_last_with_the_reason(registry: Registry) -> None:
    registry.publish("b3")
    of_another_version(registry.folder / "b3")
    (registry.folder / "b2" / MANIFEST).write_text("{")
    (registry.folder / "b4").mkdir()
    lines = [(one.bundle_id, one.status, one.info is None, one.reason) for one in registry.listed()]
    assert lines == [
        ("b1", "kept", False, "not published yet"),
        ("b4", "kept", True, "unreadable: manifest.json is missing, so this folder is no bundle"),
        ("b3", "current", True, f"unreadable: manifest.json format 99 is not {FORMAT}, the one known here"),
        ("b2", "kept", True, "unreadable: manifest.json is not the file whose digest manifest.sha256 holds"),
    ]


def test_an_unknown_bundle_is_named(registry: Registry) -> None:
    with pytest.raises(NotFound, match="no bundle 'b9'"):
        registry.publish("b9")


def test_adding_the_same_bundle_twice_changes_nothing(registry: Registry, bundle: Bundle) -> None:
    registry.publish("b1")
    registry.add(named(bundle, "b1"))
    assert registry.current() == "b1"
    assert statuses(registry)["b1"] == "current"


def test_another_bundle_with_the_same_id_is_refused(registry: Registry, bundle: Bundle) -> None:
    other = replace(bundle, info=replace(named(bundle, "b1").info, data_until=1))
    with pytest.raises(BundleError, match="another bundle has this id"):
        registry.add(other)


def test_what_a_killed_trainer_left_is_swept_away(registry: Registry, bundle: Bundle) -> None:
    (registry.folder / ".half").mkdir()
    (registry.folder / ".link").symlink_to("b1")
    registry.add(named(bundle, "b4"))
    assert not any(entry.name in (".half", ".link") for entry in registry.folder.iterdir())
    assert len(registry.listed()) == 4


def test_two_trainers_at_once_take_turns(registry: Registry, bundle: Bundle) -> None:
    def train(name: str) -> None:
        registry.add(named(bundle, name))
        registry.publish(name)

    threads = [threading.Thread(target=train, args=(f"t{at}",)) for at in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    published = [one for one in registry.listed() if one.status in ("current", "published")]
    assert len(published) == 6
    assert load(registry.folder / "current").info.bundle_id == registry.current()


def test_the_same_bundle_may_be_signed_with_another_key(registry: Registry, bundle: Bundle) -> None:
    for key in (b"first", b"second", None):
        folder = replace(registry, key=key).add(named(bundle, "b1"))
        assert is_signed(folder) == (key is not None)
        assert load(folder, key=key).info.bundle_id == "b1"


def test_a_key_is_text_in_any_encoding_and_an_empty_one_is_none() -> None:
    assert [signing_key(text) for text in ("", None)] == [None, None]
    assert signing_key("ключ \udcff") == "ключ ".encode() + b"\xff"


def test_after_a_crash_in_publishing_the_bundle_in_use_is_the_one_rolled_back(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.publish("b1")
    registry.publish("b2")
    with monkeypatch.context() as patch:
        patch.setattr("training.registry.write_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            registry.publish("b3")
    assert registry.current() == "b3"
    assert registry.rollback() == "b2"
    assert statuses(registry) == {"b1": "published", "b2": "current", "b3": "kept"}


def test_a_link_to_a_bundle_that_is_gone_publishes_none(registry: Registry) -> None:
    registry.publish("b1")
    shutil.rmtree(registry.folder / "b1")
    with pytest.raises(NoBundle):
        registry.path("current")


def test_a_bundle_that_cannot_be_exchanged_stays_in_its_place(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rename = tmp_path / "here", Path.rename
    save(named(bundle, "b1"), folder)

    def failing(self: Path, target: Path) -> Path:
        if target == folder and load(self).info.bundle_id == "b2":
            raise OSError("no space left")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="no space"):
        exchange(named(bundle, "b2"), folder, None)
    assert load(folder).info.bundle_id == "b1"
    assert list(tmp_path.iterdir()) == [folder]
    exchange(named(bundle, "b3"), folder, None)
    assert load(folder).info.bundle_id == "b3"
