"""What merge/ promises, once more: slow, obvious, one row at a time, in plain Python."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from random_shop import Row, Shop
from reference_suppression import exchanged

Key = tuple[str, str]
Group = frozenset[str]
EARLY, LATE = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def comparable(kind: str, value: str | None) -> str:
    text = (value or "").strip()
    return text.lower() if kind == "email" else text


class Groups:
    """Sets that grow together."""

    def __init__(self, members: Iterable[str]) -> None:
        self.group = {one: {one} for one in members}

    def join(self, members: Iterable[str]) -> None:
        together = set().union(*[self.group[one] for one in members])
        for one in together:
            self.group[one] = together


def held(contact: Row) -> set[Key]:
    emails = [contact.get("email"), *(contact.get("other_emails") or "").split(";")]
    found = {("email", comparable("email", one)) for one in emails}
    found |= {(kind, comparable(kind, contact.get(kind))) for kind in ("user_id", "phone")}
    return {(kind, value) for kind, value in found if value}


def _holders(contacts: list[Row]) -> dict[Key, list[Row]]:
    found = defaultdict(list)
    for contact in contacts:
        for key in held(contact):
            found[key].append(contact)
    return found


def _records(contacts: list[Row]) -> dict[Key, list[Row]]:
    """Contacts that another CRM's contacts name as themselves, with those who do."""
    there = {one["key"]: one for one in contacts}
    named = {one["same_as"] for one in contacts if one["same_as"]}
    return {
        ("record", key): [one for one in contacts if one["same_as"] == key] + [there[key]]
        for key in named
        if key in there
    }


def contact_groups(shop: Shop) -> dict[str, Group]:
    """Contact key -> all contact keys of the same person (rules 1 and 2)."""
    contacts = shop.rows["contact"]
    sure = Groups({one["key"] for one in contacts} | {one["merged_into"] for one in contacts if one["merged_into"]})
    for one in contacts:
        if one["merged_into"]:
            sure.join([one["key"], one["merged_into"]])
    holders = _holders(contacts) | _records(contacts)
    alive = _alive(contacts, sure)
    graves = Groups(sure.group)
    for key, group in sure.group.items():
        graves.join([key, *group])
    for (kind, _), owners in holders.items():
        if kind == "email":
            sure.join([one["key"] for one in owners if one["key"] in alive])
            graves.join([one["key"] for one in owners if one["key"] not in alive])
    for grave in {frozenset(group) for group in graves.group.values() if not group & alive}:
        mailboxes = [owners for (kind, _), owners in holders.items() if kind == "email"]
        heirs = {
            frozenset(sure.group[one["key"]] & alive)
            for owners in mailboxes
            if any(one["key"] in grave for one in owners)
            for one in owners
            if one["key"] in alive
        }
        sure.join(grave)
        if len(heirs) == 1:
            sure.join([*grave, *heirs.pop()])
    strict = {key: frozenset(group) for key, group in sure.group.items()}
    mailboxes = {strict[one["key"]] for one in contacts if any(kind == "email" for kind, _ in held(one))}
    for (kind, _), owners in holders.items():
        if kind != "email" and _fit(kind, owners, strict, mailboxes):
            sure.join([one["key"] for one in owners])
    return {key: frozenset(group) for key, group in sure.group.items()}


def _fit(kind: str, owners: list[Row], strict: dict[str, Group], mailboxes: set[Group]) -> bool:
    by_crm = defaultdict(set)
    for one in owners:
        by_crm[one["crm"]].add(strict[one["key"]])
    if any(len(persons) > 1 for persons in by_crm.values()):
        return False
    return kind != "phone" or len({strict[one["key"]] for one in owners} & mailboxes) <= 1


def _alive(contacts: list[Row], merged: Groups) -> set[str]:
    """Contacts that stand for somebody: those of a group with one that is neither deleted nor merged away."""
    living = {one["key"] for one in contacts if not one["deleted_at"] and not one["merged_into"]}
    return {key for key, group in merged.group.items() if group & living}


def _owners(shop: Shop) -> dict[Key, list[Row]]:
    """Identifier -> contacts that hold it: the living, else those who are gone."""
    contacts = shop.rows["contact"]
    merged = Groups({one["key"] for one in contacts} | {one["merged_into"] for one in contacts if one["merged_into"]})
    for one in contacts:
        if one["merged_into"]:
            merged.join([one["key"], one["merged_into"]])
    alive = _alive(contacts, merged)
    return {key: [one for one in owners if one["key"] in alive] or owners for key, owners in _holders(contacts).items()}


@cache
def persons(shop: Shop) -> tuple[dict[Key, str], set[Key]]:
    """(identifier -> person_id, identifiers shared by several)."""
    contacts = {one["key"]: one for one in shop.rows["contact"]}
    person: dict[Key, str] = {}
    for key, group in contact_groups(shop).items():
        seen = [contacts[one] for one in group if one in contacts]
        named = sorted(seen, key=lambda one: (one["created_at"] is None, one["created_at"] or LATE, one["key"]))
        person["contact", key] = named[0]["key"]
    owned = defaultdict(set)
    for (kind, value), owners in _owners(shop).items():
        owned[kind, value] = {person["contact", one["key"]] for one in owners}
    links = _links(shop)
    shared: set[Key] = set()
    for key in _spoken(shop, links, "email") | {key for key in owned if key[0] == "email"}:
        customers = [owned[other] for other in links[key] if other[0] == "user_id" and len(owned[other]) == 1]
        _settle(key, owned[key] or set().union(*customers) or {f"email:{key[1]}"}, person, shared)
    for key in _spoken(shop, links, "user_id") | {key for key in owned if key[0] == "user_id"}:
        ties = (
            owned[key]
            or {person[other] for other in links[key] if other in person and other[0] == "email"}
            or {f"user_id:{key[1]}"}
        )
        _settle(key, ties, person, shared)
    strong = dict(person)
    for key in {*links, *owned}:
        if key[0] not in ("email", "user_id", "contact"):
            met = {strong[other] for other in links[key] if other[0] in ("email", "user_id") and other in strong}
            _settle(key, met | (owned[key] if key[0] == "phone" else set()), person, shared)
    return person, shared


def _settle(key: Key, ties: set[str], person: dict[Key, str], shared: set[Key]) -> None:
    if len(ties) == 1:
        person[key] = next(iter(ties))
    elif ties:
        shared.add(key)


def _links(shop: Shop) -> dict[Key, set[Key]]:
    found = defaultdict(set)
    for link in shop.rows["identity_link"]:
        a = (link["a_type"], comparable(link["a_type"], link["a_value"]))
        b = (link["b_type"], comparable(link["b_type"], link["b_value"]))
        if a[1] and b[1]:
            found[a].add(b)
            found[b].add(a)
    return found


def _spoken(shop: Shop, links: dict[Key, set[Key]], kind: str) -> set[Key]:
    used = {interaction_key(one) for one in shop.rows["interaction"]}
    return {key for key in {*links, *used} if key[0] == kind and key[1]}


def interaction_key(event: Row) -> Key:
    return event["identifier_type"], comparable(event["identifier_type"], event["identifier"])


@cache
def catalogue(shop: Shop) -> dict[str, Row]:
    rows = defaultdict(list)
    for one in shop.rows["product"]:
        rows[one["product_id"]].append(one)
    return {product_id: _product(product_id, found) for product_id, found in rows.items()}


def _product(product_id: str, rows: list[Row]) -> Row:
    rows = sorted(rows, key=lambda one: one["key"])
    rows.sort(key=lambda one: one["version"], reverse=True)
    rows.sort(key=lambda one: (one["deleted_at"] is not None, one["source"] != "feed"))

    def first(name: str) -> Any:
        return next((one[name] for one in rows if one.get(name) not in (None, "")), None)

    said = first("availability") or None
    gone = all(one["deleted_at"] for one in rows)
    return {
        "product_id": product_id,
        "family": first("item_group_id") or product_id,
        "title": (first("title") or "").strip() or None,
        "product_type": first("product_type"),
        "price": first("price"),
        "currency": next((one["currency"] for one in rows if one["price"] is not None), None),
        "availability": "out_of_stock" if gone else said and said.lower().replace(" ", "_"),
        "sensitive": any(one["sensitive"] for one in rows),
    }


def replaced(heads: dict[str, Row]) -> set[str]:
    """Heads that another one stands for."""
    standing = [one for one in heads.values() if not one["deleted_at"]]
    found = {key for one in standing if one["replaces"] for key in one["replaces"].split(";")}
    there = {one["key"] for one in standing}
    return found | {one["key"] for one in standing if there & set((one["replaced_by"] or "").split(";"))}


@cache
def lines(shop: Shop, as_of: datetime) -> list[Row]:
    """Purchases and returns with person and family; guests have person_id None."""
    heads = {one["key"]: one for one in shop.rows["order_header"]}
    others = replaced(heads)
    products = {one["key"]: one["product_id"] for one in shop.rows["product"]}
    person, _ = persons(shop)
    goods = catalogue(shop)
    found = []
    for line in [*shop.rows["order_line"], *_amounts(shop, heads)]:
        head = heads.get(line["order_key"], {})
        whole = {name: head.get(name) or line[name] for name in ("order_id", "contact_key", "ordered_at", "status")}
        dropped = line["deleted_at"] or head.get("deleted_at")
        if dropped or line["order_key"] in others or whole["ordered_at"] is None or whole["ordered_at"] > as_of:
            continue
        product_id = products.get(line["product_key"]) or line["product_id"]
        family = goods[product_id]["family"] if product_id in goods else product_id
        owner = person.get(("contact", whole["contact_key"]))
        currency = line["currency"] or head.get("currency")
        found.append(
            {
                **line,
                **whole,
                "product_id": product_id,
                "family": family,
                "person_id": owner,
                "currency": currency,
                "gift": bool(head.get("gift")),
            }
        )
    once = _of_one_crm(found, heads)
    return [one for one in once if one["status"] not in ("cancelled", "open")]


def _of_one_crm(found: list[Row], heads: dict[str, Row]) -> list[Row]:
    """Of a person's lines of one order number those of the CRM with the best of them."""
    sales = defaultdict(list)
    for line in found:
        key = line["order_key"] or line["key"]
        updated = heads.get(line["order_key"], {}).get("updated_at") or EARLY
        rank = (line["key"].endswith(":amount"), -updated.timestamp(), key)
        sales[line["person_id"], line["order_id"]].append((rank, key.partition(":")[0]))
    best = {sale: min(known)[1] for sale, known in sales.items() if None not in sale}
    crms = [(line["order_key"] or line["key"]).partition(":")[0] for line in found]
    counting = [best.get((one["person_id"], one["order_id"]), crm) for one, crm in zip(found, crms, strict=True)]
    return [one for one, crm, counts in zip(found, crms, counting, strict=True) if crm == counts]


def _amounts(shop: Shop, heads: dict[str, Row]) -> list[Row]:
    """One line without product for each head that tells an amount and has no line."""
    itemised = {line["order_key"] for line in shop.rows["order_line"] if not line["deleted_at"]}
    plain = dict.fromkeys(shop.rows["order_line"][0]) if shop.rows["order_line"] else {}
    sold = [one for key, one in heads.items() if one["amount"] and key not in itemised]
    return [
        {
            **plain,
            "key": f"{one['key']}:amount",
            "order_key": one["key"],
            "quantity": Decimal(1),
            "unit_price": one["amount"],
        }
        for one in sold
    ]


@cache
def counted(shop: Shop, as_of: datetime) -> list[Row]:
    """Lines with what each adds to what its person has; items that came back twice in the telling come back once."""
    found = lines(shop, as_of)
    pools: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in sorted(found, key=lambda one: (one["ordered_at"], one["quantity"] < 0, one["key"])):
        line["counts"] = line["quantity"]
        if line["status"] == "returned" and line["quantity"] > 0:
            line["counts"] = Decimal(0)
            pools[line["person_id"], line["family"]] += line["quantity"]
            pools[line["person_id"], f"order {line['order_key']}"] += line["quantity"]
        elif line["person_id"] and line["quantity"] < 0:
            pool = line["person_id"], line["family"] or f"order {line['order_key']}"
            again = min(-line["quantity"], pools.get(pool, Decimal(0)))
            line["counts"] += again
            pools[pool] -= again
    return found


def holdings(shop: Shop, as_of: datetime) -> dict[tuple[str, str], Row]:
    pairs = defaultdict(list)
    for line in counted(shop, as_of):
        if line["person_id"] and line["family"]:
            pairs[line["person_id"], line["family"]].append(line)
    return {pair: holding(found) for pair, found in pairs.items()}


def holding(found: list[Row]) -> Row:
    bought = sorted((one for one in found if one["counts"] > 0), key=lambda one: (one["ordered_at"], one["key"]))
    returned = [one["ordered_at"] for one in found if one["quantity"] < 0 or one["counts"] < one["quantity"]]
    last = bought[-1] if bought else {}
    back = [one for one in found if one["quantity"] < 0 or one["counts"] < one["quantity"]]
    taken = max(back, key=lambda one: (one["ordered_at"], one["key"]), default={})
    at_once = [one["counts"] for one in bought if one["ordered_at"] == last["ordered_at"]]
    return {
        "net_quantity": sum((one["counts"] for one in found), Decimal(0)),
        "bought_quantity": sum((one["quantity"] for one in found if one["quantity"] > 0), Decimal(0)),
        "first_purchase_at": bought[0]["ordered_at"] if bought else None,
        "last_purchase_at": last.get("ordered_at"),
        "last_return_at": max(returned, default=None),
        "last_order_id": last.get("order_id"),
        "last_line_key": last.get("key"),
        "last_product_id": last.get("product_id"),
        "last_quantity": sum(at_once) if bought else None,
        "return_order_id": taken.get("order_id"),
        "return_line_key": taken.get("key"),
        "return_product_id": taken.get("product_id"),
        "exchanged": exchanged(found),
        "gift": bool(bought) and all(one["gift"] for one in bought),
    }


COUNTS = {
    "impression": "impressions",
    "click": "clicks",
    "view": "views",
    "cart": "carts",
    "wish": "wishes",
    "checkout": "checkouts",
}


@cache
def interactions(shop: Shop, as_of: datetime) -> list[Row]:
    """Those of known persons, with person_id and family; without a product there is no family."""
    person, _ = persons(shop)
    goods = catalogue(shop)
    found = []
    for event in shop.rows["interaction"]:
        owner, product_id = person.get(interaction_key(event)), event["product_id"]
        if owner and event["occurred_at"] <= as_of and event["consent"] is not False:
            family = goods[product_id]["family"] if product_id in goods else product_id
            found.append({**event, "person_id": owner, "family": family})
    return found


def touches(shop: Shop, as_of: datetime) -> dict[tuple[str, str], Row]:
    pairs = defaultdict(list)
    for event in interactions(shop, as_of):
        if event["product_id"]:
            pairs[event["person_id"], event["family"]].append(event)
    return {pair: _touch(found) for pair, found in pairs.items()}


def _touch(found: list[Row]) -> Row:
    counts = {column: sum(one["kind"] == kind for one in found) for kind, column in COUNTS.items()}
    lasts = {
        f"last_{kind}_at": max((one["occurred_at"] for one in found if one["kind"] == kind), default=None)
        for kind in COUNTS
    }
    newest = max(found, key=lambda one: (one["occurred_at"], one["product_id"]))
    return {**counts, **lasts, "last_product_id": newest["product_id"]}
