"""`audiences.yaml`: whom we want in which list and why, and the policy all decisions share, written by the shop."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from connector import yaml_text
from connector.model import Audience, Guard, Purpose
from connector.policies import Policy
from connector.rule_language import EACH_FAMILY, Where, checked_number, checked_rule, fields, keyed, sayable, unknown
from connector.yaml_text import YamlText

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FAMILY_LABEL = ("title", "family")
"""What the label of an `each_family` audience may name."""


@dataclass(frozen=True, kw_only=True)
class Audiences:
    """One checked file."""

    policy: Policy
    audiences: tuple[Audience, ...]

    @cached_property
    def digest(self) -> str:
        """Changes when a decision could: with policy, rules, purposes and reasons; not with labels and guards."""
        rules = [(one.name, one.purpose, one.rule, one.reason) for one in self.audiences]
        plain = json.dumps([asdict(self.policy), sorted(rules)], sort_keys=True, default=str)
        return hashlib.sha256(plain.encode()).hexdigest()[:16]


def load_audiences(home: Path | None) -> Audiences:
    """The home's `mappings/audiences.yaml`, else the packaged one.

    Raises:
        SetupError: naming file, line, field and the nearest valid word.
    """
    return read_audiences(yaml_text.load("audiences", home))


def read_audiences(text: YamlText) -> Audiences:
    """Parsed YAML, checked. Raises SetupError as `load_audiences` does."""
    top = keyed(text, (), text.data, ("policy", "audiences"))
    listed = top.get("audiences")
    if not isinstance(listed, list) or not listed:
        raise text.error(("audiences",), "at least one audience must be listed here, each starting with '- name:'")
    audiences = tuple(_audience(text, ("audiences", index), one) for index, one in enumerate(listed))
    _distinct(text, audiences)
    policy = Policy.read(text, top.get("policy"), _own_lists(text, audiences))
    return Audiences(policy=policy, audiences=audiences)


def _audience(text: YamlText, where: Where, value: Any) -> Audience:
    words = ("name", "label", "purpose", "rule", "reason", "guard")
    one = keyed(text, where, value, words)
    for word in words[:-1]:
        if word not in one:
            raise text.error((*where, word), "is missing")
    rule = checked_rule(text, (*where, "rule"), one["rule"])
    purpose = _purpose(text, (*where, "purpose"), one["purpose"])
    if EACH_FAMILY in rule and purpose not in (Purpose.EXCLUDE, Purpose.INSIGHT):
        raise text.error((*where, "purpose"), f"{EACH_FAMILY} makes lists that address nobody: exclude or insight")
    told = ("title", "product_id", "family", "date", "order_id", "until") if EACH_FAMILY in rule else sayable(rule)
    return Audience(
        name=_name(text, (*where, "name"), one["name"]),
        label=_sentence(text, (*where, "label"), one["label"], FAMILY_LABEL if EACH_FAMILY in rule else ()),
        purpose=purpose,
        rule=rule,
        reason=_sentence(text, (*where, "reason"), one["reason"], told),
        guard=_guard(text, (*where, "guard"), one.get("guard")),
        line=text.line(where),
    )


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
        at_least=int(checked_number(text, (*where, "at_least"), one.get("at_least", plain.at_least), 0, 10**9)),
    )


def _distinct(text: YamlText, audiences: tuple[Audience, ...]) -> None:
    for word in ("name", "label"):
        seen: set[str] = set()
        for index, one in enumerate(audiences):
            value = getattr(one, word)
            if value in seen:
                raise text.error(("audiences", index, word), f"{value!r} is taken by an audience above")
            seen.add(value)


def _own_lists(text: YamlText, audiences: tuple[Audience, ...]) -> int:
    found = [(index, one.rule[EACH_FAMILY]["top"]) for index, one in enumerate(audiences) if EACH_FAMILY in one.rule]
    if len(found) > 1:
        raise text.error(("audiences", found[1][0], "rule"), f"only one audience may be {EACH_FAMILY}")
    return int(found[0][1]) if found else 0
