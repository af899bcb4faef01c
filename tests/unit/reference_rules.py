"""What the words of a rule mean, once more: slow, obvious, one person at a time, in plain Python."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from random_shop import Row
from reference_figures import under

from connector.rule_language import duration
from connector.rule_words import TOUCHES

TOLD = (
    *("title", "product_id", "family", "category", "items", "date", "order_id"),
    *("until", "because", "why", "campaign", "times", "related"),
)
AMOUNTS = ("spend", "p_alive", "expected_orders", "expected_value")
CLOSED = ("rfm_cell", "loyalty_tier", "funnel_stage", "engagement", "age_band")


@dataclass(frozen=True, kw_only=True)
class Shop:
    """What all persons share.

    Attributes:
        products: product_id -> title (fit to be shown), product_type, sensitive.
        families: family -> title, product_type, buyers, available, sensitive.
    """

    as_of: datetime
    products: Mapping[str, Row]
    families: Mapping[str, Row]

    def item(self, product_id: str | None) -> Row:
        unknown = {"title": product_id, "product_type": None, "sensitive": False}
        return self.products.get(product_id or "", unknown)


@dataclass(frozen=True, kw_only=True)
class Known:
    """Rows of one person."""

    trait: Row
    touch: list[Row] = field(default_factory=list)
    holding: list[Row] = field(default_factory=list)
    active: list[Row] = field(default_factory=list)
    due: list[Row] = field(default_factory=list)
    recommended: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    interaction: list[Row] = field(default_factory=list)


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One leaf of a rule, asked of one person for an audience that speaks to people or not."""

    shop: Shop
    known: Known
    word: str
    options: Mapping[str, Any]
    addressed: bool

    def story(self) -> Row | None:
        """What is told of the newest item the word holds for; None where it holds for none."""
        rows = [row for row in self._rows() if self._fits(row)]
        if self._of_events:
            rows = list(self._newest_of_families(self._often(rows)))
        rows.sort(key=lambda row: (row["family"] is None, row["family"] or ""))
        rows.sort(key=lambda row: row["moment"], reverse=True)
        if not rows or not self._long_ago(rows[0]["moment"]):
            return None
        item = self.shop.item(rows[0]["product_id"])
        titles = [self.shop.item(row["product_id"])["title"] for row in rows[:3]]
        return {
            "title": item["title"],
            "category": item["product_type"],
            "items": "; ".join(title for title in titles if title) if titles[0] else None,
            "related": self._related(rows[0]["family"], item["product_type"]),
            **{name: value for name, value in rows[0].items() if name in TOLD},
        }

    @property
    def _of_events(self) -> bool:
        return self.word in ("returned", "responded") or bool({"at_least", "product"} & set(self.options))

    def _rows(self) -> Iterator[Row]:
        if self._of_events:
            yield from self._events()
        elif self.word == "recommended":
            for rank, one in enumerate(self.known.recommended):
                yield {"moment": -rank, **{name: one[name] for name in ("family", "product_id", "why")}}
        elif self.word == "bought":
            yield from (self._purchase(one, one["last_purchase_at"]) for one in self.known.holding)
        elif self.word == "suppressed":
            for one in self.known.active:
                because = {"gift": "gave away", "exchanged": "bought in exchange"}.get(one["reason"], one["reason"])
                yield {**self._purchase(one, one["since"]), "until": day(one["until"]), "because": because}
        elif self.word == "replenish_due":
            product = {one["family"]: one["last_product_id"] for one in self.known.holding}
            for one in self.known.due:
                told = {"moment": one["due_at"], "date": day(one["due_at"]), "family": one["family"]}
                yield {**told, "product_id": product[one["family"]]}
        else:
            for one in self.known.touch:
                if moment := one[f"last_{TOUCHES[self.word]}_at"]:
                    told = {"family": one["family"], "product_id": one["last_product_id"]}
                    yield {**told, "moment": moment, "date": day(moment)}

    def _purchase(self, one: Row, moment: datetime | None) -> Row:
        told = {"family": one["family"], "product_id": one["last_product_id"], "order_id": one["last_order_id"]}
        return {**told, "moment": moment, "date": moment and day(moment)}

    def _events(self) -> Iterator[Row]:
        if self.word in ("bought", "returned"):
            for line in self.known.lines:
                back = line["quantity"] < 0 or line["counts"] < line["quantity"]
                if line["family"] and (line["counts"] > 0 if self.word == "bought" else back):
                    occasion = line["order_id"] or line["order_key"] or line["key"]
                    yield self._event(line, line["ordered_at"], occasion=occasion, order_id=line["order_id"])
        for one in self.known.interaction:
            responded = one["kind"] != "impression" and one["campaign"]
            if responded if self.word == "responded" else one["kind"] == TOUCHES.get(self.word) and one["family"]:
                told = {"campaign": one["campaign"]} if self.word == "responded" else {}
                yield self._event(one, one["occurred_at"], occasion=one["key"], **told)

    def _event(self, one: Row, moment: datetime, **told: Any) -> Row:
        row = {"family": one["family"], "product_id": one["product_id"], "tie": one["key"]}
        return {**row, "moment": moment, "date": day(moment), **told}

    def _fits(self, row: Row) -> bool:
        item, options = self.shop.item(row["product_id"]), self.options
        if row["moment"] is None or (self.addressed and item["sensitive"]):
            return False
        if "within" in options and row["moment"] <= self.shop.as_of - duration(options["within"]):
            return False
        if self.word in TOUCHES and not self._is_open(row):
            return False
        for name, value in (("family", "family"), ("product", "product_id"), ("campaign", "campaign")):
            if name in options and row.get(value) not in options[name]:
                return False
        types = options.get("product_type")
        return types is None or any(under(item["product_type"], one) for one in types)

    def _is_open(self, row: Row) -> bool:
        if self.addressed and (row["family"] in {one["family"] for one in self.known.active} or self._sold_out(row)):
            return False
        bought = {one["family"]: one["last_purchase_at"] for one in self.known.holding}.get(row["family"])
        since = self.options.get("not_bought_since") and bought and bought >= row["moment"]
        return not since and not (self.options.get("not_bought") and bought)

    def _sold_out(self, row: Row) -> bool:
        family = self.shop.families.get(row["family"])
        return bool(family) and not family["available"]

    def _often(self, rows: list[Row]) -> Iterator[Row]:
        groups = defaultdict(list)
        for row in rows:
            within = {"category": self.shop.item(row["product_id"])["product_type"], "family": row["family"]}
            groups[within.get(self.options.get("in_one", ""), "all")].append(row)
        for name, group in groups.items():
            times = len({row["occasion"] for row in group})
            if name is not None and times >= self.options.get("at_least", 1):
                yield from ({**row, "times": times} for row in group)

    def _newest_of_families(self, rows: Iterator[Row]) -> Collection[Row]:
        newest: dict[str | None, Row] = {}
        for row in sorted(rows, key=lambda row: (row["moment"], row["tie"])):
            newest[row["family"]] = row
        return newest.values()

    def _long_ago(self, moment: Any) -> bool:
        asked = self.options.get("not_within")
        return asked is None or moment <= self.shop.as_of - duration(asked)

    def _related(self, family: str | None, category: str | None) -> str | None:
        shown = [
            (-one["buyers"], name)
            for name, one in self.shop.families.items()
            if category
            and one["product_type"] == category
            and one["available"]
            and not one["sensitive"]
            and one["buyers"] > 0
        ]
        had = {one["family"] for one in self.known.holding} | {family}
        for _, name in sorted(shown)[:5]:
            if name not in had:
                return str(self.shop.families[name]["title"])
        return self.known.recommended[0]["title"] if self.known.recommended else None


def holds(
    shop: Shop, known: Known, rule: Mapping[str, Any], addressed: bool, told: list[Row], tell: bool = True
) -> bool:
    """Whether a rule holds; the stories of its positive leaves that do are added to `told`, in the order written."""
    ((word, value),) = rule.items()
    if word in ("all", "any"):
        return (all if word == "all" else any)([holds(shop, known, one, addressed, told, tell) for one in value])
    if word == "not":
        return not holds(shop, known, value, addressed, told, not tell)
    if word == "trait":
        return all(compare(shop, known.trait[name], asked) for name, asked in value.items())
    story = Asked(shop=shop, known=known, word=word, options=value, addressed=addressed).story()
    if story is not None and tell:
        told.append(story)
    return story is not None


def compare(shop: Shop, value: Any, asked: Mapping[str, Any]) -> bool:
    if value is None:
        return False
    checks = {
        "in": lambda operand: value in [Decimal(str(one)) if isinstance(one, float) else one for one in operand],
        "at_least": lambda operand: value >= operand,
        "at_most": lambda operand: value <= operand,
        "within": lambda operand: value > shop.as_of - duration(operand),
        "not_within": lambda operand: value <= shop.as_of - duration(operand),
    }
    return all(checks[word](operand) for word, operand in asked.items())


def said(reason: str, trait: Row, told: list[Row]) -> str:
    """The sentence kept with a membership."""
    story = {name: "none" if value is None else value for name, value in (told[0] if told else {}).items()}
    traits = {name: spoken(name, value) for name, value in trait.items()}
    return reason.format(**{**dict.fromkeys(TOLD, "none"), **traits, **story})


def spoken(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return day(value)
    if isinstance(value, bool):
        return str(value).lower()
    if name in AMOUNTS:
        return str(Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return str(value).replace("_", " ") if name in CLOSED else str(value)
