"""A real browser, where the machine has one: the page as it stands after loading, what it fetched, its complaints."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 60
ITSELF = "not an origin"
"""As the browser's network log calls who asks where no page does."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page in a browser."""

    document: str
    fetched: list[str]
    """What the page asked for beside itself."""
    complaints: list[str]
    """Lines of the console."""


def opened(url: str, folder: Path) -> Shown:
    """Open a page; what it asks of another host is refused. Skips where there is no browser."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(NAMES)}")
    command = [
        *(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr", "--log-level=0"),
        *(f"--user-data-dir={folder / 'profile'}", f"--log-net-log={folder / 'net.json'}", "--dump-dom", url),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    complaints = [line for line in done.stderr.splitlines() if ":CONSOLE:" in line]
    return Shown(done.stdout, _fetched(folder / "net.json"), complaints)


def _fetched(log: Path) -> list[str]:
    events = (event.get("params", {}) for event in json.loads(log.read_text())["events"])
    return sorted({event["url"] for event in events if event.get("initiator", ITSELF) != ITSELF})
