"""Validation rules that an admin set on properties: `/crm/property-validations/{version}`, and what breaks them.

Source: HubSpot's property validations guide. Since 2026-09 a write through the API that breaks one is refused. Of
HubSpot's kinds of rules those are here that speak of one value alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_portal import Portal, Rules
from connector.sandbox.hubspot_scopes import schemas
from connector.sandbox.hubspot_types import ObjectType, object_type

Rule = Mapping[str, Any]

_CHARACTERS = {"ALPHANUMERIC": "[A-Za-z0-9]*", "ALPHA_ONLY": "[A-Za-z]*", "NUMERIC_ONLY": "[0-9]*"}

_KEEPS: dict[str, Callable[[str, str], bool]] = {
    "MIN_LENGTH": lambda value, bound: len(value) >= int(bound),
    "MAX_LENGTH": lambda value, bound: len(value) <= int(bound),
    "MIN_NUMBER": lambda value, bound: Decimal(value) >= Decimal(bound),
    "MAX_NUMBER": lambda value, bound: Decimal(value) <= Decimal(bound),
    "DECIMAL": lambda value, places: len(value.partition(".")[2]) <= int(places),
    "ALPHANUMERIC": lambda value, which: re.fullmatch(_CHARACTERS[which], value) is not None,
    "REGEX": lambda value, pattern: re.fullmatch(pattern, value) is not None,
    "START_DATE": lambda value, day: value >= day,
    "END_DATE": lambda value, day: value <= day,
}
"""ruleType -> whether a value keeps to it, given the rule's first argument."""


def refuse_unknown(wanted: Mapping[str, Mapping[str, Rules]]) -> None:
    """Raises ValueError for an object type that is none, and for a rule that cannot be held here."""
    for name, properties in wanted.items():
        if object_type(name) is None:
            raise ValueError(f"validation_rules: there is no object type {name}")
        for rule in (rule for rules in properties.values() for rule in _each(rules)):
            if rule.get("ruleType") not in _KEEPS or not _sound(rule):
                raise ValueError(f"validation_rules: a rule needs ruleArguments and a ruleType of {sorted(_KEEPS)}")


def _sound(rule: Rule) -> bool:
    try:
        _KEEPS[rule["ruleType"]]("1", str(rule["ruleArguments"][0]))
    except (LookupError, ValueError, ArithmeticError, re.error):
        return False
    return True


def _each(rules: Rules) -> Sequence[Rule]:
    return [rules] if isinstance(rules, Mapping) else rules


def _rules(portal: Portal, kind: ObjectType) -> dict[str, Sequence[Rule]]:
    found: dict[str, Sequence[Rule]] = {}
    for name, properties in portal.settings.validation_rules.items():
        if object_type(name) == kind:
            found |= {each: _each(rules) for each, rules in properties.items()}
    return found


def broken(portal: Portal, kind: ObjectType, values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Property, kind of rule and sentence, for each rule that one of the values breaks. Clearing breaks none."""
    if not portal.settings.validation_rules:
        return []
    rules = _rules(portal, kind)
    return [
        (name, rule["ruleType"], f"{name} does not meet the property's validation rule {_told(rule)}")
        for name, value in values.items()
        for rule in rules.get(name, ())
        if value and not _KEEPS[rule["ruleType"]](value, str(rule["ruleArguments"][0]))
    ]


def _told(rule: Rule) -> str:
    return f"{rule['ruleType']} {list(map(str, rule['ruleArguments']))}"


def list_all(portal: Portal, call: Call) -> Answer:
    """All properties of a type that have rules."""
    rules = _rules(portal, portal.kind(call.params["type"]))
    results = [{"propertyName": name, "propertyValidationRules": _shown(found)} for name, found in rules.items()]
    return Answer(content={"results": results})


def of_property(portal: Portal, call: Call) -> Answer:
    """The rules of one property."""
    rules = _rules(portal, portal.kind(call.params["type"]))
    return Answer(content={"results": _shown(rules.get(call.params["name"], ()))})


def _shown(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    return [{"ruleType": rule["ruleType"], "ruleArguments": list(map(str, rule["ruleArguments"]))} for rule in rules]


PATH = "/crm/property-validations/{version}/{type}"

OPERATIONS = (
    Operation(method="GET", path=PATH, handle=list_all, scopes=schemas("read")),
    Operation(method="GET", path=PATH + "/{name}", handle=of_property, scopes=schemas("read")),
)
