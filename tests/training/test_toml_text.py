"""What is written as TOML reads back as it was."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from recommender.config import Config
from training.toml_text import toml

scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
tables = st.recursive(
    st.dictionaries(st.text(), scalars | st.lists(scalars)),
    lambda inner: st.dictionaries(st.text(), scalars | inner | st.lists(inner, min_size=1)),
    max_leaves=8,
)


@given(tables)
def test_tables_read_back_as_they_were(table: dict[str, object]) -> None:
    assert tomllib.loads(toml(table)) == table


def test_a_whole_configuration_reads_back() -> None:
    assert Config.model_validate(tomllib.loads(toml(Config().model_dump()))) == Config()
