"""The sentence kept with each membership: the audience's template, filled in."""

from collections.abc import Iterable, Mapping
from string import Formatter

import ibis
import ibis.expr.types as ir

from connector.decide.text import NONE, amount, day, instant, plain
from connector.rule_words import CLOSED, TRAITS

AMOUNTS = ("spend", "p_alive", "expected_orders", "expected_value")
"""Traits that are told with two places; all other numbers are whole."""


def reason(template: str, values: Mapping[str, ir.StringValue]) -> ir.StringValue:
    """`template` with each name in braces replaced by its value; an unknown value reads `none`."""
    sentence = ibis.literal("")
    for words, name, _, _ in Formatter().parse(template):
        sentence = sentence + words
        if name is not None:
            sentence = sentence + values[name].fill_null(NONE)
    return sentence


def spoken(person: ir.Table, names: Iterable[str]) -> dict[str, ir.StringValue]:
    """Those of the names that are traits, as they read in a sentence."""
    return {name: _trait(person, name, TRAITS[name]) for name in names if name in TRAITS}


def stated(person: ir.Table, name: str) -> ir.StringValue:
    """A trait as text for machines: exact, and the same on every engine."""
    if TRAITS[name] == "time":
        return instant(person[name])
    return plain(person[name]) if name in AMOUNTS else person[name].cast("string")


def _trait(person: ir.Table, name: str, kind: str) -> ir.StringValue:
    value = person[name]
    if kind == "time":
        return day(value)
    if name in AMOUNTS:
        return amount(value)
    if name in CLOSED:
        return value.replace("_", " ")
    return value.cast("string")
