"""`audiences.yaml`: whom we want in which list and why, and the policy all decisions share, written by the shop."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from connector import yaml_text
from connector.model import Audience, Guard, Purpose
from connector.policies import Policy
from connector.policies.overrides import load_overrides
from connector.rule_language import (
    Where,
    checked_count,
    checked_flag,
    checked_number,
    checked_rule,
    checked_word,
    fields,
    keyed,
    sayable,
    unknown,
)
from connector.rule_words import EACH_FAMILY, ORDERED, SUPPRESSED
from connector.yaml_text import YamlText

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FAMILY_LABEL = ("title", "family")
"""What the label of an `each_family` audience may name."""
NEEDED = ("name", "label", "purpose", "rule", "reason")
WORDS = (*NEEDED, "enabled", "limit", "order_by", "holdout", "guard")
"""What an audience may say."""
LARGEST_LIMIT = 10**8
LARGEST_HOLDOUT = 90


@dataclass(frozen=True, kw_only=True)
class Audiences:
    """One checked file.

    Attributes:
        spare: those that say `enabled: false`: checked, and part of no decision.
    """

    policy: Policy
    audiences: tuple[Audience, ...]
    spare: tuple[Audience, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Changes when a decision could: with policy, rules, purposes and reasons; not with labels and guards."""
        rules = [
            (one.name, one.purpose, one.rule, one.reason, one.limit, one.order_by, one.holdout)
            for one in self.audiences
        ]
        plain = json.dumps([asdict(self.policy), sorted(rules, key=lambda rule: rule[0])], sort_keys=True, default=str)
        return hashlib.sha256(plain.encode()).hexdigest()[:16]


def load_audiences(home: Path | None) -> Audiences:
    """The home's `mappings/audiences.yaml` and `mappings/same.yaml`, else the packaged ones.

    Raises:
        SetupError: naming file, line, field and the nearest valid word.
    """
    return _with_overrides(read_audiences(yaml_text.load("audiences", home)), home)


def load_audiences_file(path: Path, home: Path) -> Audiences:
    """One file, wherever it is, with the home's `mappings/same.yaml`. Raises SetupError as `load_audiences` does."""
    return _with_overrides(read_audiences(yaml_text.load_file(path)), home)


def _with_overrides(found: Audiences, home: Path | None) -> Audiences:
    sameness = replace(found.policy.sameness, overrides=load_overrides(home))
    return replace(found, policy=replace(found.policy, sameness=sameness))


def read_audiences(text: YamlText) -> Audiences:
    """Parsed YAML, checked. Raises SetupError as `load_audiences` does."""
    top = keyed(text, (), text.data, ("policy", "audiences"))
    listed = top.get("audiences")
    if not isinstance(listed, list) or not listed:
        raise text.error(("audiences",), "at least one audience must be listed here, each starting with '- name:'")
    every = tuple(_audience(text, ("audiences", index), one) for index, one in enumerate(listed))
    _distinct(text, every)
    enabled = [_enabled(text, ("audiences", index, "enabled"), one) for index, one in enumerate(listed)]
    if not any(enabled):
        raise text.error(("audiences",), "every audience here says enabled: false; at least one must be on")
    on = [(index, one) for index, one in enumerate(every) if enabled[index]]
    policy = Policy.read(text, top.get("policy"), _own_lists(text, on))
    spare = tuple(one for index, one in enumerate(every) if not enabled[index])
    return Audiences(policy=policy, audiences=tuple(one for _, one in on), spare=spare)


def _enabled(text: YamlText, where: Where, value: Mapping[str, Any]) -> bool:
    return checked_flag(text, where, value.get("enabled", True))


def _audience(text: YamlText, where: Where, value: Any) -> Audience:
    one = keyed(text, where, value, WORDS)
    for word in NEEDED:
        if word not in one:
            raise text.error((*where, word), "is missing")
    rule = checked_rule(text, (*where, "rule"), one["rule"])
    purpose = _purpose(text, (*where, "purpose"), one["purpose"])
    if EACH_FAMILY in rule:
        _fits_each_family(text, where, one, purpose)
    told = SUPPRESSED if EACH_FAMILY in rule else sayable(rule)
    limit, order_by = _limit(text, where, one)
    return Audience(
        name=_name(text, (*where, "name"), one["name"]),
        label=_sentence(text, (*where, "label"), one["label"], FAMILY_LABEL if EACH_FAMILY in rule else ()),
        purpose=purpose,
        rule=rule,
        reason=_sentence(text, (*where, "reason"), one["reason"], told),
        guard=_guard(text, (*where, "guard"), one.get("guard")),
        line=text.line(where),
        limit=limit,
        order_by=order_by,
        holdout=checked_number(text, (*where, "holdout"), one.get("holdout", 0), 0, LARGEST_HOLDOUT),
    )


def _fits_each_family(text: YamlText, where: Where, one: Mapping[str, Any], purpose: Purpose) -> None:
    if purpose not in (Purpose.EXCLUDE, Purpose.INSIGHT):
        raise text.error((*where, "purpose"), f"{EACH_FAMILY} makes lists that address nobody: exclude or insight")
    for word in ("limit", "holdout"):
        if word in one:
            raise text.error((*where, word), f"{EACH_FAMILY} makes many lists; {word} is for one")


def _limit(text: YamlText, where: Where, one: Mapping[str, Any]) -> tuple[int | None, str]:
    """How many at most, and the trait that says who comes first."""
    for word, other in (("limit", "order_by"), ("order_by", "limit")):
        if word in one and other not in one:
            raise text.error((*where, word), f"{word} needs {other} beside it")
    if "limit" not in one:
        return None, ""
    limit = checked_count(text, (*where, "limit"), one["limit"], 1, LARGEST_LIMIT)
    return limit, checked_word(text, (*where, "order_by"), one["order_by"], ORDERED)


def _name(text: YamlText, where: Where, value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise text.error(where, f"{value!r} must be small letters, digits and _, at most 40 of them")
    return value


def _purpose(text: YamlText, where: Where, value: Any) -> Purpose:
    if value not in list(Purpose):
        raise unknown(text, where, value, [purpose.value for purpose in Purpose])
    return Purpose(value)


def _sentence(text: YamlText, where: Where, value: Any, words: tuple[str, ...] | list[str]) -> str:
    """Text for people, whose names in braces are all among `words`."""
    if not isinstance(value, str) or not value.strip():
        raise text.error(where, "a text for people must stand here")
    try:
        named = fields(value)
    except ValueError as error:
        raise text.error(where, str(error)) from None
    for name in named:
        if name not in words:
            raise unknown(text, where, name, words) if words else text.error(where, f"{{{name}}} has no meaning here")
    return value


def _guard(text: YamlText, where: Where, value: Any) -> Guard:
    one = keyed(text, where, value, ("percent", "at_least"))
    plain = Guard()
    return Guard(
        percent=checked_number(text, (*where, "percent"), one.get("percent", plain.percent), 0, 100),
        at_least=checked_count(text, (*where, "at_least"), one.get("at_least", plain.at_least), 0, 10**9),
    )


def _distinct(text: YamlText, audiences: tuple[Audience, ...]) -> None:
    for word in ("name", "label"):
        seen: set[str] = set()
        for index, one in enumerate(audiences):
            value = getattr(one, word)
            if value in seen:
                raise text.error(("audiences", index, word), f"{value!r} is taken by an audience above")
            seen.add(value)


def _own_lists(text: YamlText, audiences: Sequence[tuple[int, Audience]]) -> int:
    found = [(index, one.rule[EACH_FAMILY]["top"]) for index, one in audiences if EACH_FAMILY in one.rule]
    if len(found) > 1:
        raise text.error(("audiences", found[1][0], "rule"), f"only one audience may be {EACH_FAMILY}")
    return int(found[0][1]) if found else 0
