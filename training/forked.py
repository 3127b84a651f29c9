"""Works on many parts side by side, in processes that share what their parent holds."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from machine.lifeline import end_with_parent

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Processors that this process may use; what is worked out side by side is the same on any number of them."""
Part = TypeVar("Part")
Result = TypeVar("Result")


def forked(work: Callable[[Part], Result], parts: Sequence[Part], processes: int) -> Iterator[Result]:
    """Yield the result of each part, in their order; only parts and results are sent from process to process.

    Who stops asking stops the work that nobody has begun, and none of the processes outlives this one.
    """
    if min(processes, len(parts)) <= 1:
        with threadpool_limits(1):
            yield from map(work, parts)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), _start, (work,)) as pool:
        yield from pool.map(_one, parts)


_work: list[Callable[[Any], Any]] = []
"""Filled once in each worker process, for a process pool gives its functions nothing but their argument."""


def _start(work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    _work.append(work)
    threadpool_limits(1)


def _one(part: Any) -> Any:
    return _work[-1](part)
