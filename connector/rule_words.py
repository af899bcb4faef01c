"""The words of an audience's rule: what a shop may write, and what each tells of the item behind it."""

from collections.abc import Mapping

TOUCHES = {"viewed": "view", "carted": "cart", "wished": "wish", "clicked": "click", "saw_ad": "impression"}
"""Word -> kind of interaction."""

CELLS = (
    "champions",
    "loyal",
    "potential_loyalist",
    "new",
    "promising",
    "need_attention",
    "about_to_sleep",
    "at_risk",
    "cant_lose",
    "hibernating",
)
TIERS = ("gold", "silver", "bronze")
FUNNEL_STAGES = ("lead", "prospect", "first_time", "repeat", "lapsed")
ENGAGEMENT = ("high", "medium", "low", "none")
AGE_BANDS = ("under 18", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")

CLOSED = {
    "rfm_cell": CELLS,
    "loyalty_tier": TIERS,
    "funnel_stage": FUNNEL_STAGES,
    "engagement": ENGAGEMENT,
    "age_band": AGE_BANDS,
}
"""Trait -> all the values it can have."""

TRAITS = {
    **dict.fromkeys(("country", "region", "city", "gender", "lifecycle_stage", *CLOSED), "text"),
    **dict.fromkeys(("age", "orders", "spend", "recency", "frequency", "monetary"), "number"),
    **dict.fromkeys(("p_alive", "expected_orders", "expected_value"), "number"),
    **dict.fromkeys(("created_at", "first_order_at", "last_order_at", "last_interaction_at"), "time"),
    **dict.fromkeys(("email_opt_out", "ads_consent", "profiling_opt_out"), "flag"),
}
"""Columns of `trait` that a rule may ask for, and what kind of value they hold."""

COMPARISONS = {"text": (), "flag": (), "number": ("at_least", "at_most"), "time": ("within", "not_within")}
"""Kind of trait -> what it can be compared by, besides being one of some values."""
ORDERED = tuple(name for name, kind in TRAITS.items() if kind in ("number", "time"))
"""Traits that can say who comes first."""

SAME = {"category": "product_type"}
"""Another word for the same option."""
GROUPS = ("category", "family")
"""What `in_one` may count within."""

_ITEM = ("product_type", "category", "family")
_EVENT = ("within", "not_within", "at_least")
_COUNTED = (*_EVENT, "in_one", "product", *_ITEM)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "bought": _COUNTED,
    "returned": _COUNTED,
    **dict.fromkeys(TOUCHES, (*_COUNTED, "not_bought", "not_bought_since")),
    "responded": (*_EVENT, "campaign"),
    "suppressed": ("within", *_ITEM),
    "replenish_due": ("within", *_ITEM),
    "recommended": _ITEM,
}
"""Word about a person and an item -> its options."""

_NAMED = ("title", "product_id", "family", "category", "items")
SUPPRESSED = (*_NAMED, "date", "order_id", "until", "because")
STORY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TOUCHES, (*_NAMED, "date", "related")),
    "bought": (*_NAMED, "date", "order_id", "related"),
    "returned": (*_NAMED, "date", "order_id"),
    "responded": ("campaign", "date"),
    "suppressed": SUPPRESSED,
    "replenish_due": (*_NAMED, "date"),
    "recommended": (*_NAMED, "why"),
}
"""Word about a person and an item -> what a reason may say of it."""
TIMES = "times"
"""What a reason may say besides, where the rule asks how often."""

EACH_FAMILY = "each_family"
RULES = ("all", "any", "not", "trait", *OPTIONS)
