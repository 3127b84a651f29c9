"""A scripted customer of the demo: a list, three looks at camp-fire products, a changed list and why, the way out.

python -m examples.live_customer --url http://127.0.0.1:8080
"""

import json
import time
from typing import Annotated, Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import typer
from rich.console import Console

CAMPING = "category = 'Drug Gm > Charcoal And Lighter Fluid' or category like '%Camping%'"
SHOWN = 5


def main(
    url: Annotated[str, typer.Option(help="Where the service listens.")] = "http://127.0.0.1:8080",
    visitor: Annotated[str, typer.Option(help="Who looks around; left out, somebody new.")] = "",
) -> None:
    """Show what three views change, and what a customer can say about it."""
    console = Console(highlight=False)
    one = visitor or f"visitor-{int(time.time())}"
    _show(console, f"{one} has just arrived", _list(url, one))
    fires = [item["item_id"] for item in _call(url, "GET", f"/v1/items?limit=50&filter={quote(CAMPING)}")["items"]][:3]
    began = time.monotonic()
    _call(url, "POST", "/v1/events", {"events": [_view(one, item) for item in fires]})
    changed = _list(url, one)
    took = 1000 * (time.monotonic() - began)
    _show(console, f"… looks at three camp fires ({', '.join(fires)}); {took:.0f} ms later", changed)
    for tag in _call(url, "GET", f"/v1/users/{one}/tags")["tags"]:
        console.print(f"  tag {tag['tag']}, weight {tag['weight']:g}, because of: {tag['rule']}")
    _call(url, "PUT", f"/v1/users/{one}/preferences", {"personalize": False})
    _show(console, "… prefers lists that know nothing of anybody", _list(url, one))


def _list(url: str, visitor: str) -> dict[str, Any]:
    body = {"placement": "home", "visitor_id": visitor, "count": SHOWN}
    return _call(url, "POST", "/v1/recommendations", body)


def _view(visitor: str, item: str) -> dict[str, str]:
    return {"visitor_id": visitor, "item_id": item, "event": "view_item"}


def _show(console: Console, title: str, answer: dict[str, Any]) -> None:
    console.print(f"\n[bold]{title}[/bold] ({answer['served_by']}, {answer['took_ms']:.1f} ms)")
    for item in answer["items"]:
        reasons = ", ".join(f"{r['code']}: {r['evidence']}" if r["evidence"] else r["code"] for r in item["reasons"])
        title = item["properties"].get("title", item["item_id"])
        console.print(f"  {item['rank']}. {title}   [dim]{reasons}[/dim]")


def _call(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    request = Request(url + path, content, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


if __name__ == "__main__":
    typer.run(main)
