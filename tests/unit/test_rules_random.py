"""Rules against a slow reference: random rules over the random persons of six hundred shops, ties and edges too."""

import json
import random
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from random_persons import Persons, basis
from random_rules import random_rule
from reference_rules import holds, said
from test_merge_random import by, rows

from connector.audiences import Audiences, read_audiences
from connector.decide.cutpoints import TYPES
from connector.decide.figures import LEFT_OUT, Figures
from connector.decide.membership.fitting import fitting
from connector.rule_language import checked_rule, sayable
from connector.rule_words import OPTIONS, TRAITS
from connector.yaml_text import parse

RULES = 18
PERSONS = Persons(seed=3, shops=600, each=4)


def written() -> Audiences:
    """Audiences with random rules, each reason naming all that its rule tells; every word of the language is used."""
    chance = random.Random(11)
    plain = [{word: {"within": "30d"} if "within" in options else True} for word, options in OPTIONS.items()]
    text, listed = parse("", "rules"), []
    for number, rule in enumerate([*plain, *(random_rule(chance) for _ in range(RULES))]):
        may = sayable(checked_rule(text, ("rule",), rule))
        told = [name for name in may if name not in TRAITS] + chance.sample(sorted(TRAITS), 3)
        sentence = " ".join(f"{{{name}}}" for name in told)
        purpose = chance.choice(("email", "insight"))
        listed.append(
            {"name": f"r{number}", "label": f"R{number}", "purpose": purpose, "rule": rule, "reason": sentence}
        )
    return read_audiences(parse(json.dumps({"audiences": listed}), "audiences.yaml"))


AUDIENCES = written()


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, ...], dict[str, Any]]:
    """(person_id, audience) -> what was decided."""
    engine = ibis.duckdb.connect()
    engine.raw_sql("SET TimeZone = 'UTC'")
    kept = 0

    def keep(table: ir.Table) -> ir.Table:
        nonlocal kept
        kept += 1
        return engine.create_table(f"kept_{kept}", table, temp=True)

    tables = {name: keep(table) for name, table in PERSONS.tables().items()}
    trait = tables["trait"].mutate(mail_barrier=ibis.null("string"))
    nothing: Any = None
    figures = Figures(
        **{
            **dict.fromkeys(Figures.__dataclass_fields__, nothing),
            "family": tables["family"],
            "cutpoint": ibis.memtable([], schema=TYPES),
            "left_out": ibis.memtable([], schema=LEFT_OUT),
        }
    )
    return by(rows(fitting(trait, basis(tables), figures, AUDIENCES, keep)), "person_id", "audience")


def expected() -> dict[tuple[str, str], str]:
    """(person_id, audience) -> reason, by the reference."""
    shop, sentences = PERSONS.shop(), {}
    for person_id, known in PERSONS.known():
        for one in AUDIENCES.audiences:
            told: list[dict[str, Any]] = []
            if holds(shop, known, one.rule, one.purpose == "email", told):
                sentences[person_id, one.name] = said(one.reason, known.trait, told)
    return sentences


def test_rules_mean_what_the_reference_says(found: dict[tuple[str, ...], dict[str, Any]]) -> None:
    """The same persons in every audience, and the same sentence with each."""
    reference = expected()
    assert found.keys() == reference.keys()
    wrong = {key: (row["reason"], reference[key]) for key, row in found.items() if row["reason"] != reference[key]}  # type: ignore[index]
    assert not wrong, next(iter(wrong.items()))
    assert len({name for _, name in reference}) > RULES / 2


def test_every_membership_has_evidence(found: dict[tuple[str, ...], dict[str, Any]]) -> None:
    """One JSON object of texts."""
    assert all(isinstance(json.loads(row["evidence"]), dict) for row in found.values())
