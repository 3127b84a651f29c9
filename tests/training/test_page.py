"""The page of an evaluation, as a browser shows it."""

from pathlib import Path

from tests.browser import opened
from training.intervals import Estimate
from training.page import page
from training.report import Report, Row, SourceShare


def report() -> Report:
    figures = {name: Estimate(0.2, 0.1, 0.3) for name in ("HR@10", "R@10", "NDCG@10")}
    rows = tuple(Row(system, "next", 9, figures) for system in ("tagalong", "<popularity>"))
    cold = (Row("tagalong", "discovery", 9, figures, "customers with 3 events"),)
    shares = (SourceShare("next", "content", 0.5, 0.5, 0.1),)
    return Report("leave-one-out", {"seed": 7}, (10,), rows, rows, shares, cold)


def test_a_browser_shows_the_report(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(report()), encoding="utf-8")
    shown = opened(file.as_uri(), tmp_path)
    assert (shown.complaints, shown.fetched) == ([], [])
    assert "<title>Tagalong: leave-one-out</title>" in shown.document
    assert (shown.document.count("<svg"), shown.document.count("<rect")) == (2, 4)
    assert "&lt;popularity&gt;" in shown.document
    assert "customers with 3 events" in shown.document
