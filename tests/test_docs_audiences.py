"""docs/audiences.md says what the language of audiences is: every word of it, with examples that work."""

import re
from pathlib import Path

import pytest
import yaml

from connector.audiences import WORDS, load_audiences
from connector.decide.membership.stories import TOLD
from connector.model import Purpose
from connector.rule_language import checked_rule
from connector.rule_words import CLOSED, EACH_FAMILY, OPTIONS, RULES, TIMES, TRAITS
from connector.yaml_text import parse

PAGE = (Path(__file__).parents[1] / "docs" / "audiences.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line.startswith("| `")]
NAMED = {word for row in ROWS for word in re.findall(r"`([^`]+)`", row[0])}
RULES_SHOWN = [row[2].strip("` |") for row in ROWS if len(row) == 3 and ": " in row[2]]


def option_of(example: str) -> str:
    return example.partition(":")[0]


@pytest.mark.parametrize(
    "word", sorted({*RULES} - {"trait"} | {one for options in OPTIONS.values() for one in options})
)
def test_every_word_of_a_rule_is_explained(word: str) -> None:
    """In a table, at the beginning of a row; product_type beside category."""
    assert word in NAMED or (word == "product_type" and "`product_type`" in PAGE)


@pytest.mark.parametrize("name", sorted({*TRAITS, *TOLD, TIMES, *WORDS, *Purpose}))
def test_everything_else_that_may_be_written_is_explained(name: str) -> None:
    """Traits, what a reason may name, what stands beside a rule, purposes."""
    assert name in NAMED


@pytest.mark.parametrize("example", RULES_SHOWN)
def test_every_example_is_right(example: str) -> None:
    """Each is a rule, or an option of one."""
    if option_of(example) in RULES:
        rule = yaml.safe_load(f"{{{example}}}")
    else:
        often = ", at_least: 2" if option_of(example) == "in_one" else ""
        word = next(word for word, options in OPTIONS.items() if option_of(example) in options)
        rule = yaml.safe_load(f"{{{word}: {{{example}{often}}}}}")
    assert checked_rule(parse("", "audiences.md"), ("rule",), rule)


def test_every_value_of_a_trait_is_named() -> None:
    """Whoever asks for a cell, tier, stage, level or band finds it."""
    assert [value for values in CLOSED.values() for value in values if f"`{value}`" not in PAGE] == []
    assert f"`{EACH_FAMILY}: {{top: 10}}`" in PAGE


def test_every_audience_that_comes_along_is_named() -> None:
    """Those that are on, and those that can be switched on."""
    found = load_audiences(None)
    assert [one.name for one in (*found.audiences, *found.spare) if f"`{one.name}`" not in PAGE] == []
