"""Bundles are swapped between requests; a bad one is refused."""

import resource
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.bundle import Bundle
from recommender.config import Config
from serving.adapters.bundles import BundleFolder, watch
from serving.app import create_app
from serving.bootstrap import config_in_use
from serving.metrics import Metrics
from serving.services import Services
from serving.settings import Settings
from tests.serving import shop
from tests.serving.test_lists import ask, ids
from training.registry import Registry


def renamed(bundle: Bundle, name: str) -> Bundle:
    return replace(bundle, info=replace(bundle.info, bundle_id=name))


def test_nothing_is_loaded_where_nothing_is_published(tmp_path: Path) -> None:
    assert BundleFolder(tmp_path / "none").fresh() is None


def test_a_published_bundle_is_loaded_once(tmp_path: Path, trained: Bundle) -> None:
    shop.publish(tmp_path, trained)
    folder = BundleFolder(tmp_path / "main" / "bundles")
    first = folder.fresh()
    assert first is not None
    assert first.info.bundle_id == trained.info.bundle_id
    assert folder.fresh() is None


def test_the_next_published_bundle_is_loaded_too(tmp_path: Path, trained: Bundle) -> None:
    shop.publish(tmp_path, trained)
    folder = BundleFolder(tmp_path / "main" / "bundles")
    folder.fresh()
    shop.publish(tmp_path, renamed(trained, "second"))
    second = folder.fresh()
    assert second is not None
    assert second.info.bundle_id == "second"


@pytest.mark.parametrize("name", ["manifest.json", "catalogue.price.npy"])
def test_a_bundle_with_one_changed_byte_is_refused_and_counted(tmp_path: Path, trained: Bundle, name: str) -> None:
    shop.publish(tmp_path, trained)
    file = next((tmp_path / "main" / "bundles" / trained.info.bundle_id).glob(f"*{name}"))
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    metrics = Metrics()
    folder = BundleFolder(tmp_path / "main" / "bundles", refused=metrics.refused_bundles.inc)
    assert folder.fresh() is None
    assert folder.fresh() is None
    assert metrics.registry.get_sample_value("tagalong_refused_bundles_total") == 1


def test_in_place_of_a_refused_bundle_the_last_sound_one_before_it_stands_in(tmp_path: Path, trained: Bundle) -> None:
    bundles = tmp_path / "main" / "bundles"
    for name in ("sound", "no folder", "spoiled"):
        shop.publish(tmp_path, renamed(trained, name))
    shutil.rmtree(bundles / "no folder")
    (bundles / "no folder").touch()
    (bundles / "spoiled" / "manifest.json").write_text("{}")
    refused: list[bool] = []
    folder = BundleFolder(bundles, refused=lambda: refused.append(True))
    found = folder.fresh()
    assert found is not None
    assert (found.info.bundle_id, len(refused)) == ("sound", 1)
    assert folder.fresh() is None
    assert BundleFolder(bundles).fresh(or_earlier=False) is None


def test_a_bundle_that_the_machine_could_not_read_just_now_is_read_at_the_next_look(
    tmp_path: Path, trained: Bundle
) -> None:
    shop.publish(tmp_path, trained)
    refused: list[bool] = []
    folder = BundleFolder(tmp_path / "main" / "bundles", refused=lambda: refused.append(True))
    few, many = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path("/dev/null").open() as lowest_free:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free.fileno() + 1, many))
        try:
            assert folder.fresh() is None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (few, many))
    assert refused == []
    assert folder.fresh() is not None


def test_a_bundle_that_was_still_being_copied_is_taken_once_it_is_there(tmp_path: Path, trained: Bundle) -> None:
    shop.publish(tmp_path, trained)
    bundles = tmp_path / "main" / "bundles"
    whole = bundles / trained.info.bundle_id
    whole.rename(tmp_path / "elsewhere")
    folder = BundleFolder(bundles)
    assert folder.fresh() is None
    (tmp_path / "elsewhere").rename(whole)
    assert folder.fresh() is not None
    assert folder.fresh() is None


def test_with_a_key_only_a_bundle_signed_with_it_is_loaded(tmp_path: Path, trained: Bundle) -> None:
    shop.publish(tmp_path, trained)
    settings = Settings.read({"TAGALONG_BUNDLE_KEY": "right"})
    assert BundleFolder(tmp_path / "main" / "bundles", settings.signing_key).fresh() is None
    registry = Registry(tmp_path / "main" / "bundles", b"right")
    registry.publish(registry.add(renamed(trained, "signed")).name)
    for key, served in ((b"right", True), (b"wrong", False), (None, True)):
        assert (BundleFolder(registry.folder, key).fresh() is not None) == served
    assert "right" not in repr((settings, registry))


def test_whatever_goes_wrong_in_a_look_the_next_one_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.adapters.bundles.SECONDS", 0.01)
    looks: list[int] = []
    again = threading.Event()

    def look() -> None:
        looks.append(len(looks))
        if len(looks) == 2:
            raise MemoryError
        if len(looks) > 2:
            again.set()

    stop = watch(look)
    try:
        assert again.wait(10)
    finally:
        stop()


def test_no_request_fails_or_mixes_bundles_while_they_are_swapped(services: Services, trained: Bundle) -> None:
    client = create_app(services).test_client()
    bundles = [renamed(trained, name) for name in ("first", "second")]
    done = threading.Event()

    def swap() -> None:
        for turn in range(60):
            services.snapshots.use(bundles[turn % 2])
        done.set()

    thread = threading.Thread(target=swap)
    services.snapshots.use(bundles[0])
    thread.start()
    answers = []
    while not done.is_set() or len(answers) < 30:
        answers.append(ask(client, user_id=f"u{len(answers) % 40}", count=5))
    thread.join()
    assert {len(answer["items"]) for answer in answers} == {5}
    assert {answer["model"] for answer in answers} <= {"first", "second"}
    assert not any(answer["degraded"] for answer in answers)


def test_changes_of_the_catalogue_hold_in_the_next_bundle(services: Services, trained: Bundle) -> None:
    client = create_app(services).test_client()
    client.put("/v1/items/tent", json={"hidden": True})
    client.put("/v1/items/hammock", json={"tags": ["camping"]})
    services.snapshots.use(renamed(trained, "second"))
    shown = ids(ask(client, user_id="u0", count=200))
    assert "tent" not in shown
    assert "hammock" in shown


def test_who_is_given_no_configuration_takes_the_published_bundles(tmp_path: Path, trained: Bundle) -> None:
    settings = Settings(data=tmp_path)
    assert config_in_use(settings) == Config()
    live = trained.info.config.live.model_copy(update={"archive_events": 7})
    config = trained.info.config.model_copy(update={"live": live})
    shop.publish(tmp_path, replace(trained, info=replace(trained.info, config=config)))
    assert config_in_use(settings) == config
    own = tmp_path / "own.toml"
    own.write_text("[live]\narchive_events = 9\n")
    assert config_in_use(settings.model_copy(update={"config": own})).live.archive_events == 9
