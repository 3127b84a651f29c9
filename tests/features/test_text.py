"""Words of titles and descriptions."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.text import words


def of(text: str | None) -> list[str]:
    row, word = words(pa.array([text], pa.string()))
    assert set(row.tolist()) <= {0}
    return word.to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nail Lacquer, Shimmer & Shine!", ["nail", "lacquer", "shimmer", "shine"]),
        ("Women's crème brûlée", ["womens", "crème", "brûlée"]),
        ("Shampoo 500 ml", ["shampoo", "500ml"]),
        ("Apple Sauce 1.5 OZ", ["apple", "sauce", "1.5oz"]),
        ("1,5 l Cola", ["1.5l", "cola"]),
        ("E55 USB-C 3.0 cable.", ["e55", "usb", "cable"]),
        ("a b 7 2024", []),
        ("ＦＵＬＬ　Ｗｉｄｔｈ", ["full", "width"]),
        ("户外露营帐篷", ["户外", "露营", "帐篷"]),
        ("iPhone 手机壳", ["iphone", "手机", "壳"]),
        ("ЧАЙ зелёный", ["чай", "зелёный"]),
        ("हिन्दी", ["हिन्दी"]),
        ("", []),
        (None, []),
    ],
)
def test_words(text: str | None, expected: list[str]) -> None:
    assert of(text) == expected


def test_rows_say_which_text_a_word_is_from() -> None:
    row, word = words(pa.chunked_array([["red tent", None], ["tent"]]))
    assert (row.tolist(), word.to_pylist()) == ([0, 0, 2], ["red", "tent", "tent"])


@given(st.lists(st.none() | st.text(), max_size=5))
def test_any_text_can_be_read_and_words_are_lower_case_without_spaces(texts: list[str | None]) -> None:
    row, word = words(pa.array(texts, pa.string()))
    assert len(row) == len(word)
    assert all(len(one) > 0 and not any(c.isspace() for c in one) for one in word.to_pylist())


@given(st.text())
def test_words_do_not_depend_on_the_texts_beside(text: str) -> None:
    row, word = words(pa.array(["户外 tent", text], pa.string()))
    assert [one for at, one in zip(row.tolist(), word.to_pylist(), strict=True) if at == 1] == of(text)
