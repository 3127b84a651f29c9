"""A shop on this machine: Complete Journey imported, trained on and served until Ctrl-C. ``make demo`` runs it.

python -m examples.demo --data DIR --port 8080
"""

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import typer
from rich.console import Console

from machine.shop_folder import ShopFolder
from serving.settings import Settings, process_environment
from training.registry import Registry

CONFIG = Path(__file__).with_name("complete_journey.toml")
FILES = ("interactions", "items", "users")
START_SECONDS = 60


def main(
    data: Annotated[Path, typer.Option(help="The data folder; what stands there is used again.")] = Path("data"),
    port: Annotated[int, typer.Option(help="Where the service listens.")] = 8080,
) -> None:
    """Prepare the data folder where that is still to do, then serve it and show how to ask."""
    began = time.monotonic()
    console = Console(highlight=False)
    prepare(data)
    server = subprocess.Popen(
        tagalong("serve", "--data", data, "--port", port, "--config", CONFIG), start_new_session=True
    )
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell that starts it in the background has SIGINT ignored
        signal.signal(stop, _interrupt)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(server, url)
        console.print(f"\nReady after {time.monotonic() - began:.0f} s. Ask it:\n")
        for line in curl_lines(url):
            console.print(f"  {line}", soft_wrap=True, markup=False)
        console.print(f"\nOr open {url}/docs\n")
        subprocess.run([sys.executable, "-m", "examples.live_customer", "--url", url], check=False)
        console.print("\nServing until Ctrl-C.")
        sys.exit(server.wait())
    except KeyboardInterrupt:
        console.print("\nStopping …")
    finally:
        server.terminate()
        server.wait()


def prepare(data: Path) -> None:
    """Import and train, unless a published bundle is there already that this version, with this key, reads."""
    key = Settings.read(process_environment()).signing_key
    if Registry(ShopFolder(data / "main").bundles, key).is_current_readable():
        return
    source = data / "complete-journey"
    if not all((source / f"{name}.parquet").exists() for name in FILES):
        subprocess.run([sys.executable, "-m", "examples.complete_journey", "--out", source], check=True)
    files = [part for name in FILES for part in (f"--{name}", source / f"{name}.parquet")]
    subprocess.run(tagalong("import", "--data", data, *files), check=True)
    # By force: what is published here, if anything, cannot be served.
    subprocess.run(tagalong("train", "--data", data, "--config", CONFIG, "--force"), check=True)


def tagalong(*arguments: object) -> list[str]:
    """Return the command line of a ``tagalong`` call with this interpreter."""
    return [sys.executable, "-m", "commands.main", *map(str, arguments)]


def curl_lines(url: str) -> list[str]:
    """Return three calls that work on the running service, with ids that it knows."""
    user = "1111"
    with urlopen(f"{url}/v1/users/{user}/recommendations?count=1") as answer:
        item = json.load(answer)["items"][0]["item_id"]
    question = {"placement": "home", "user_id": user, "count": 5, "filter": "in_stock and price between 1 and 5"}
    return [
        f"curl '{url}/v1/users/{user}/recommendations?count=5'",
        f"curl '{url}/v1/items/{item}/bought-together?count=5'",
        f"curl {url}/v1/recommendations -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(question))}",
    ]


def _wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            sys.exit(server.returncode)
        try:
            with urlopen(f"{url}/readyz", timeout=1):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    sys.exit(f"The service was not ready within {START_SECONDS} seconds.")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
