"""The search for better settings, on the made-up shop."""

import tomllib
from pathlib import Path

import pytest

from features.build import build_dataset
from recommender.config import CollaborativeSettings, Config, NeighbourSettings, RankerSettings
from recommender.dataset import Dataset
from recommender.errors import InvalidInput
from tests.training.shop import CONFIG, shop_tables
from training.tune import SPACE, Reached, Search, as_toml, changed, present, search

SMALL = CollaborativeSettings(factors=8, iterations=1)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return build_dataset(shop_tables(40), CONFIG)


def test_a_search_begins_with_what_it_is_given_even_outside_its_space_and_goes_on(
    dataset: Dataset, tmp_path: Path
) -> None:
    config = Config(collaborative=SMALL, ranker=RankerSettings(trees=2, candidates=20))
    told: list[tuple[str, int, int]] = []
    once = Search(tmp_path / "study.sqlite", seconds=600, trials=1)
    first = search(dataset, config, once, lambda *step: told.append(step))
    assert (first.changes, first.trials, told) == (present(config), 1, [("trials", 0, 1)])
    assert 0 < first.score == first.before <= 1
    assert (first.is_sure, first.customers > 0) == (False, True)
    second = search(dataset, config, once, lambda *_: None)
    assert (second.before, second.trials, second.tried) == (first.before, 1, 2)
    assert second.score >= first.score
    other = config.model_copy(update={"neighbours": NeighbourSettings(kind="cosine")})
    assert search(dataset, other, once, lambda *_: None).trials == 1


def test_a_search_that_was_stopped_in_its_first_trial_goes_on(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> float:
        raise KeyboardInterrupt

    config = Config(collaborative=SMALL, ranker=RankerSettings(trees=2, candidates=20))
    once = Search(tmp_path / "study.sqlite", seconds=600, trials=1)
    with monkeypatch.context() as patch:
        patch.setattr("training.tune.score", stop)
        with pytest.raises(KeyboardInterrupt):
            search(dataset, config, once, lambda *_: None)
    found = search(dataset, config, once, lambda *_: None)
    assert found.score == found.before > 0


def test_trials_on_other_data_or_beside_other_settings_are_no_part_of_a_search(
    dataset: Dataset, tmp_path: Path
) -> None:
    config = Config(collaborative=SMALL, ranker=RankerSettings(trees=2, candidates=20))
    once = Search(tmp_path / "study.sqlite", seconds=600, trials=1)
    search(dataset, config, once, lambda *_: None)
    for data, settings in (
        (dataset.before(dataset.histories.time.max()), config),
        (dataset, config.model_copy(update={"seed": 8})),
    ):
        again = search(data, settings, once, lambda *_: None)
        assert (again.changes, again.before) == (present(settings), again.score)


@pytest.mark.parametrize(("gain", "is_sure"), [(0.02, False), (0.2, True)])
def test_a_gain_that_chance_may_explain_is_not_called_sure(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gain: float, is_sure: bool
) -> None:
    reached = iter([0.3, 0.3 + gain])

    def score(*_: object) -> Reached:
        mean = next(reached)
        return Reached(mean, mean - 0.05, mean + 0.05, 40)

    monkeypatch.setattr("training.tune.score", score)
    found = search(dataset, Config(), Search(tmp_path / "s.sqlite", 600, 2), lambda *_: None)
    assert (found.before, found.score, found.is_sure) == (0.3, pytest.approx(0.3 + gain), is_sure)


@pytest.mark.parametrize("name", ["no/such/folder.sqlite", "text.sqlite"])
def test_a_study_that_is_none_is_named(dataset: Dataset, tmp_path: Path, name: str) -> None:
    (tmp_path / "text.sqlite").write_text("this is no database")
    with pytest.raises(InvalidInput, match="--study"):
        search(dataset, Config(), Search(tmp_path / name, 1, 1), lambda *_: None)


def test_what_is_searched_can_be_put_into_a_configuration() -> None:
    given = present(Config())
    assert given.keys() == SPACE.keys()
    assert changed(Config(), given) == Config()
    assert changed(Config(), given | {"collaborative.factors": 48}).collaborative.factors == 48


def test_what_was_found_stands_beside_all_else_of_the_file() -> None:
    whole = tomllib.loads('[ranker]\ntrees = 7\nleaves = 9\n\n[[tags.rules]]\ntag = "zelt ⛺"\nevents = ["view"]\n')
    found = tomllib.loads(as_toml(whole, {"ranker.trees": 20, "collaborative.alpha": 0.5}))
    assert found == whole | {"ranker": {"trees": 20, "leaves": 9}, "collaborative": {"alpha": 0.5}}
