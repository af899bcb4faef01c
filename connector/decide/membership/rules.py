"""What a checked rule means: a condition on persons, and what its words tell of the item behind it."""

from collections.abc import Callable, Collection, Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.relations import Moment, ago
from connector.rule_language import Rule, duration, leaves

Story = Callable[[str, Mapping[str, Any]], ir.Table]
"""Word and options -> [person_id, evidence, *TOLD] of those it holds for."""


def with_stories(person: ir.Table, rule: Rule, story: Story, names: Collection[str]) -> ir.Table:
    """`person` with, for each leaf of the rule that is about an item, `found_<n>`, its evidence and these names."""
    for number, (word, options, _) in enumerate(leaves(rule)):
        if word != "trait":
            told = story(word, options)
            named = {f"{name}_{number}": told[name] for name in ("evidence", *names)}
            part = told.select("person_id", **named, **{f"found_{number}": ibis.literal(True)})
            person = person.left_join(part, "person_id").drop("person_id_right")
    return person


def holds(person: ir.Table, rule: Rule, as_of: Moment) -> ir.BooleanValue:
    """Whether the rule holds for a person of `with_stories`. Never null: what is not known does not hold."""
    numbers = iter(range(len(leaves(rule))))

    def meaning(part: Rule) -> ir.BooleanValue:
        ((word, value),) = part.items()
        if word in ("all", "any"):
            return reduce(and_ if word == "all" else or_, [meaning(one) for one in value])
        if word == "not":
            return ~meaning(value)
        number = next(numbers)
        if word == "trait":
            return reduce(and_, [_condition(person[name], asked, as_of) for name, asked in value.items()])
        return person[f"found_{number}"].fill_null(False)

    return meaning(rule)


def told(person: ir.Table, rule: Rule, names: Collection[str]) -> dict[str, ir.StringValue]:
    """evidence and names of the first leaf, in the order written, that is meant positively and holds for the person."""
    numbers = [n for n, (word, _, positive) in enumerate(leaves(rule)) if positive and word != "trait"]
    if not numbers:
        return {name: ibis.null("string") for name in ("evidence", *names)}
    return {
        name: ibis.cases(*[(person[f"found_{n}"].fill_null(False), person[f"{name}_{n}"]) for n in numbers])
        for name in ("evidence", *names)
    }


def _condition(value: ir.Value, asked: Mapping[str, Any], as_of: Moment) -> ir.BooleanValue:
    return reduce(and_, [_compared(value, word, operand, as_of) for word, operand in asked.items()]).fill_null(False)


def _compared(value: ir.Value, word: str, operand: Any, as_of: Moment) -> ir.BooleanValue:
    if word == "in":
        return value.isin(operand)
    if word == "at_least":
        return value >= operand
    if word == "at_most":
        return value <= operand
    if word == "not_within":
        return value <= ago(as_of, duration(operand))
    return value > ago(as_of, duration(operand))
