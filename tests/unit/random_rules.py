"""Random rules as an admin might write them, and the same with a slip of the pen."""

import random
from typing import Any

from connector.rule_words import CLOSED, COMPARISONS, GROUPS, OPTIONS, TRAITS

LENGTHS = ("6h", "4d", "10d", "2w", "30d")
PRODUCTS = tuple(f"p{number}" for number in range(12))
FAMILIES = tuple(f"f{number}" for number in range(6))
CATEGORIES = ("Lamps", "Lamps > Pendant", "Rugs", "Home")
CAMPAIGNS = ("Autumn", "Mail 7")
TEXTS = {
    "country": ("DE", "GB"),
    "city": ("Ulm",),
    "gender": ("f", "m"),
    "region": ("BY",),
    "lifecycle_stage": ("lead",),
}
NUMBERS = (0, 1, 2, 3.5, 40)


def random_rule(chance: random.Random, depth: int = 2) -> dict[str, Any]:
    """A valid rule, as written; at most `depth` of all, any and not stand within each other."""
    word = chance.choice(("all", "any", "not", "trait", *OPTIONS, *OPTIONS))
    if word in ("all", "any", "not") and depth == 0:
        word = "trait"
    if word in ("all", "any"):
        return {word: [random_rule(chance, depth - 1) for _ in range(chance.randint(1, 3))]}
    if word == "not":
        return {word: random_rule(chance, depth - 1)}
    return {word: _traits(chance) if word == "trait" else _options(chance, word)}


def _options(chance: random.Random, word: str) -> Any:
    chosen = set(chance.sample(OPTIONS[word], chance.choice((0, 1, 1, 2, 3)) % (len(OPTIONS[word]) + 1)))
    if "category" in chosen:
        chosen.discard("product_type")
    if "in_one" in chosen:
        chosen.add("at_least")
    return {name: _option(chance, name) for name in sorted(chosen)} or chance.choice((True, None, {}))


def _option(chance: random.Random, name: str) -> Any:
    names = {"product": PRODUCTS, "family": FAMILIES, "campaign": CAMPAIGNS}
    if name in ("within", "not_within"):
        return chance.choice(LENGTHS)
    if name == "at_least":
        return chance.randint(1, 3)
    if name == "in_one":
        return chance.choice(GROUPS)
    if name.startswith("not_"):
        return True
    return _some(chance, names.get(name, CATEGORIES))


def _some(chance: random.Random, values: Any) -> Any:
    """One of them, or a list."""
    return chance.choice((chance.choice(values), chance.sample(values, min(2, len(values)))))


def _traits(chance: random.Random) -> dict[str, Any]:
    return {name: _trait(chance, name) for name in chance.sample(sorted(TRAITS), chance.choice((1, 1, 2)))}


def _trait(chance: random.Random, name: str) -> Any:
    kind = TRAITS[name]
    if kind == "flag":
        return chance.choice((True, False, [True, False]))
    if kind == "text":
        return _some(chance, CLOSED.get(name) or TEXTS[name])
    if kind == "number" and chance.random() < 0.3:
        return _some(chance, NUMBERS)
    values = LENGTHS if kind == "time" else NUMBERS
    words = chance.sample(COMPARISONS[kind], chance.choice((1, 1, 2)))
    return {word: chance.choice(values) for word in words}


SLIPS = (
    *(True, False, None, 0, 1, -3, 2.5, 10**13, "", "x", "0d", "30 d", "99999w", "36500d", "36501d", "5215w", "30"),
    *([], {}, ["x"], [1], [True], [None], {"within": "3d"}, {"at_least": 1}, {"at_least": [1]}, {"top": 3}),
    *("category", "Lamps", ["gold", "silver"], "gold", {"viewed": True}, [{"viewed": True}], {"trait": {"orders": 2}}),
)
WORDS = (
    *OPTIONS["viewed"],
    "trait",
    "all",
    "any",
    "not",
    "each_family",
    "viewed",
    "within",
    "vieved",
    "orders",
    "gold",
)


def slipped(chance: random.Random, value: Any) -> Any:
    """The same with one thing changed: a value, a name, something left out or something more."""
    inner = [*value.items()] if isinstance(value, dict) else [*enumerate(value)] if isinstance(value, list) else []
    if inner and chance.random() < 0.75:
        key, part = chance.choice(inner)
        changed = slipped(chance, part)
        if isinstance(value, list):
            return [changed if index == key else one for index, one in enumerate(value)]
        return {**value, key: changed}
    if isinstance(value, dict):
        return chance.choice((_renamed, _longer, _shorter, _other))(chance, value)
    return chance.choice(SLIPS)


def _renamed(chance: random.Random, value: dict[str, Any]) -> Any:
    old = chance.choice([*value, None])
    return {chance.choice(WORDS) if name == old else name: one for name, one in value.items()}


def _longer(chance: random.Random, value: dict[str, Any]) -> Any:
    return {**value, chance.choice(WORDS): chance.choice(SLIPS)}


def _shorter(chance: random.Random, value: dict[str, Any]) -> Any:
    left_out = chance.choice([*value, None])
    return {name: one for name, one in value.items() if name != left_out}


def _other(chance: random.Random, value: dict[str, Any]) -> Any:
    return chance.choice(SLIPS)
