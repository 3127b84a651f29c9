"""What surrounds every fit: BLAS on one thread, for implicit brings its own, and its notes about formats unsaid."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from commands.console import progress
from training.progress import Progress


@contextmanager
def fitting() -> Iterator[Progress]:
    """Prepare this process for fits, and yield what shows their progress."""
    with progress() as report, threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Method expects CSR input", module="implicit")
        yield report
