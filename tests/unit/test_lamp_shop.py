"""The built-in world: repeatable, in the worlds' format, with the published shares and the stories it is there for."""

import csv
import gzip
import hashlib
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import phonenumbers
import pytest

from connector.sandbox.lamp_shop import COLUMNS, write_world

Row = Mapping[str, Any]
END = "2026-09-30T18:00:00.000Z"


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Purchase(NamedTuple):
    contact: str
    family: str
    product: str
    quantity: int
    at: datetime


class Shop:
    """The written files, read back."""

    def __init__(self, folder: Path) -> None:
        self.contacts = _rows(folder, "contacts")
        self.products = _rows(folder, "products")
        self.orders = _rows(folder, "orders")
        self.lines = _rows(folder, "order_lines")
        self.ads = _rows(folder, "ad_log")
        with gzip.open(folder / "events.ndjson.gz", "rt", encoding="utf-8") as file:
            self.events = [json.loads(line) for line in file]
        self.family = {each["id"]: each["item_group_id"] for each in self.products}
        self.by_email = {each["email"]: each["contact_id"] for each in self.contacts}
        self.purchases = list(self._purchases())
        self.owners: dict[str, set[str]] = defaultdict(set)
        for event in self.events:
            if event["type"] == "identify":
                self.owners[event["anonymousId"]].add(event["userId"])

    def _purchases(self) -> Iterator[Purchase]:
        heads = {each["order_id"]: each for each in self.orders}
        for line in self.lines:
            head = heads[line["order_id"]]
            family = self.family[line["product_id"]]
            at = _when(head["ordered_at"])
            yield Purchase(head["contact_id"], family, line["product_id"], int(line["quantity"]), at)

    def of(self, email: str) -> list[Purchase]:
        return [each for each in self.purchases if each.contact == self.by_email[email]]

    def devices(self, email: str) -> set[str]:
        return {device for device, people in self.owners.items() if self.by_email[email] in people}

    def net(self) -> Counter[tuple[str, str]]:
        """What each contact holds of each family."""
        held: Counter[tuple[str, str]] = Counter()
        for each in self.purchases:
            if each.contact:
                held[each.contact, each.family] += each.quantity
        return held


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lamp")
    write_world(made)
    return made


@pytest.fixture(scope="module")
def shop(folder: Path) -> Shop:
    return Shop(folder)


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes(folder: Path, tmp_path: Path) -> None:
    """A seed makes the same bytes every time, another seed another shop."""
    write_world(tmp_path / "again")
    write_world(tmp_path / "other", seed=8)
    assert _digests(tmp_path / "again") == _digests(folder)
    assert _digests(tmp_path / "other") != _digests(folder)


def test_columns_are_those_of_the_worlds(folder: Path) -> None:
    """Every file has the header line of the world format, and six files are all there are."""
    assert {path.name for path in folder.iterdir()} == {f"{name}.csv.gz" for name in COLUMNS} | {"events.ndjson.gz"}
    for name, header in COLUMNS.items():
        assert gzip.decompress((folder / f"{name}.csv.gz").read_bytes()).split(b"\n", 1)[0].decode() == header


def test_sizes(shop: Shop) -> None:
    """About 2,000 contacts, 400 products in families with variants, a year of orders, events and ads."""
    assert (len(shop.contacts), len(shop.products)) == (2000, 400)
    variants = Counter(shop.family.values())
    assert min(variants.values()) >= 2 and len(variants) == 136
    assert 3_000 < len(shop.orders) < 5_000 and 40_000 < len(shop.events) < 60_000 < 2 * len(shop.ads)
    assert sum(not each["contact_id"] for each in shop.orders) / len(shop.orders) == pytest.approx(0.069, abs=0.01)


def test_everything_refers_to_something(shop: Shop) -> None:
    """Ids are unique, and each line, event and ad names an order, contact and product that exist."""
    for rows, key in ((shop.contacts, "contact_id"), (shop.orders, "order_id"), (shop.lines, "line_id")):
        assert len({each[key] for each in rows}) == len(rows)
    assert len({each["messageId"] for each in shop.events}) == len(shop.events)
    assert len({each["event_id"] for each in shop.ads}) == len(shop.ads)
    people, orders = {each["contact_id"] for each in shop.contacts}, {each["order_id"] for each in shop.orders}
    assert {each["contact_id"] for each in shop.orders} <= people | {""}
    assert {each["order_id"] for each in shop.lines} == orders
    assert {each["userId"] for each in shop.events if each["type"] == "identify"} <= people
    assert {each["properties"]["product_id"] for each in shop.events if each["type"] == "track"} <= shop.family.keys()
    assert {each["product_id"] for each in shop.ads} <= shop.family.keys()


def test_nothing_after_the_end(shop: Shop) -> None:
    """The world ends at a fixed time, and its files are ordered by time."""
    orders, events = [each["ordered_at"] for each in shop.orders], [each["timestamp"] for each in shop.events]
    shown = [each["occurred_at"] for each in shop.ads]
    for times in (orders, events, shown):
        assert times == sorted(times) and times[-1] < END
    assert max(each["updated_at"] for each in shop.contacts) < END


def test_contacts_exist_before_they_act(shop: Shop) -> None:
    """A contact is created before its first order and its first sign-in, and last changed after both beginnings."""
    created = {each["contact_id"]: each["created_at"] for each in shop.contacts}
    assert all(created[each["contact_id"]] < each["ordered_at"] for each in shop.orders if each["contact_id"])
    assert all(created[each["userId"]] < each["timestamp"] for each in shop.events if each["type"] == "identify")
    assert all(each["created_at"] <= each["updated_at"] for each in shop.contacts)


def test_nobody_real(shop: Shop) -> None:
    """E-mails end in example.com or .org; each phone is E.164, unique, and from a range that nobody is given."""
    assert all(each["email"].rpartition("@")[2] in {"example.com", "example.org"} for each in shop.contacts)
    assert len(shop.by_email) == len(shop.contacts)
    phones = [each["phone"] for each in shop.contacts if each["phone"]]
    assert len(set(phones)) == len(phones) > 800
    assert all(each.startswith(("+447700900", "+442079460", "+441632960", "+493023125", "+331990")) for each in phones)
    assert all(phonenumbers.is_possible_number(phonenumbers.parse(each)) for each in phones)


def test_lines_carry_signs(shop: Shop) -> None:
    """Lines of a returned order are negative, of a fulfilled one positive; nobody sends back more than was bought."""
    status = {each["order_id"]: each["status"] for each in shop.orders}
    assert all((int(each["quantity"]) < 0) == (status[each["order_id"]] == "returned") for each in shop.lines)
    assert min(shop.net().values()) == 0


def test_repeat_purchases_as_published(shop: Shop) -> None:
    """21.7 % of (contact, family) pairs are bought again on another day, after a median of 48 days; mostly bulbs."""
    days = defaultdict(set)
    for each in shop.purchases:
        if each.contact and each.quantity > 0:
            days[each.contact, each.family].add(each.at.date())
    again = {pair: sorted(found) for pair, found in days.items() if len(found) > 1}
    gaps = [(later - sooner).days for found in again.values() for sooner, later in pairwise(found)]
    assert len(again) / len(days) == pytest.approx(0.217, abs=0.01)
    assert statistics.median(gaps) == pytest.approx(48, abs=4)
    assert sum(family[:3] in {"BUL", "CAR"} for _, family in again) > 0.8 * len(again)


def test_returns_as_published(shop: Shop) -> None:
    """0.7 % of pairs are fully returned (1,934 of 274,442), and some returns leave a part."""
    net = shop.net()
    assert sum(quantity == 0 for quantity in net.values()) / len(net) == pytest.approx(0.00705, abs=0.001)
    returned = {(each.contact, each.family) for each in shop.purchases if each.quantity < 0}
    assert any(net[pair] > 0 for pair in returned)


def _looks_after_buying(shop: Shop) -> tuple[list[float], int]:
    """Hours from the last purchase to each view of a family that its person has, and the count of all views."""
    bought = defaultdict(list)
    for each in shop.purchases:
        if each.quantity > 0:
            bought[each.contact, each.family].append(each.at)
    hours, views = [], 0
    for event in shop.events:
        people = shop.owners.get(event["anonymousId"], set())
        if event.get("event") != "Product Viewed":
            continue
        views += 1
        at = _when(event["timestamp"])
        earlier = [
            moment
            for person in people
            for moment in bought[person, shop.family[event["properties"]["product_id"]]]
            if moment < at
        ]
        hours += [(at - max(earlier)) / timedelta(hours=1)] if earlier else []
    return hours, views


def test_looking_again_after_buying_as_published(shop: Shop) -> None:
    """1.5 % of views are of what their person has; half within 24.7 hours of the purchase, a quarter within 2.5."""
    hours, views = _looks_after_buying(shop)
    quarter, half, _ = statistics.quantiles(hours, n=4)
    assert len(hours) / views == pytest.approx(1_363 / 89_710, rel=0.25)
    assert half == pytest.approx(24.7, rel=0.35) and quarter == pytest.approx(2.5, rel=0.5)


def test_devices(shop: Shop) -> None:
    """Some people have several anonymous ids, some ids never get a name, and two are shared by two persons."""
    seen = {event["anonymousId"] for event in shop.events}
    shared = [device for device, people in shop.owners.items() if len(people) == 2]
    devices = Counter(person for people in shop.owners.values() for person in people)
    assert len(shared) == 2 and max(map(len, shop.owners.values())) == 2
    assert devices.most_common(1)[0][1] >= 3
    assert len(seen - shop.owners.keys()) > 500
    earlier = {event["anonymousId"] for event in shop.events[:20_000] if event["type"] == "track"}
    signed_in_later = {event["anonymousId"] for event in shop.events[20_000:] if event["type"] == "identify"}
    assert earlier & signed_in_later


def test_ads_follow_the_plain_rule(shop: Shop) -> None:
    """Whatever is advertised was carted, wished or seen twice by that device in the seven days before."""
    touched = defaultdict(list)
    seen: Counter[tuple[str, str]] = Counter()
    for event in shop.events:
        if event["type"] == "track":
            item = (event["anonymousId"], event["properties"]["product_id"])
            seen[item] += event["event"] == "Product Viewed"
            if event["event"] in {"Product Added", "Product Added to Wishlist"} or (
                event["event"] == "Product Viewed" and seen[item] > 1
            ):
                touched[item].append(_when(event["timestamp"]))
    for each in shop.ads:
        at = _when(each["occurred_at"])
        assert any(
            timedelta(0) < at - began < timedelta(days=7.3) for began in touched[each["key"], each["product_id"]]
        )
    shown = Counter((a["key"], a["product_id"], a["occurred_at"][:10]) for a in shop.ads if a["kind"] == "impression")
    assert max(shown.values()) == 1


def _shown_after(shop: Shop, email: str, families: Sequence[str], after: datetime) -> list[Row]:
    devices = shop.devices(email)
    return [
        each
        for each in shop.ads
        if each["key"] in devices
        and shop.family[each["product_id"]] in families
        and _when(each["occurred_at"]) > after
        and each["kind"] == "impression"
    ]


def test_dana(shop: Shop) -> None:
    """Dana viewed a pendant lamp, bought it in another colour, and is still being shown the one she viewed."""
    (bought,) = shop.of("dana@example.com")
    devices = shop.devices("dana@example.com")
    viewed = {
        event["properties"]["product_id"]
        for event in shop.events
        if event["anonymousId"] in devices and event.get("event") == "Product Viewed"
    }
    shown = _shown_after(shop, "dana@example.com", [bought.family], bought.at)
    other = {each["product_id"] for each in shown} - {bought.product}
    assert len(devices) == 2 and other <= viewed and other
    assert {shop.family[each] for each in other} == {bought.family}
    assert max(each["occurred_at"] for each in shown if each["product_id"] in other) > "2026-09-30"


def test_the_other_stories(shop: Shop) -> None:
    """Rosa returned a lamp whole, Carl left one in the cart, Olga opted out and denied, Uma never said."""
    people = {each["email"]: each for each in shop.contacts}
    assert sum(each.quantity for each in shop.of("rosa@example.com")) == 0 < len(shop.of("rosa@example.com"))
    carls = shop.devices("carl@example.com")
    carted = [each for each in shop.events if each["anonymousId"] in carls and each["type"] == "track"]
    assert not shop.of("carl@example.com") and carted[-1]["event"] == "Product Added"
    olga, uma = people["olga@example.com"], people["uma@example.com"]
    assert (olga["email_opt_out"], olga["ads_consent"]) == ("true", "denied") and shop.of("olga@example.com")
    assert (uma["ads_consent"], uma["country"]) == ("unknown", "") and shop.of("uma@example.com")
    assert {each["ads_consent"] for each in shop.contacts} == {"granted", "denied", "unknown"}


def test_what_goes_together_is_bought_together(shop: Shop) -> None:
    """Buyers of the first pendant lamp buy the bulb made for it far more often than other buyers do."""
    baskets = defaultdict(set)
    for each in shop.purchases:
        baskets[each.contact, each.at].add(each.family)
    with_lamp = [families for families in baskets.values() if "PEN-01" in families]
    rate = sum("BUL-01" in families for families in with_lamp) / len(with_lamp)
    usual = sum("BUL-01" in families for families in baskets.values()) / len(baskets)
    assert len(with_lamp) > 30 and rate > 2 * usual


def test_ends_at_a_fixed_time(shop: Shop) -> None:
    """The last event lies in the world's last day, so that results do not depend on today."""
    assert _when(END) - _when(shop.events[-1]["timestamp"]) < timedelta(days=1)
    assert _when(END) == datetime(2026, 9, 30, 18, tzinfo=UTC)
