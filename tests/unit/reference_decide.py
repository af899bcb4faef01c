"""What decide/ promises, once more: slow, obvious, one person at a time, in plain Python."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from math import sqrt
from typing import Any

import reference_merge as merge
from random_shop import Row
from reference_figures import FiguresReference, under

from connector.model import Audience
from connector.rule_language import TOUCHES, duration


def refused(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers or not answers else False


def granted(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers or not answers else True


STRICTEST = ("opted_out", "unsubscribed", "quarantined", "unknown_consent", "no_legal_basis", "not_marketing")


@dataclass(frozen=True, eq=False)
class Reference(FiguresReference):
    """What follows for each person."""

    @cached_property
    def suppressed(self) -> dict[tuple[str, str], Row]:
        found = {}
        for pair, one in self.holdings.items():
            if one["net_quantity"] > 0:
                item = self.product(one["last_product_id"])
                until = one["last_purchase_at"] + self._window(item["product_type"])
                if until > self.as_of:
                    found[pair] = {**one, **item, "until": until}
        return found

    def _window(self, product_type: str | None) -> timedelta:
        policy = self.audiences.policy
        fitting = [name for name in policy.suppression.windows if under(product_type, name)]
        return policy.suppression.windows[max(fitting, key=len)] if fitting else policy.suppression.window

    @cached_property
    def recommendations(self) -> dict[str, list[Row]]:
        return {person: self._recommended(person) for person in self.people}

    def _recommended(self, person: str) -> list[Row]:
        if self.profile(person)["profiling_opt_out"]:
            return []
        ever = {family for name, family in self.pairs[person]}
        has = self._newest(person, [family for family in ever if self.holdings[person, family]["net_quantity"] > 0])
        causes = defaultdict(list)
        for a, b, one in [(cause, *one) for cause in has for one in self.next_families[cause]]:
            shown = self.families[b]["available"] and not self.families[b]["sensitive"]
            if b not in ever and shown:
                weight = Decimal(sqrt(one["support"] * one["lift"])).quantize(Decimal("0.000001"), ROUND_HALF_UP)
                causes[b].append((-weight, -one["support"], a, one))
        totals = sorted((-sum(-cause[0] for cause in ones), b) for b, ones in causes.items())
        return [self._told(b, -score, min(causes[b])) for score, b in totals[: self.audiences.policy.cross_sell.shown]]

    def _told(self, family: str, score: Decimal, cause: tuple[Decimal, int, str, Row]) -> Row:
        shown = self.families[family]
        why = f"bought with {self.families[cause[2]]['title']} by {cause[3]['support']} of {cause[3]['base']}"
        return {
            "family": family,
            "product_id": shown["product_id"],
            "title": shown["title"],
            "score": score,
            "why": why,
        }

    @cached_property
    def live_contacts(self) -> dict[str, list[Row]]:
        person, _ = merge.persons(self.shop)
        found = defaultdict(list)
        for one in self.shop.rows["contact"]:
            if not one["merged_into"] and not one["deleted_at"]:
                found[person["contact", one["key"]]].append(one)
        return found

    def profile(self, person: str) -> Row:
        contacts = sorted(self.live_contacts.get(person, []), key=lambda one: one["key"])
        contacts.sort(key=lambda one: one["updated_at"] or merge.EARLY, reverse=True)
        return {
            "country": next((one["country"] for one in contacts if one["country"]), None),
            "created_at": min((one["created_at"] for one in contacts if one["created_at"]), default=None),
            "email_opt_out": refused([one["email_opt_out"] for one in contacts]),
            "ads_consent": granted([one["ads_consent"] for one in contacts]),
            "profiling_opt_out": refused([one["profiling_opt_out"] for one in contacts]),
            "mail_barrier": min((barrier for one in contacts for barrier in self._barriers(one)), key=STRICTEST.index)
            if any(self._barriers(one) for one in contacts)
            else (None if contacts else "unknown_consent"),
        }

    def _barriers(self, contact: Row) -> list[str]:
        words = {word.strip().lower() for word in (contact["legal_basis"] or "").split(";")}
        policy = self.audiences.policy
        found = {
            "opted_out": contact["email_opt_out"],
            "unsubscribed": contact["subscription_opt_out"],
            "quarantined": contact["quarantined"],
            "unknown_consent": contact["email_opt_out"] is None,
            "no_legal_basis": policy.consent.legal_basis_required and not words - {"", "not applicable"},
            "not_marketing": policy.consent.marketing_only and contact["marketable"] is False,
        }
        return [name for name, stands in found.items() if stands]

    @cached_property
    def traits(self) -> dict[str, Row]:
        return {person: self._trait(person) for person in self.people}

    def _trait(self, person: str) -> Row:
        nothing = {"orders": 0, "spend": Decimal(0), "first_order_at": None, "last_order_at": None}
        score = self.rfm.get(person) or dict.fromkeys(("recency", "frequency", "monetary", "rfm_cell"))
        profile = self.profile(person)
        learned = {**score, "loyalty_tier": self.tiers.get(person)}
        if profile["profiling_opt_out"]:
            learned = dict.fromkeys(learned)
        touched = [touch[f"last_{kind}_at"] for _, touch in self.touched[person] for kind in merge.COUNTS]
        ends = [self.suppressed[pair]["until"] for pair in self.pairs[person] if pair in self.suppressed]
        return {
            **profile,
            **self.buying.get(person, nothing),
            **learned,
            "last_interaction_at": max((moment for moment in touched if moment), default=None),
            "suppressed_until": max(ends, default=None),
        }

    def wanted(self) -> dict[tuple[str, str], str]:
        """(person, audience) -> reason."""
        return {pair: reason for pair, reason in self.fitting.items() if self._barrier(*pair) is None}

    def excluded(self) -> dict[tuple[str, str], str]:
        """(person, audience) -> why they are left out; of persons with a contact."""
        barred = {pair: self._barrier(*pair) for pair in self.fitting if pair[0] in self.live_contacts}
        return {pair: barrier for pair, barrier in barred.items() if barrier}

    def _barrier(self, person: str, name: str) -> str | None:
        purpose = next((one.purpose for one in self.audiences.audiences if one.name == name), "exclude")
        trait = self.traits[person]
        objection = "profiling_opt_out" if trait["profiling_opt_out"] else None
        if purpose == "email":
            return trait["mail_barrier"] or objection
        return (objection if trait["ads_consent"] else "no_ads_consent") if purpose == "retarget" else None

    @cached_property
    def fitting(self) -> dict[tuple[str, str], str]:
        """(person, audience) -> reason, whoever may be addressed or not."""
        found = {}
        for audience in self.audiences.audiences:
            for person in self.people:
                found.update(self._fitting(person, audience))
        return found

    def _fitting(self, person: str, audience: Audience) -> dict[tuple[str, str], str]:
        if "each_family" in audience.rule:
            own = [pair for pair in self.pairs[person] if pair in self.suppressed and pair[1] in self.own_lists]
            stories = {family: self._purchase(family, self.suppressed[person, family]) for _, family in own}
            return {
                (person, f"{audience.name}_{name}"): self._say(audience, person, one) for name, one in stories.items()
            }
        told: list[Row] = []
        if self._holds(person, audience.rule, audience, told):
            return {(person, audience.name): self._say(audience, person, told[0] if told else {})}
        return {}

    def _say(self, audience: Audience, person: str, story: Row) -> str:
        trait = {name: self._spoken(name, value) for name, value in self.traits[person].items()}
        story = {name: "none" if value is None else value for name, value in story.items()}
        none = dict.fromkeys(("title", "product_id", "family", "date", "order_id", "until", "why"), "none")
        return audience.reason.format(**{**none, **trait, **story})

    def _spoken(self, name: str, value: Any) -> str:
        if value is None:
            return "none"
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d}"
        if isinstance(value, bool):
            return str(value).lower()
        if name == "spend":
            return str(value.quantize(Decimal("0.01"), ROUND_HALF_UP))
        return str(value).replace("_", " ") if name == "rfm_cell" else str(value)

    def _holds(
        self, person: str, rule: Mapping[str, Any], audience: Audience, told: list[Row], tell: bool = True
    ) -> bool:
        ((word, value),) = rule.items()
        if word in ("all", "any"):
            return (all if word == "all" else any)([self._holds(person, one, audience, told, tell) for one in value])
        if word == "not":
            return not self._holds(person, value, audience, told, not tell)
        if word == "trait":
            return all(self._compare(self.traits[person][name], asked) for name, asked in value.items())
        stories = list(self._stories(person, word, value, audience.purpose in ("email", "retarget")))
        if stories and tell:
            newest = max(moment for moment, _ in stories)
            told.append(min((one for moment, one in stories if moment == newest), key=lambda one: one["family"]))
        return bool(stories)

    def _compare(self, value: Any, asked: Mapping[str, Any]) -> bool:
        if value is None:
            return False
        checks = {
            "in": lambda operand: value in operand,
            "at_least": lambda operand: value >= operand,
            "at_most": lambda operand: value <= operand,
            "within": lambda operand: value > self.as_of - duration(operand),
        }
        return all(checks[word](operand) for word, operand in asked.items())

    def _stories(self, person: str, word: str, options: Row, addressed: bool) -> Iterator[tuple[Any, Row]]:
        for moment, product_id, story in self._rows(person, word, options, addressed):
            item = self.product(product_id)
            if (
                isinstance(moment, datetime)
                and "within" in options
                and moment <= self.as_of - duration(options["within"])
            ):
                continue
            if addressed and item["sensitive"]:
                continue
            if "family" in options and story["family"] not in options["family"]:
                continue
            if "product_type" in options and not any(
                under(item["product_type"], one) for one in options["product_type"]
            ):
                continue
            yield moment, {"title": item["title"], "product_id": product_id, **story}

    def _rows(self, person: str, word: str, options: Row, addressed: bool) -> Iterator[tuple[Any, str, Row]]:
        if word == "recommended":
            for rank, one in enumerate(self.recommendations[person]):
                yield -rank, one["product_id"], {"family": one["family"], "why": one["why"]}
        elif word in ("bought", "suppressed"):
            for pair in self.pairs[person]:
                one = (self.holdings if word == "bought" else self.suppressed).get(pair)
                if one and one["last_purchase_at"]:
                    yield one["last_purchase_at"], one["last_product_id"], self._purchase(pair[1], one)
        else:
            yield from self._touched(person, f"last_{TOUCHES[word]}_at", options, addressed)

    def _purchase(self, family: str, one: Row) -> Row:
        until = {"until": f"{one['until']:%Y-%m-%d}"} if "until" in one else {}
        date = f"{one['last_purchase_at']:%Y-%m-%d}"
        title = self.product(one["last_product_id"])["title"]
        return {"family": family, "title": title, "date": date, "order_id": one["last_order_id"], **until}

    def _touched(self, person: str, column: str, options: Row, addressed: bool) -> Iterator[tuple[Any, str, Row]]:
        for family, touch in self.touched[person]:
            if touch[column] is None or (addressed and (person, family) in self.suppressed):
                continue
            bought = self.holdings.get((person, family), {}).get("last_purchase_at")
            too_late = options.get("not_bought_since") and bought and bought >= touch[column]
            if not (bought and options.get("not_bought")) and not too_late:
                yield touch[column], touch["last_product_id"], {"family": family, "date": f"{touch[column]:%Y-%m-%d}"}


def evidence(one: Row) -> str:
    """The evidence of a suppression."""
    quantity = f"{one['net_quantity']:f}".rstrip("0").rstrip(".")
    found = {"order_id": one["last_order_id"], "line": one["last_line_key"], "product_id": one["last_product_id"]}
    return json.dumps({**found, "quantity": quantity}, sort_keys=True, ensure_ascii=False)
