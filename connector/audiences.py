"""`audiences.yaml`: whom we want in which list and why, and the policy all decisions share, written by the shop."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from connector import yaml_text
from connector.model import Audience, Guard, Purpose
from connector.rule_language import EACH_FAMILY, Where, checked_duration, checked_rule, fields, keyed, sayable, unknown
from connector.yaml_text import YamlText

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FAMILY_LABEL = ("title", "family")
"""What the label of an `each_family` audience may name."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What holds for every decision.

    Attributes:
        window: how long a purchase keeps its family out of ads.
        windows: product_type -> another window, for it and the types below it (`Home > Lamps`).
        support, confidence, lift: floors under which two families are not said to go together.
        families_a_person: newest purchases of a person that count there; bounds the pairs of a wholesaler.
        kept_a_family: how many next families each family keeps.
        shown: recommendations a person.
        tier_window: net spend of this long decides the loyalty tier.
        gold_percent, silver_percent: of the buyers in that window; the rest are bronze.
        own_lists: how many families get an exclusion list of their own.
        refresh: how often shop-wide figures are computed anew.
        legal_basis_required: mail needs a legal basis that the CRM has recorded.
        marketing_only: no mail to contacts of whom the CRM says that they are not its marketing contacts.
    """

    window: timedelta = timedelta(days=365)
    windows: Mapping[str, timedelta] = field(default_factory=dict)
    support: int = 5
    confidence: float = 0.02
    lift: float = 1.5
    families_a_person: int = 200
    kept_a_family: int = 20
    shown: int = 3
    tier_window: timedelta = timedelta(days=365)
    gold_percent: float = 5
    silver_percent: float = 15
    own_lists: int = 0
    refresh: timedelta = timedelta(days=1)
    legal_basis_required: bool = False
    marketing_only: bool = True


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
    policy = _policy(text, top.get("policy"), _own_lists(text, audiences))
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
        percent=_number(text, (*where, "percent"), one.get("percent", plain.percent), 0, 100),
        at_least=int(_number(text, (*where, "at_least"), one.get("at_least", plain.at_least), 0, 10**9)),
    )


def _number(text: YamlText, where: Where, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise text.error(where, f"{value!r} must be a number from {least:g} to {most:g}")
    return value


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


def _policy(text: YamlText, value: Any, own_lists: int) -> Policy:
    top = keyed(text, ("policy",), value, ("suppression", "cross_sell", "loyalty", "consent", "refresh"))
    given = {
        **_suppression(text, ("policy", "suppression"), top.get("suppression")),
        **_cross_sell(text, ("policy", "cross_sell"), top.get("cross_sell")),
        **_loyalty(text, ("policy", "loyalty"), top.get("loyalty")),
        **_consent(text, ("policy", "consent"), top.get("consent")),
    }
    if "refresh" in top:
        given["refresh"] = checked_duration(text, ("policy", "refresh"), top["refresh"])
    policy = Policy(**given, own_lists=own_lists)
    if policy.gold_percent + policy.silver_percent > 100:
        raise text.error(("policy", "loyalty"), "gold_percent and silver_percent are more than 100 together")
    return policy


def _suppression(text: YamlText, where: Where, value: Any) -> dict[str, Any]:
    one = keyed(text, where, value, ("window", "product_type"))
    found: dict[str, Any] = {}
    if "window" in one:
        found["window"] = checked_duration(text, (*where, "window"), one["window"])
    by_type = one.get("product_type") or {}
    if not isinstance(by_type, dict):
        raise text.error((*where, "product_type"), "here must be product types with a length of time each")
    found["windows"] = {
        str(name): checked_duration(text, (*where, "product_type", name), window) for name, window in by_type.items()
    }
    return found


_COUNTS = {"support": 10**6, "families_a_person": 1000, "kept_a_family": 1000, "shown": 10}
_SHARES = {"confidence": 1.0, "lift": 1000.0}


def _cross_sell(text: YamlText, where: Where, value: Any) -> dict[str, Any]:
    one = keyed(text, where, value, (*_COUNTS, *_SHARES))
    counts = {
        name: int(_number(text, (*where, name), one[name], 1, most)) for name, most in _COUNTS.items() if name in one
    }
    shares = {name: _number(text, (*where, name), one[name], 0, most) for name, most in _SHARES.items() if name in one}
    return {**counts, **shares}


def _loyalty(text: YamlText, where: Where, value: Any) -> dict[str, Any]:
    percents = ("gold_percent", "silver_percent")
    one = keyed(text, where, value, ("window", *percents))
    found: dict[str, Any] = {name: _number(text, (*where, name), one[name], 0, 100) for name in percents if name in one}
    if "window" in one:
        found["tier_window"] = checked_duration(text, (*where, "window"), one["window"])
    return found


_LEGAL_BASIS = ("ignored", "required")


def _consent(text: YamlText, where: Where, value: Any) -> dict[str, Any]:
    one = keyed(text, where, value, ("legal_basis", "marketing_only"))
    basis, marketing = one.get("legal_basis", "ignored"), one.get("marketing_only", True)
    if basis not in _LEGAL_BASIS:
        raise unknown(text, (*where, "legal_basis"), basis, _LEGAL_BASIS)
    if not isinstance(marketing, bool):
        raise text.error((*where, "marketing_only"), f"{marketing!r} must be true or false")
    return {"legal_basis_required": basis == "required", "marketing_only": marketing}
