"""A bundle comes back as it was saved, or is refused with the file named."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import bundle_io
from recommender.bundle_codec import flatten, kinds, restore
from recommender.bundle_io import load_value, save_value
from recommender.config import Config, Exclusions, Placement
from recommender.errors import BundleError, NoBundle
from recommender.ids import IdMap, Texts


class Season(IntEnum):
    SPRING = 1
    AUTUMN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    numbers: Mapping[str, NDArray[np.float32]]
    matrix: csr_array
    bias: float


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    ids: IdMap
    properties: Texts
    parts: Mapping[str, Part]
    either: Part | Texts | None
    season: Season
    config: Config
    note: str
    pair: tuple[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class Stranger:
    x: int


def whole(note: str = "n" * 5000) -> Whole:
    matrix = csr_array(np.array([[0, 2.5, 0], [1, 0, 3]], np.float32))
    part = Part(
        {"pack/尺寸": np.array([1, np.nan], np.float32), "": np.zeros((0, 3), np.float32)}, matrix, float("-inf")
    )
    config = Config(placements={"home": Placement(exclude=Exclusions(bought_within_days=float("inf")))})
    texts = Texts.of(["", "帐篷", "a\r\nb"])
    return Whole(
        IdMap.of(["b", "a/1", "🎈"]), texts, {"one": part}, Texts.of(["x"]), Season.AUTUMN, config, note, (3, "t")
    )


def all_bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_value(whole(), tmp_path / "saved")
    return tmp_path / "saved"


def test_what_was_saved_comes_back(folder: Path) -> None:
    found, given_value = load_value(Whole, folder), whole()
    assert list(found.ids) == ["a/1", "b", "🎈"]
    assert found.ids.row("🎈") == 2
    assert list(found.properties) == ["", "帐篷", "a\r\nb"]
    assert isinstance(found.either, Texts)
    assert found.season is Season.AUTUMN
    assert found.config == given_value.config
    assert found.note == given_value.note
    assert found.pair == (3, "t")
    part = found.parts["one"]
    assert part.bias == float("-inf")
    np.testing.assert_array_equal(part.numbers["pack/尺寸"], np.array([1, np.nan], np.float32))
    assert part.numbers[""].shape == (0, 3)
    np.testing.assert_array_equal(part.matrix.toarray(), [[0, 2.5, 0], [1, 0, 3]])
    assert part.matrix.dtype == np.float32


def test_loaded_arrays_are_mapped_and_read_only(folder: Path) -> None:
    found = load_value(Whole, folder)
    assert isinstance(found.ids.text.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found.parts["one"].matrix.data[0] = 1


def test_a_loaded_matrix_multiplies_without_being_written_to(folder: Path) -> None:
    matrix = load_value(Whole, folder).parts["one"].matrix
    np.testing.assert_array_equal((matrix @ matrix.T).toarray(), [[6.25, 0], [0, 10]])


def test_equal_values_make_equal_bytes(folder: Path, tmp_path: Path) -> None:
    save_value(whole(), tmp_path / "again")
    assert all_bytes(folder) == all_bytes(tmp_path / "again")


def test_every_changed_byte_is_refused_with_its_file_named(folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        good = file.read_bytes()
        for at in {0, len(good) // 2, len(good) - 1}:
            file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            with pytest.raises(BundleError, match=r"manifest" if "manifest" in file.name else file.name):
                load_value(Whole, folder)
        file.write_bytes(good)
    load_value(Whole, folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "ids.text.npy").unlink()
    with pytest.raises(BundleError, match=r"ids\.text\.npy: is missing"):
        load_value(Whole, folder)


def test_a_file_too_many_is_named(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"model\.pkl: is not in the manifest"):
        load_value(Whole, folder)


def test_an_unknown_format_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = bundle_io.FORMAT
    monkeypatch.setattr(bundle_io, "FORMAT", known + 1)
    with pytest.raises(BundleError, match=f"format {known} is not {known + 1}"):
        load_value(Whole, folder)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(NoBundle, match=r"manifest\.json"):
        load_value(Whole, tmp_path)


def test_a_manifest_of_something_else_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match="does not describe a Part"):
        load_value(Part, folder)


def test_a_signed_bundle_opens_with_its_key_only(tmp_path: Path) -> None:
    save_value(whole(), tmp_path / "signed", key=b"right")
    assert load_value(Whole, tmp_path / "signed", key=b"right").pair == (3, "t")
    assert load_value(Whole, tmp_path / "signed").pair == (3, "t")
    with pytest.raises(BundleError, match="not signed"):
        load_value(Whole, tmp_path / "signed", key=b"wrong")


def test_with_a_key_an_unsigned_bundle_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match="not signed"):
        load_value(Whole, folder, key=b"right")


def test_saving_never_overwrites(folder: Path) -> None:
    before = all_bytes(folder)
    with pytest.raises(BundleError, match="already exists"):
        save_value(whole("other"), folder)
    assert all_bytes(folder) == before


def test_a_value_that_cannot_be_saved_leaves_nothing_behind(tmp_path: Path) -> None:
    bad = Part({"objects": np.array([object()])}, csr_array((1, 1)), 0.0)
    with pytest.raises(ValueError, match="pickle"):
        save_value(bad, tmp_path / "bad")
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_no_annotation_names_cannot_be_saved() -> None:
    with pytest.raises(TypeError, match="Stranger"):
        flatten(Part({"s": Stranger(1)}, csr_array((1, 1)), 0.0), kinds(Part))  # type: ignore[dict-item]  # on purpose


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner).map(tuple),
)


@given(plain)
def test_plain_data_comes_back_equal(value: object) -> None:
    tree, leaves = flatten(value, {})
    assert restore(tree, {}, leaves.__getitem__) == value
