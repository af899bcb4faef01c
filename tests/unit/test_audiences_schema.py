"""The published JSON schema of audiences.yaml and the check that a run makes: one language, told twice."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from random_rules import random_rule, slipped

from connector import rule_words as words
from connector.audiences import WORDS, read_audiences
from connector.errors import SetupError
from connector.model import Purpose
from connector.policies import SECTIONS, Policy
from connector.yaml_text import parse

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "mappings" / "audiences.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def by_schema(file: Any) -> bool:
    return bool(VALIDATOR.is_valid(file))


def by_check(file: Any) -> bool:
    """What is JSON is YAML, too."""
    try:
        read_audiences(parse(json.dumps(file, ensure_ascii=False), "audiences.yaml"))
    except SetupError as error:
        assert error.message.startswith("audiences.yaml, line 1, ")
        return False
    return True


def audience(**said: Any) -> dict[str, Any]:
    plain = {"name": "one", "label": "One", "purpose": "insight", "rule": {"viewed": True}, "reason": "because"}
    return {"audiences": [{**plain, **said}]}


def test_the_schema_is_one() -> None:
    """It says itself that it follows the draft it names."""
    Draft202012Validator.check_schema(SCHEMA)


def test_what_may_be_written_is_valid_in_both() -> None:
    """Hundreds of random rules pass the schema and the check."""
    chance = random.Random(5)
    for _ in range(250):
        file = audience(rule=random_rule(chance, 3))
        assert by_check(file) and by_schema(file), file


def test_a_slip_is_found_by_both_or_by_none() -> None:
    """Whatever is changed in a rule, the schema and the check agree on it; most slips are errors."""
    chance = random.Random(6)
    verdicts = []
    for _ in range(700):
        file = audience(rule=slipped(chance, random_rule(chance)))
        verdicts.append(by_check(file))
        assert by_schema(file) == verdicts[-1], file
    assert 60 < sum(verdicts) < 550


@pytest.mark.parametrize(
    "said",
    [
        {"limit": 5, "order_by": "spend"},
        {"limit": 5},
        {"order_by": "spend"},
        {"limit": 0, "order_by": "spend"},
        {"limit": 5.5, "order_by": "spend"},
        {"limit": 5, "order_by": "country"},
        {"limit": True, "order_by": "spend"},
        {"holdout": 10},
        {"holdout": 2.5},
        {"holdout": 91},
        {"holdout": -1},
        {"enabled": True},
        {"enabled": "yes"},
        {"guard": {"percent": 10, "at_least": 5}},
        {"guard": None},
        {"guard": {"percent": 101}},
        {"guard": {"at_least": 2.5}},
        {"label": " "},
        {"reason": ""},
        {"name": "One"},
        {"purpose": "mail"},
        {"colour": "red"},
        {"rule": {"each_family": {"top": 3}}},
        {"rule": {"each_family": {"top": 3}}, "purpose": "email"},
        {"rule": {"each_family": {"top": 3}}, "holdout": 5},
        {"rule": {"each_family": {"top": 3}}, "limit": 5, "order_by": "spend"},
        {"rule": {"each_family": {"top": 501}}},
        {"rule": {"not": {"each_family": {"top": 3}}}},
    ],
    ids=str,
)
def test_what_stands_beside_the_rule_is_judged_alike(said: dict[str, Any]) -> None:
    """Limits, holdouts, guards and purposes, right and wrong."""
    assert by_schema(audience(**said)) == by_check(audience(**said))


def test_the_schema_knows_the_same_words() -> None:
    """Every word, option, trait and value that the check knows, and no other."""
    known = SCHEMA["$defs"]
    assert set(known["rule"]["properties"]) == set(words.RULES)
    for word, options in words.OPTIONS.items():
        reference = known["rule"]["properties"][word]["$ref"].rpartition("/")[2]
        assert set(known[reference]["anyOf"][1]["properties"]) == set(options), word
    assert set(known["trait"]["properties"]) == set(words.TRAITS)
    for name, values in words.CLOSED.items():
        assert known[f"{name}_value"]["enum"] == list(values)
    assert set(known["audience"]["properties"]) == set(WORDS)
    assert known["audience"]["properties"]["order_by"]["enum"] == list(words.ORDERED)
    assert known["audience"]["properties"]["purpose"]["enum"] == [purpose.value for purpose in Purpose]


def test_the_schema_knows_the_policy() -> None:
    """Every section of `policy:`."""
    known = SCHEMA["properties"]["policy"]["properties"]
    assert set(known) == {*SECTIONS, "refresh", "most_lists"}
    for section in ("segments", "ads"):
        assert set(known[section]["properties"]) == set(getattr(Policy(), section).__dataclass_fields__)
