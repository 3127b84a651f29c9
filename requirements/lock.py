"""Writes the lock files beside it: every dependency by version and hash, for each way of installing Tagalong."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
EXTRAS = {
    "dev": ("embedded", "training", "demo", "tune", "dev"),
    "demo": ("embedded", "training", "demo"),
    "train": ("embedded", "training"),
    "serve": ("embedded",),
    "peers": ("peers",),
}
"""The widest first: the others take its versions."""
UNUSED = ("pandas",)
"""The demo reads its package's files only; where pandas is installed, LightGBM loads it at every start."""


def lock(name: str, extras: tuple[str, ...], upgrade: bool) -> None:
    """Solve the dependencies of ``extras`` and write them to ``<name>.txt``."""
    options = [part for extra in extras for part in ("--extra", extra)]
    if name != "dev":
        options += ["--constraint", str(FOLDER / "dev.txt")]
    elif upgrade:
        options += ["--upgrade"]
    options += [part for package in UNUSED for part in ("--no-emit-package", package)]
    subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", str(FOLDER / "build.in"), *options),
            *("--generate-hashes", "--universal", "--python-version", "3.11", "--quiet"),
            *("--no-annotate", "--no-header", "--no-emit-index-url", "--output-file", str(FOLDER / f"{name}.txt")),
        ],
        check=True,
    )


if __name__ == "__main__":
    for name, extras in EXTRAS.items():
        lock(name, extras, upgrade="--upgrade" in sys.argv)
