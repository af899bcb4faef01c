"""What decide/ promises, once more: slow, obvious, one person at a time, in plain Python."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

import reference_merge as merge
import reference_rules as rules
import reference_segments as segments
from random_shop import Row
from reference_cross_sell import CrossSellReference
from reference_suppression import standing

from connector.model import Audience


def refused(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers or not answers else False


def granted(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers or not answers else True


STRICTEST = ("opted_out", "unsubscribed", "quarantined", "unknown_consent", "no_legal_basis", "not_marketing")


@dataclass(frozen=True, eq=False)
class Reference(CrossSellReference):
    """What follows for each person."""

    @cached_property
    def suppressed(self) -> dict[tuple[str, str], Row]:
        """Pair -> its holding, with what keeps it out of ads; `last_...` of the return where that is what does."""
        found = {}
        types = {product: one["product_type"] for product, one in merge.catalogue(self.shop).items()}
        for pair, one in self.holdings.items():
            stands = standing(one, pair[1], types, None, self.audiences.policy.suppression)
            if stands and stands["until"] > self.as_of:
                behind = {f"last_{name}": stands[name] for name in ("order_id", "line_key", "product_id")}
                found[pair] = {**one, **stands, **behind, **self.product(stands["product_id"])}
        return found

    @cached_property
    def live_contacts(self) -> dict[str, list[Row]]:
        person, _ = merge.persons(self.shop)
        found = defaultdict(list)
        for one in self.shop.rows["contact"]:
            if not one["merged_into"] and not one["deleted_at"]:
                found[person["contact", one["key"]]].append(one)
        return found

    def _of_contacts(self, person: str) -> Row:
        contacts = sorted(self.live_contacts.get(person, []), key=lambda one: one["key"])
        contacts.sort(key=lambda one: one["updated_at"] or merge.EARLY, reverse=True)
        return {
            "country": next((one["country"] for one in contacts if one["country"]), None),
            "birth_date": next((one["birth_date"] for one in contacts if one["birth_date"]), None),
            "created_at": min((one["created_at"] for one in contacts if one["created_at"]), default=None),
            "email_opt_out": refused([one["email_opt_out"] for one in contacts]),
            "ads_consent": granted([one["ads_consent"] for one in contacts]),
            "profiling_opt_out": refused([one["profiling_opt_out"] for one in contacts]),
            "mail_barrier": min((barrier for one in contacts for barrier in self._barriers(one)), key=STRICTEST.index)
            if any(self._barriers(one) for one in contacts)
            else (None if contacts else "unknown_consent"),
        }

    def _said(self, person: str) -> dict[str, set[bool]]:
        """Purpose -> the newest answers of all sources and signals; of one moment the refusal."""
        newest: dict[tuple[str, ...], tuple[datetime, bool]] = {}
        for one in self._consents[person]:
            key, answer = (one["source"], one["signal"], one["purpose"]), (one["said_at"], not one["granted"])
            newest[key] = max(answer, newest.get(key, answer))
        found = defaultdict(set)
        for (_, _, purpose), (_, refused_it) in newest.items():
            found[purpose].add(not refused_it)
        return found

    @cached_property
    def _consents(self) -> dict[str, list[Row]]:
        person, _ = merge.persons(self.shop)
        found = defaultdict(list)
        for one in self.shop.rows["consent"]:
            if owner := person.get(merge.interaction_key(one)):
                found[owner].append(one)
        return found

    def _ads_barrier(self, person: str, profile: Row) -> str | None:
        said = self._said(person)["ads"]
        if False in said or profile["ads_consent"] is False:
            return "ads_opt_out"
        if profile["profiling_opt_out"]:
            return "profiling_opt_out"
        contacts = self.live_contacts.get(person, [])
        places = {one["country"] for one in (*contacts, *self._consents[person])} - {None, ""}
        freely = places == {"US"} and self.audiences.policy.ads.outside_eea == "opt_out"
        return None if True in said or profile["ads_consent"] or freely else "no_ads_consent"

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

    def profile(self, person: str) -> Row:
        profile, said = self._of_contacts(person), self._said(person)
        if False in said["profiling"]:
            profile["profiling_opt_out"] = True
        if False in said["email"]:
            profile |= {"email_opt_out": True, "mail_barrier": "opted_out"}
        return {**profile, "ads_barrier": self._ads_barrier(person, profile)}

    def _trait(self, person: str) -> Row:
        nothing = {"orders": 0, "spend": Decimal(0), "first_order_at": None, "last_order_at": None}
        score = self.rfm.get(person) or dict.fromkeys(("recency", "frequency", "monetary", "rfm_cell"))
        profile = self.profile(person)
        segment = self._segments(person, profile["birth_date"])
        stage = {name: segment.pop(name) for name in ("funnel_stage", "engagement")}
        learned = {**score, **stage, "loyalty_tier": self.tiers.get(person)}
        if profile["profiling_opt_out"]:
            learned = dict.fromkeys(learned)
        touched = [touch[f"last_{kind}_at"] for _, touch in self.touched[person] for kind in merge.COUNTS]
        ends = [self.suppressed[pair]["until"] for pair in self.pairs[person] if pair in self.suppressed]
        return {
            **profile,
            **segment,
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
        if barrier := self._objection(trait, purpose):
            return barrier
        audience = next((one for one in self.audiences.audiences if one.name == name), None)
        if audience and held_out(person, audience):
            return "holdout"
        first_out = self._first_out.get(name)
        return "limit" if first_out and audience and self._place(person, audience) >= first_out else None

    @cached_property
    def _first_out(self) -> dict[str, tuple[float, str]]:
        """Limited audience -> the first of those it has no room for."""
        found = {}
        for one in self.audiences.audiences:
            free = [
                person
                for person, name in self.fitting
                if name == one.name
                and person in self.live_contacts
                and not self._objection(self.traits[person], one.purpose)
                and not held_out(person, one)
            ]
            if one.limit is not None and len(free) > one.limit:
                found[one.name] = sorted(self._place(person, one) for person in free)[one.limit]
        return found

    def _place(self, person: str, audience: Audience) -> tuple[float, str]:
        value = self.traits[person][audience.order_by]
        if isinstance(value, datetime):
            value = value.timestamp()
        return (-float(value) if value is not None else 10.0**15, person)

    def _objection(self, trait: Row, purpose: str) -> str | None:
        objection = "profiling_opt_out" if trait["profiling_opt_out"] else None
        if purpose == "email":
            return trait["mail_barrier"] or objection
        return (trait["ads_barrier"] if trait["ads_consent"] else "no_ads_consent") if purpose == "retarget" else None

    @cached_property
    def fitting(self) -> dict[tuple[str, str], str]:
        """(person, audience) -> reason, whoever may be addressed or not."""
        found = {}
        for audience in self.audiences.audiences:
            for person in self.people:
                found.update(self._fitting(person, audience))
        return found

    def _fitting(self, person: str, audience: Audience) -> dict[tuple[str, str], str]:
        known, trait = self._known[person], self.traits[person]
        if "each_family" in audience.rule:
            own = [family for name, family in self.pairs[person] if family in self.own_lists]
            asked = {family: self._suppressed_story(known, family) for family in own}
            return {
                (person, f"{audience.name}_{family}"): rules.said(audience.reason, trait, [story])
                for family, story in asked.items()
                if story
            }
        told: list[Row] = []
        if rules.holds(self._shared, known, audience.rule, audience.purpose in ("email", "retarget"), told):
            return {(person, audience.name): rules.said(audience.reason, trait, told)}
        return {}

    def _suppressed_story(self, known: rules.Known, family: str) -> Row | None:
        options = {"family": [family]}
        return rules.Asked(shop=self._shared, known=known, word="suppressed", options=options, addressed=False).story()

    @cached_property
    def _shared(self) -> rules.Shop:
        goods = {name: self.product(name) for name in merge.catalogue(self.shop)}
        return rules.Shop(as_of=self.as_of, products=goods, families=self.families)

    @cached_property
    def _known(self) -> dict[str, rules.Known]:
        """What each person's rules are about."""
        return {
            person: rules.Known(
                trait=self.traits[person],
                touch=[{"family": family, **one} for family, one in self.touched[person]],
                holding=[{"family": pair[1], **self.holdings[pair]} for pair in self.pairs[person]],
                active=[
                    {"family": pair[1], **self.suppressed[pair]}
                    for pair in self.pairs[person]
                    if pair in self.suppressed
                ],
                recommended=self.recommendations[person],
                lines=self.lines.get(person, []),
                interaction=self.interactions[person],
            )
            for person in self.people
        }

    @cached_property
    def interactions(self) -> dict[str, list[Row]]:
        found = defaultdict(list)
        for one in merge.interactions(self.shop, self.as_of):
            found[one["person_id"]].append(one)
        return found

    def _segments(self, person: str, birth_date: date | None) -> Row:
        """age, age_band, funnel_stage and engagement."""
        policy, bought = self.audiences.policy.segments, self.buying.get(person, {})
        curious = any(touch[name] for _, touch in self.touched[person] for name in CURIOUS)
        return {
            **segments.age(birth_date, self.as_of),
            "funnel_stage": segments.funnel_stage(
                bought.get("orders", 0), bought.get("last_order_at"), curious, self.as_of, policy
            ),
            "engagement": segments.engagement(self.interactions[person], self.as_of, policy),
        }


def held_out(person: str, audience: Audience) -> bool:
    """A fixed part of all persons, another one for each audience."""
    drawn = int(hashlib.md5(f"{person} {audience.name}".encode()).hexdigest()[:8], 16)  # noqa: S324 - no secret
    return drawn < round(audience.holdout / 100 * 16**8)


CURIOUS = ("clicks", "views", "carts", "wishes", "checkouts")


def evidence(one: Row) -> str:
    """The evidence of a suppression."""
    quantity = f"{one['net_quantity']:.4f}".rstrip("0").rstrip(".")
    found = {"order_id": one["last_order_id"], "line": one["last_line_key"], "product_id": one["last_product_id"]}
    return json.dumps({**found, "quantity": quantity}, sort_keys=True, ensure_ascii=False)
