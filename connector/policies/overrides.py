"""mappings/same.yaml: what the shop itself says is the same item, or is not, and how else its ids are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from connector import yaml_text
from connector.rule_language import Where, fields, keyed, unknown
from connector.yaml_text import YamlText

SECTIONS = ("same", "different", "aliases", "forms")
PARTS = ("product", "variant")

Lists = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to write an id: `shopify_US_{product}_{variant}` is the prefix, then two parts with `_` between.

    Attributes:
        parts: what stands in braces, in order: `variant` is a product id, `product` an item_group_id.
        between: the text between two parts; the first one ends where it first occurs.
    """

    prefix: str
    parts: tuple[str, ...]
    between: str = ""
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """Attributes:
    same, different: lists of product ids or item_group_ids; each list is one item, or as many as it has ids.
    aliases: (another name, id): how the CRM, the ads or the page events call a product or a group.
    forms: ways to write an id that stand for all ids.
    """

    same: Lists = ()
    different: Lists = ()
    aliases: tuple[tuple[str, str], ...] = ()
    forms: tuple[Form, ...] = ()

    @property
    def apart(self) -> list[tuple[str, str]]:
        """Every two ids that are not the same."""
        return [pair for ids in self.different for pair in combinations(ids, 2)]

    @property
    def joined(self) -> list[tuple[str, str]]:
        """Every two ids that `same` joins, each with the first of its list."""
        return [(one, ids[0]) for ids in self.same for one in ids[1:]]


def load_overrides(home: Path | None) -> Overrides:
    """The home's `mappings/same.yaml`, else the packaged one, which says nothing. Raises SetupError."""
    return read_overrides(yaml_text.load("same", home))


def read_overrides(text: YamlText) -> Overrides:
    """Parsed YAML, checked.

    Raises:
        SetupError: naming file, line and field; also where `different` parts what `same` and `aliases` join.
    """
    top = keyed(text, (), text.data, SECTIONS)
    overrides = Overrides(
        same=_lists(text, ("same",), top.get("same")),
        different=_lists(text, ("different",), top.get("different")),
        aliases=_aliases(text, ("aliases",), top.get("aliases")),
        forms=_forms(text, ("forms",), top.get("forms")),
    )
    _agreeing(text, overrides)
    return overrides


def _listed(text: YamlText, where: Where, value: Any) -> Sequence[Any]:
    if value is not None and not isinstance(value, list):
        raise text.error(where, "here must be a list")
    return value or []


def _lists(text: YamlText, where: Where, value: Any) -> Lists:
    return tuple(_ids(text, (*where, index), one) for index, one in enumerate(_listed(text, where, value)))


def _ids(text: YamlText, where: Where, value: Any) -> tuple[str, ...]:
    ids = [_id(text, where, one) for one in _listed(text, where, value)]
    if len(set(ids)) < 2 or len(set(ids)) < len(ids):
        raise text.error(where, "here must be two different ids or more, as in [A, B]")
    return tuple(ids)


def _id(text: YamlText, where: Where, value: Any) -> str:
    """YAML would read 0123 as the number 83 and NO as false, so only text will do."""
    if not isinstance(value, str) or not value.strip():
        raise text.error(where, f"{value!r} must be an id in quotes")
    return value.strip()


def _aliases(text: YamlText, where: Where, value: Any) -> tuple[tuple[str, str], ...]:
    if value is not None and not isinstance(value, dict):
        raise text.error(where, "here must be other names with the id each stands for, as in  OLD-1: NEW-1")
    pairs = [(_id(text, where, name), _id(text, (*where, str(name)), one)) for name, one in (value or {}).items()]
    return tuple(pair for pair in pairs if pair[0] != pair[1])


def _forms(text: YamlText, where: Where, value: Any) -> tuple[Form, ...]:
    return tuple(_form(text, (*where, index), one) for index, one in enumerate(_listed(text, where, value)))


def _form(text: YamlText, where: Where, value: Any) -> Form:
    written = _id(text, where, value)
    try:
        named = tuple(fields(written))
    except ValueError as error:
        raise text.error(where, str(error)) from None
    for name in named:
        if name not in PARTS:
            raise unknown(text, where, name, PARTS)
    literal = [written]
    for name in named:
        literal[-1:] = literal[-1].split(f"{{{name}}}", 1)
    if not named or len(set(named)) < len(named) or not any(literal) or "" in literal[1:-1]:
        raise text.error(where, "a form is text around {variant} or {product}, each once, with text between the two")
    return Form(prefix=literal[0], parts=named, between="".join(literal[1:-1]), suffix=literal[-1])


def _agreeing(text: YamlText, overrides: Overrides) -> None:
    item: dict[str, str] = {}

    def of(name: str) -> str:
        while name in item:
            name = item[name]
        return name

    for one, other in (*overrides.joined, *overrides.aliases):
        if of(one) != of(other):
            item[of(one)] = of(other)
    for index, ids in enumerate(overrides.different):
        for one, other in combinations(ids, 2):
            if of(one) == of(other):
                raise text.error(("different", index), f"{one!r} and {other!r} are the same by this file's other lines")
