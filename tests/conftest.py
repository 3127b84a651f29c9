"""What holds for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def _one_blas_thread() -> Iterator[None]:
    """Fit as the commands do: implicit brings threads of its own, and warns where BLAS adds more."""
    with threadpool_limits(1, "blas"):
        yield
