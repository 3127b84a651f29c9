"""What people see: messages and tables, progress bars on a terminal and plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import rich.progress
from rich.console import Console

from training.progress import Progress

output = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
messages = Console(stderr=True, highlight=False)

LINE_SECONDS = 5.0
"""Between two plain lines of one step."""


def complain(message: str, *, status: int) -> NoReturn:
    """Say what is wrong and leave."""
    messages.print(f"[bold red]error[/]: {_plain(message)}", soft_wrap=True)
    sys.exit(status)


def say(message: str) -> None:
    """Say something beside the result; the result itself goes to standard output."""
    messages.print(_plain(message), soft_wrap=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show how far the steps are: a bar a step on a terminal, else a line every few seconds."""
    if not messages.is_terminal:
        yield _Lines()
        return
    text, numbers = rich.progress.TextColumn("{task.description:<40}"), rich.progress.MofNCompleteColumn()
    columns = (text, rich.progress.BarColumn(), numbers, rich.progress.TimeElapsedColumn())
    with rich.progress.Progress(*columns, console=messages) as bars:
        yield _Bars(bars)


class _Lines:
    def __init__(self) -> None:
        self._step, self._next = "", 0.0

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        moment = time.monotonic()
        if step == self._step and moment < self._next and done < total:
            return
        if step == self._step and done == total:
            return
        self._step, self._next = step, moment + LINE_SECONDS
        say(f"{step} {done}/{total}" if done else step)


class _Bars:
    def __init__(self, bars: rich.progress.Progress) -> None:
        self._bars, self._last = bars, ""
        self._tasks = {task.description: task.id for task in bars.tasks}

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        if step != self._last and self._last:
            self._finish(self._last)
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total or None)
        self._bars.update(self._tasks[step], completed=done, total=total or None)
        self._last = step

    def _finish(self, step: str) -> None:
        task = self._tasks[step]
        size = next(t.total for t in self._bars.tasks if t.id == task) or 1
        self._bars.update(task, completed=size, total=size)


def _plain(message: str) -> str:
    return message.replace("[", r"\[")
