"""`audiences preview` and `audiences check` on a shop of four contacts: before a run, after one, and for a draft."""

import re
from pathlib import Path

import pytest
from cli import Command
from small_shop import AUDIENCES, END

DRAFT = (
    AUDIENCES
    + """\
  - name: mailable
    label: Mailable
    enabled: false
    purpose: email
    rule: {trait: {funnel_stage: [prospect, lead, first_time, repeat]}}
    reason: "{funnel_stage}, {engagement}"
"""
)


def files(home: Path) -> set[Path]:
    """Everything the warehouse consists of."""
    return {path for path in (home / "warehouse").rglob("*") if path.is_file()}


@pytest.fixture
def pulled(home: Path, lamplighter: Command) -> Path:
    """A home that has pulled, and decided and pushed nothing."""
    assert lamplighter("run", "--only", "pull", "--as-of", END, "--home", home).code == 0
    return home


def test_a_preview_needs_no_run_and_writes_nothing(pulled: Path, tmp_path: Path, lamplighter: Command) -> None:
    """Those who would come in by name and without an address, who is kept out, overlaps; the warehouse is as it was."""
    before = files(pulled)
    draft = tmp_path / "draft.yaml"
    draft.write_text(DRAFT)
    told = lamplighter("audiences", "preview", "mailable", "--file", draft, "--home", pulled).out
    assert "enabled: false, so it makes no list yet" in told
    assert ": 0 would come in" not in told and "would come in, 0 would leave, 0 would stay" in told
    assert "kept out: 1 opted out" in told
    assert "Also in" in told and "recent_buyers" in told
    assert re.search(r"^\w+ \w+ \(hubspot \d+\): prospect, ", told, re.MULTILINE)
    assert "@" not in told
    assert files(pulled) == before
    assert len(lamplighter("status", "--json", "--home", pulled).json["runs"]) == 1


@pytest.mark.slow
def test_a_draft_is_held_against_what_is_acknowledged(home: Path, tmp_path: Path, lamplighter: Command) -> None:
    """After a run: an edited rule takes everybody out."""
    assert lamplighter("run", "--as-of", END, "--home", home).code == 0
    draft = tmp_path / "draft.yaml"
    draft.write_text(DRAFT.replace("within: 90d", "within: 1h"))
    done = lamplighter("audiences", "preview", "recent_buyers", "--json", "--home", home, "--file", draft)
    effect = done.json["changes"]["hubspot"]
    assert (done.json["enabled"], done.json["some"], done.json["overlaps"]) == (True, [], [])
    assert done.json["members"] == effect["add"] == effect["stay"] == 0 < effect["remove"]


def test_a_name_that_is_none_is_told_with_the_nearest(home: Path, lamplighter: Command) -> None:
    """Exit 2."""
    done = lamplighter("audiences", "preview", "recent_buyer", "--home", home)
    assert (done.code, "did you mean recent_buyers?" in done.err) == (2, True)


def test_a_file_can_be_checked(home: Path, tmp_path: Path, lamplighter: Command) -> None:
    """The home's, another one, a wrong one (line and nearest word), and one that is not there."""
    assert lamplighter("audiences", "check", "--json", "--home", home).json["not_enabled"] == []
    draft = tmp_path / "draft.yaml"
    draft.write_text(DRAFT)
    assert "not enabled: mailable" in lamplighter("audiences", "check", draft).out
    draft.write_text(DRAFT.replace("funnel_stage: [prospect", "funnel_stage: [prospct"))
    wrong = lamplighter("audiences", "check", draft)
    assert wrong.code == 2
    line = DRAFT[: DRAFT.index("funnel_stage: [")].count("\n") + 1
    assert f"draft.yaml, line {line}, audiences.2.rule.trait.funnel_stage" in wrong.err
    assert "did you mean 'prospect'?" in wrong.err
    assert lamplighter("audiences", "check", tmp_path / "none.yaml").code == 2
