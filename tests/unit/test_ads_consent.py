"""Whoever has not granted ads, or took it back, is in no payload to any ad platform, whatever else is true of them."""

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ad_shop import NOW, AdShop
from recording_ads import Recorder
from small_seen import contact, line, order

COUNTRIES = ("FR", "GB", "CH", "US", "CA", None)
OUTSIDE = {"US", "CA"}
SIGNALS = ("segment", "tcf", "consent_mode", "gpc", "ad_storage")


@dataclass
class Case:
    """A person: some contacts, what they said, and how each address is spelled."""

    number: int
    contacts: list[dict[str, Any]] = field(default_factory=list)
    consents: list[dict[str, Any]] = field(default_factory=list)

    def allowed(self, outside_eea: str) -> bool:
        """What the law and the person say, in plain words."""
        newest: dict[tuple[str, ...], tuple[datetime, bool]] = {}
        for one in self.consents:
            key, answer = (one["source"], one["signal"], one["purpose"]), (one["said_at"], not one["granted"])
            newest[key] = max(answer, newest.get(key, answer))
        said = defaultdict(set)
        for (_, signal, purpose), (_, refused) in newest.items():
            if refused or signal != "ad_storage":
                said[purpose].add(not refused)
        alive = [one for one in self.contacts if not one.get("merged_into") and not one.get("deleted_at")]
        answers = [one["ads_consent"] for one in alive]
        objects = any(one["profiling_opt_out"] for one in alive) or False in said["profiling"]
        if False in answers or False in said["ads"] or objects:
            return False
        places = {one["country"] for one in (*alive, *self.consents)} - {None}
        freely = outside_eea == "opt_out" and bool(places) and places <= OUTSIDE
        return bool(answers and all(answers)) or True in said["ads"] or freely


class World:
    """Random persons, some of whom a platform cannot tell apart; they change their minds."""

    def __init__(self, seed: int, count: int, outside_eea: str) -> None:
        self.chance, self.outside_eea = random.Random(seed), outside_eea
        self.cases = [self.case(number) for number in range(count)]

    def case(self, number: int) -> Case:
        made = Case(number)
        for part in range(self.chance.choice((1, 1, 1, 2))):
            made.contacts.append(self.contact(number, part))
        if len(made.contacts) > 1 and self.chance.random() < 0.5:
            made.contacts[1]["merged_into"] = made.contacts[0]["key"]
        made.consents += [self.word(number, NOW - timedelta(days=9)) for _ in range(self.chance.choice((0, 0, 1, 2)))]
        return made

    def contact(self, number: int, part: int) -> dict[str, Any]:
        pick = self.chance.choice
        columns = {"ads_consent": pick((True, True, True, False, None)), "country": pick(COUNTRIES)}
        columns |= {"profiling_opt_out": pick((None, None, None, None, True)), "user_id": f"u{number}"}
        columns |= {"phone": f"+33{number:09}" if pick((True, False)) else None, "email": address(number)}
        return contact(f"{'hubspot' if part == 0 else 'salesforce'}:{number}", **columns)

    def word(self, number: int, at: datetime) -> dict[str, Any]:
        pick = self.chance.choice
        kind = pick(("email", "user_id"))
        return {
            "key": f"c{number}-{self.chance.random()}",
            "source": pick(("site", "app")),
            "identifier_type": kind,
            "identifier": address(number) if kind == "email" else f"u{number}",
            "purpose": pick(("ads", "ads", "ads", "profiling")),
            "granted": pick((True, True, False)),
            "signal": pick(SIGNALS),
            "country": pick((None, None, "US", "FR")),
            "said_at": at + timedelta(minutes=self.chance.randint(0, 3)),
        }

    def fill(self, shop: AdShop) -> None:
        every = [one for case in self.cases for one in case.contacts]
        shop.add("contact", every)
        orders = [order(str(case.number), case.contacts[0]["key"], "2026-09-28") for case in self.cases]
        shop.add("order_header", orders)
        shop.add("order_line", [line(str(case.number), self.chance.choice(("lamp", "rug"))) for case in self.cases])
        shop.add("consent", [one for case in self.cases for one in case.consents])

    def change(self, shop: AdShop, at: datetime) -> None:
        """A third of the persons say something, or the CRM learns something about them."""
        words, rows = [], []
        for case in self.chance.sample(self.cases, len(self.cases) // 3):
            if self.chance.random() < 0.6:
                words.append(self.word(case.number, at))
                case.consents.append(words[-1])
            else:
                one = self.chance.choice(case.contacts)
                one |= {
                    "ads_consent": self.chance.choice((True, False, None)),
                    "country": self.chance.choice(COUNTRIES),
                }
                one |= {"merged_into": None, "deleted_at": at if self.chance.random() < 0.2 else None}
                rows.append(dict(one))
        shop.add("consent", words, at)
        shop.add("contact", rows, at)

    def forbidden(self, platform: Recorder) -> set[str]:
        """Match keys of everybody who may not be told of."""
        barred = [case.number for case in self.cases if not case.allowed(self.outside_eea)]
        phones = [one["phone"] for number in barred for one in self.cases[number].contacts if one["phone"]]
        keys = [platform.member(spelling(address(number))) for number in barred if "@" in address(number)]
        hashed = [f"email:{_base64(address(number))}" for number in barred if "@" not in address(number)]
        return {*keys, *hashed, *(str(platform.match("phone", phone)) for phone in phones)}


def address(number: int) -> str:
    """Every third has the mailbox of the one before under another spelling, every tenth is known by a hash of it."""
    if number % 10 == 9:
        return hashlib.sha256(spelling(address(number - 1)).encode()).hexdigest()
    if number % 3 == 2 and (number - 1) % 10 != 9:
        return f"b.{number - 1}+shop@gmail.com"
    return f"b{number}@gmail.com"


def spelling(email: str) -> str:
    return email.replace(".", "").replace("gmailcom", "gmail.com").replace("+shop", "")


def _base64(digest: str) -> str:
    import base64

    return base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")


def told_of_nobody_forbidden(world: World, shop: AdShop) -> int:
    """Looks at all payloads since the last time; returns how many people were named in them."""
    named = 0
    for platform in (shop.google, shop.meta):
        forbidden = world.forbidden(platform)
        adding = [members for verb, _, members in platform.log if verb != "remove"]
        named += sum(map(len, adding))
        assert [one for members in adding for one in members if one in forbidden] == []
        held = set().union(*platform.audiences.values())
        assert held & forbidden == set()
        first = [at for at, (verb, _, _) in enumerate(platform.log) if verb == "add"]
        gone = [at for at, (verb, _, _) in enumerate(platform.log) if verb == "remove"]
        assert not first or not gone or min(gone) < min(first)
        platform.log.clear()
    return named


def check(tmp_path: Path, seed: int, count: int, outside_eea: str, later: tuple[float, ...]) -> None:
    world = World(seed, count, outside_eea)
    shop = AdShop(tmp_path / f"{seed}", f", outside_eea: {outside_eea}", takes_sales=bool(later))
    world.fill(shop)
    assert shop.run().status == "done"
    assert {verb for verb, _, _ in shop.google.log} == {"add", *(["report"] if later else [])}
    assert told_of_nobody_forbidden(world, shop) > count // 4
    for hours in later:
        world.change(shop, NOW + timedelta(hours=hours - 0.5))
        assert shop.run(hours=hours).status in ("done", "guarded")
        assert told_of_nobody_forbidden(world, shop) > 0


def test_nobody_is_told_of_without_consent(tmp_path: Path) -> None:
    """300 random persons with contacts, merges, regions, signals and twins in spelling, and one run."""
    check(tmp_path, 1, 300, "grant", ())


@pytest.mark.slow
@pytest.mark.parametrize("outside_eea", ["grant", "opt_out"])
def test_nobody_of_thousands_is_told_of_without_consent(tmp_path: Path, outside_eea: str) -> None:
    """5,000 random persons in each of two policies, three changes of mind, the last with a refresh of everything."""
    check(tmp_path, 2, 5_000, outside_eea, (1, 2, 24 * 8))
