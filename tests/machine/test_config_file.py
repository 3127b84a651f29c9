"""Reading tagalong.toml: what it says, and what it must not say."""

from pathlib import Path

import pytest

from machine.config_file import line_of, load_config
from recommender.config import Config
from recommender.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "tagalong.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_is_the_defaults() -> None:
    assert load_config(None) == Config()


def test_what_the_file_says_replaces_the_default(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "seed = 3\n[events]\nhalf_life_days = 7\n"))
    assert config == Config(seed=3, events=Config().events.model_copy(update={"half_life_days": 7.0}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ranker]\n\ntreez = 3\n", "line 3, ranker.treez: there is no such key; did you mean 'trees'?"),
        ("\n[rankr]\ntrees = 3\n", "line 2, rankr: there is no such key; did you mean 'ranker'?"),
        ("[placements.home]\ncount = 0\n", "line 2, placements.home.count: Input should be greater than 0"),
        (
            "[placements.home.exclude]\nincart = false\n",
            "line 2, placements.home.exclude.incart: there is no such key; did you mean 'in_cart'?",
        ),
        (
            '[[tag_rules]]\ntag = "a"\n[[tag_rules]]\ntag = "b"\ncuont = 2\n',
            "line 5, tag_rules.1.cuont: there is no such key; did you mean 'count'?",
        ),
        ("content = { wordz = true }\n", "line 1, content.wordz: there is no such key; did you mean 'words'?"),
        ("seed = \n", "Invalid value (at line 1, column 8)"),
    ],
)
def test_an_error_names_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, text))
    assert str(caught.value).endswith(message)


def test_a_weight_changes_the_defaults_alone(tmp_path: Path) -> None:
    weights = load_config(written(tmp_path, "[events.weights]\nview_item = 2.0\nlike = 0\n")).events.weights
    assert weights == Config().events.weights | {"view_item": 2.0, "like": 0.0}
    assert weights["purchase"] == 5.0


@pytest.mark.parametrize("name", ["buy", "Purchase", "other"])
def test_weights_go_by_canonical_names_alone(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="canonical event name"):
        load_config(written(tmp_path, f"[events.weights]\n{name} = 5.0\n"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        load_config(tmp_path / "nowhere.toml")


def test_a_line_is_found_below_nested_tables() -> None:
    text = 'a = 1\n[[rule]]\nx = 1\n[rule.window]\ndays = 2\n[[rule]]\n"odd key" = 3\n'
    assert [line_of(text, at) for at in [("a",), ("rule", 0, "window", "days"), ("rule", 1, "odd key"), ("b",)]] == [
        1,
        5,
        7,
        1,
    ]


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "notepad.toml").write_bytes(b"\xef\xbb\xbfseed = 3\n")
    assert load_config(tmp_path / "notepad.toml").seed == 3


@pytest.mark.parametrize(
    "text",
    [
        "[events.weights]\npurchase = -3",
        "[events.weights]\nview_item = nan",
        "[placements.home.exclude]\nbought_within_days = -1",
        "[placements.home.exclude]\nseen_without_click = -4",
        "\nseed = -1",
        "\nplacements = 3",
        "[live]\nttl_days = 1e-6",
        "[live]\ntag_boost = inf",
    ],
)
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(ConfigError, match="line 2"):
        load_config(tmp_path / "wrong.toml")


@pytest.mark.parametrize(
    "name", ["ttl_days", "remember_ids_hours", "max_future_seconds", "max_age_days", "archive_seconds"]
)
def test_times_of_live_state_have_an_end(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_config(written(tmp_path, f"[live]\n{name} = inf\n"))
