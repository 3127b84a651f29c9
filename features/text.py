"""Words of titles and descriptions in any language, Chinese too."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.arrow_arrays import flat, listed

_UNITS = "ml|cl|l|dl|g|kg|mg|oz|lb|lbs|ct|pk|cm|mm|m|in|ft|w|v|gb|tb|mah|inch"
_HAN = r"\p{Han}"


def words(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Return every word of a text column in order: the row of each, and the word.

    Words are normalised (NFKC), in lower case, of two characters or more (one will do in Chinese, Japanese and Korean);
    a number counts only with its unit (``500 ml`` is ``500ml``). Chinese is segmented by rjieba.
    """
    row, word = listed(pc.split_pattern_regex(_prepared(flat(column).cast(pa.string())), r"[^\p{L}\p{M}\p{N}.]+"))
    word = pc.ascii_trim(word, ".")
    wide = pc.match_substring_regex(word, r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
    long = pc.greater_equal(pc.utf8_length(word), pc.if_else(wide, 1, 2))
    keep = pc.and_(long, pc.match_substring_regex(word, r"\p{L}"))
    return row[np.asarray(keep.to_numpy(zero_copy_only=False), np.bool_)], word.filter(keep)


def _prepared(text: pa.Array) -> pa.Array:
    """Return texts in which every run that belongs together has no space, dot or apostrophe of its own."""
    text = pc.utf8_lower(pc.utf8_normalize(pc.fill_null(text, ""), form="NFKC"))
    text = _segmented(text)
    text = pc.replace_substring_regex(text, r"(\pL)['’](\pL)", r"\1\2")
    text = pc.replace_substring_regex(text, r"(\d),(\d)", r"\1.\2")
    text = pc.replace_substring_regex(text, rf"(\d)\s+({_UNITS})\b", r"\1\2")
    return pc.replace_substring_regex(text, r"([^\d])\.|\.([^\d])", r"\1 \2")


def _segmented(text: pa.Array) -> pa.Array:
    """Return texts with spaces between Chinese words; only rows that hold any go through the segmenter.

    Its dictionary takes 30 MiB of every process that loads it, and 0.15 s.
    """
    chinese = pc.match_substring_regex(text, _HAN)
    if not pc.any(chinese).as_py():
        return text
    import rjieba  # noqa: PLC0415 - see above

    cut = [" ".join(rjieba.cut(one)) for one in text.filter(chinese).to_pylist()]
    return pc.replace_with_mask(text, chinese, pa.array(cut, pa.string()))
