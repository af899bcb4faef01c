"""The check that turns a rule an admin wrote into data that decide/ can trust, and what a rule may ask for.

A rule is one of: `all: [rules]`, `any: [rules]`, `not: rule`, `trait: {name: value | [values] | {at_least, at_most,
within, not_within}}`, a word of `rule_words.OPTIONS` with its options or `true`, and, alone, `each_family: {top: N}`,
which stands for one audience a family.
"""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from difflib import get_close_matches
from string import Formatter
from typing import Any

from connector.errors import SetupError
from connector.rule_words import (
    CLOSED,
    COMPARISONS,
    EACH_FAMILY,
    GROUPS,
    OPTIONS,
    RULES,
    SAME,
    STORY,
    TIMES,
    TRAITS,
)
from connector.yaml_text import YamlText

Where = tuple[str | int, ...]
Rule = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "flag": (bool,)}
_NAMES = {str: "a text (in quotes, if it looks like something else)", int: "a number", bool: "true or false"}

_DURATION = re.compile(r"([1-9][0-9]{0,4})\s*([hdw])")
LONGEST = timedelta(days=36500)
"""No window of a shop is longer than a century."""
LARGEST = 10**12
"""No count or amount of a shop is larger."""
MOST_OFTEN = 10_000
"""No rule asks for more of one thing."""
DEEPEST = 20
"""all, any and not within each other; a rule that a person wrote has a few."""

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def duration(text: str) -> timedelta:
    """`12h`, `30d` or `4w`, at most LONGEST. Raises ValueError for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or int(found[1]) * _UNITS[found[2]] > LONGEST:
        raise ValueError(f"{text!r} is not a length of time such as 12h, 30d or 4w")
    return int(found[1]) * _UNITS[found[2]]


def unknown(text: YamlText, where: Where, word: object, words: Collection[str]) -> SetupError:
    """The error for a word that is none of `words`, with the nearest one that is."""
    near = get_close_matches(str(word), words, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(words)}"
    return text.error(where, f"{word!r} is not a word here; {meant}")


def keyed(text: YamlText, where: Where, value: Any, words: Collection[str]) -> Mapping[str, Any]:
    """`value` as a mapping whose keys are all among `words`; nothing written counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise text.error(where, f"here must be names with values ({', '.join(words)}), not {value!r}")
    for word in value:
        if word not in words:
            raise unknown(text, (*where, word), word, words)
    return value


def checked_number(text: YamlText, where: Where, value: Any, least: float, most: float) -> float:
    """A number from `least` to `most`, or an error that says where it stands."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise text.error(where, f"{value!r} must be a number from {least:g} to {most:g}")
    return value


def checked_count(text: YamlText, where: Where, value: Any, least: int, most: int) -> int:
    """A whole number from `least` to `most`, or an error that says where it stands."""
    number = checked_number(text, where, value, least, most)
    if number != int(number):
        raise text.error(where, f"{value!r} must be a whole number")
    return int(number)


def checked_flag(text: YamlText, where: Where, value: Any) -> bool:
    """true or false, or an error that says where it stands."""
    if not isinstance(value, bool):
        raise text.error(where, f"{value!r} must be true or false")
    return value


def checked_duration(text: YamlText, where: Where, value: Any) -> timedelta:
    """A length of time, or an error that says where it stands."""
    try:
        return duration(str(value))
    except ValueError as error:
        raise text.error(where, str(error)) from None


def checked_rule(text: YamlText, where: Where, rule: Any) -> Rule:
    """The rule in one form: lists where lists are allowed, options as mappings, durations as written.

    Raises:
        SetupError: with file, line, field and the nearest valid word.
    """
    words = (*RULES, EACH_FAMILY)
    if len(where) > 2 * DEEPEST:
        raise text.error(where, f"all, any and not stand more than {DEEPEST} deep here")
    if not isinstance(rule, dict) or len(rule) != 1:
        raise text.error(where, f"a rule is exactly one of {', '.join(words)}; join several with all: or any:")
    word = next(iter(rule))
    if word == EACH_FAMILY and where[-1] == "rule":
        return {word: {"top": _top(text, (*where, word), rule[word])}}
    if word not in RULES:
        raise unknown(text, (*where, word), word, words)
    return {word: _meaning(text, (*where, word), word, rule[word])}


def _meaning(text: YamlText, where: Where, word: str, value: Any) -> Any:
    if word in ("all", "any"):
        return [checked_rule(text, (*where, index), rule) for index, rule in enumerate(_several(text, where, value))]
    if word == "not":
        return checked_rule(text, where, value)
    if word == "trait":
        return _traits(text, where, value)
    return _options(text, where, value, OPTIONS[word])


def _several(text: YamlText, where: Where, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise text.error(where, "here must be a list of rules, each on a line that starts with '-'")
    return value


def _top(text: YamlText, where: Where, value: Any) -> int:
    top = keyed(text, where, value, ("top",)).get("top")
    if not isinstance(top, int) or isinstance(top, bool) or not 0 <= top <= 500:
        raise text.error((*where, "top"), "how many families, from 0 to 500, must stand here")
    return top


def _options(text: YamlText, where: Where, value: Any, words: Collection[str]) -> Mapping[str, Any]:
    written = {} if value is True else keyed(text, where, value, words)
    for word, other in SAME.items():
        if word in written and other in written:
            raise text.error((*where, word), f"{word} and {other} mean the same; write one of them")
    if "in_one" in written and "at_least" not in written:
        raise text.error((*where, "in_one"), "in_one says within what at_least counts; write at_least, too")
    return {SAME.get(word, word): _option(text, (*where, word), word, option) for word, option in written.items()}


def _option(text: YamlText, where: Where, word: str, value: Any) -> Any:
    if word in ("within", "not_within"):
        checked_duration(text, where, value)
        return str(value)
    if word == "at_least":
        return checked_count(text, where, value, 1, MOST_OFTEN)
    if word == "in_one":
        return checked_word(text, where, value, GROUPS)
    if word in ("product", "product_type", "category", "family", "campaign"):
        return [str(item) for item in _listed(text, where, value, (str, int))]
    if value is not True:
        raise text.error(where, f"write {word}: true, or leave it out")
    return True


def checked_word(text: YamlText, where: Where, value: Any, words: Collection[str]) -> str:
    """One of `words`, or an error with the nearest one."""
    if value not in words:
        raise unknown(text, where, value, words)
    return str(value)


def _listed(text: YamlText, where: Where, value: Any, types: tuple[type, ...]) -> list[Any]:
    """One value or a list of them."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise text.error(where, "the list is empty")
    for item in values:
        fits = isinstance(item, types) and (bool in types or not isinstance(item, bool))
        if not fits or (isinstance(item, int | float) and not abs(item) <= LARGEST):
            raise text.error(where, f"{item!r} cannot stand here: {_NAMES[types[0]]} is needed")
    return values


def _traits(text: YamlText, where: Where, value: Any) -> Mapping[str, Any]:
    asked = keyed(text, where, value, TRAITS)
    if not asked:
        raise text.error(where, f"say which trait: {', '.join(TRAITS)}")
    return {name: _condition(text, (*where, name), name, condition) for name, condition in asked.items()}


def _condition(text: YamlText, where: Where, name: str, value: Any) -> Mapping[str, Any]:
    kind = TRAITS[name]
    if isinstance(value, dict) or kind == "time":
        return _compared(text, where, value, kind)
    values = _listed(text, where, value, _TYPES[kind])
    for item in values:
        if name in CLOSED:
            checked_word(text, where, item, CLOSED[name])
    return {"in": values}


def _compared(text: YamlText, where: Where, value: Any, kind: str) -> Mapping[str, Any]:
    compared = keyed(text, where, value, COMPARISONS[kind])
    if not compared:
        raise text.error(where, f"compare with {' or '.join(COMPARISONS[kind]) or 'a value'}")
    return {word: _operand(text, (*where, word), kind, operand) for word, operand in compared.items()}


def _operand(text: YamlText, where: Where, kind: str, operand: Any) -> Any:
    if kind == "time":
        checked_duration(text, where, operand)
        return str(operand)
    if isinstance(operand, list):
        raise text.error(where, f"{operand!r} cannot stand here: a number is needed")
    return _listed(text, where, operand, _TYPES["number"])[0]


def leaves(rule: Rule, *, positive: bool = True) -> list[tuple[str, Mapping[str, Any], bool]]:
    """(word, options, positive) of every leaf in the order written; not positive under an odd number of `not`."""
    ((word, value),) = rule.items()
    if word in ("all", "any"):
        return [leaf for part in value for leaf in leaves(part, positive=positive)]
    if word == "not":
        return leaves(value, positive=not positive)
    return [(word, value, positive)]


def fields(template: str) -> list[str]:
    """Names in braces, in order. Raises ValueError for unbalanced braces or anything but plain names."""
    found = []
    for _, name, layout, conversion in Formatter().parse(template):
        if name is not None:
            if not name.isidentifier() or layout or conversion:
                raise ValueError(f"{{{name}}} must be a plain name")
            found.append(name)
    return found


def sayable(rule: Rule) -> list[str]:
    """What a reason for this rule may name: the traits, and what its positive leaves tell of the item."""
    positive = [(word, options) for word, options, meant in leaves(rule) if meant]
    told = [name for word, options in positive for name in _told(word, options)]
    return [*dict.fromkeys(told), *TRAITS]


def _told(word: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    return (*STORY.get(word, ()), *((TIMES,) if word in OPTIONS and "at_least" in options else ()))
