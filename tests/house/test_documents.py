"""What the papers name is there: files, make targets, commands, filters."""

import re
from pathlib import Path

import pytest

from commands.main import COMMANDS
from recommender.filters import compile_boost, compile_filter
from tests.recommender.little_shop import catalogue

ROOT = Path(__file__).parents[2]
PAPERS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SHOP = catalogue([{"item_id": "1", "price": 1, "brand": "Acme", "pack size": "5 l", "tags": ["camping"]}])


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(paper: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", paper.read_text())
    assert [link for link in links if not (paper.parent / link).exists()] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_make_targets_and_commands_exist(paper: Path) -> None:
    text = paper.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)(?=`|\s+#|$)", text, re.MULTILINE)) - targets == set()
    assert set(re.findall(r"`?tagalong ([a-z]+)(?=`| --| '|$)", text, re.MULTILINE)) - set(COMMANDS) == set()


def test_the_filters_in_the_documents_are_filters() -> None:
    text = (ROOT / "docs" / "filters.md").read_text()
    filters, boosts = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    for line in filters.strip().splitlines():
        compile_filter(line, SHOP)
    compile_boost(boosts, SHOP)
