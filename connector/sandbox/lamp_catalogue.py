"""What the lamp shop sells: 400 products in 136 families, and what goes with what."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

CURRENCY = "GBP"
METALS = ("black", "brass", "white")
FABRICS = ("linen", "charcoal", "terracotta")
TWINES = ("black", "red", "gold", "natural")
WHITES = ("2200 K", "2700 K", "3000 K", "4000 K")
PLASTICS = ("white", "black")
PACKS = ("small", "large")

_NAMES = (
    "Halo Luna Fjord Alva Nora Linden Orbit Vela Siska Morro Tarn Bryn Kite Opal Juno Sorrel Wren Dune Ember Flint "
    "Gale Hazel Iris Kelda Lark Mica"
)


@dataclass(frozen=True)
class Line:
    """One kind of article.

    Attributes:
        code: begins the ids of its products.
        path: `product_type` of the feed.
        noun: what its titles say.
        families, variants: how many families, in which variants each.
        price: cheapest and dearest, in CURRENCY.
        share: of all first choices.
        with_it: how often something of another line goes into the same basket, by code (relative).
        replenishable: used up and bought again.
    """

    code: str
    path: str
    noun: str
    families: int
    variants: tuple[str, ...]
    price: tuple[float, float]
    share: float
    with_it: dict[str, float]
    replenishable: bool = False


_LAMP = {"BUL": 6.0, "DIM": 1.0, "CAB": 0.8, "SMH": 0.7, "CAR": 0.8}

LINES = (
    Line("PEN", "Lighting > Pendant lamps", "pendant lamp", 26, METALS, (49, 389), 0.15, {**_LAMP, "SHA": 1.0}),
    Line("TAB", "Lighting > Table lamps", "table lamp", 20, METALS, (29, 219), 0.13, {**_LAMP, "SHA": 1.5}),
    Line("FLO", "Lighting > Floor lamps", "floor lamp", 14, METALS, (79, 449), 0.08, {**_LAMP, "TAB": 1.0}),
    Line("WAL", "Lighting > Wall lamps", "wall lamp", 12, METALS, (35, 189), 0.07, _LAMP),
    Line("OUT", "Lighting > Outdoor lamps", "outdoor lamp", 10, PLASTICS, (39, 259), 0.05, _LAMP),
    Line("SHA", "Shades > Lamp shades", "lamp shade", 16, FABRICS, (19, 129), 0.08, {"TAB": 1.0, "BUL": 1.5, "CAB": 1}),
    Line("CAB", "Accessories > Textile cables", "textile cable", 10, TWINES, (9, 35), 0.04, {"PEN": 1.0, "SHA": 1.0}),
    Line("DIM", "Smart home > Dimmers", "dimmer", 6, PLASTICS, (19, 79), 0.03, {"BUL": 2.0, "SMH": 1.0}),
    Line("SMH", "Smart home > Hubs and sensors", "smart hub", 8, PLASTICS, (25, 149), 0.04, {"BUL": 2.0, "DIM": 1.0}),
    Line("BUL", "Bulbs > LED bulbs", "LED bulb", 10, WHITES, (4, 19), 0.27, {"TAB": 0.6, "CAR": 1.0}, True),
    Line("CAR", "Accessories > Batteries and care", "lamp care set", 4, PACKS, (6, 15), 0.06, {"BUL": 1.0}, True),
)
"""14 of the 136 families are replenishable: 10.3 %, where worlds/online-retail has 256 of 2,417 items (10.6 %)."""


@dataclass(frozen=True)
class Product:
    """One row of the feed."""

    id: str
    item_group_id: str
    title: str
    product_type: str
    price: float
    availability: str


@dataclass(frozen=True)
class Catalogue:
    """The products, and for each its family as an index; families of a line lie side by side.

    Attributes:
        family: product -> family.
        line: family -> index into LINES.
    """

    products: tuple[Product, ...]
    family: Ints
    line: Ints

    @cached_property
    def first_product(self) -> Ints:
        """Family -> its first product; its variants follow."""
        return np.searchsorted(self.family, np.arange(len(self.line)))

    @cached_property
    def variants(self) -> Ints:
        """Family -> how many products it has."""
        return np.bincount(self.family)

    @cached_property
    def replenishable(self) -> npt.NDArray[np.bool_]:
        """Family -> whether it is used up and bought again."""
        return np.array([line.replenishable for line in LINES])[self.line]

    def index(self, product_id: str) -> int:
        """The position of a product id."""
        return next(at for at, each in enumerate(self.products) if each.id == product_id)

    def pick_variant(self, rng: np.random.Generator, family: Ints) -> Ints:
        """A product of each family; the first colours sell best."""
        return self.first_product[family] + (rng.random(len(family)) ** 1.5 * self.variants[family]).astype(np.int64)

    def pick_family(self, rng: np.random.Generator, line: Ints) -> Ints:
        """A family of each line; each is a tenth less wanted than the one before it."""
        rank = rng.geometric(0.1, len(line)) - 1
        return np.searchsorted(self.line, line) + rank % np.bincount(self.line)[line]

    def pick_line(self, rng: np.random.Generator, count: int) -> Ints:
        """What somebody comes for."""
        return rng.choice(len(LINES), count, p=np.array([line.share for line in LINES]))

    def pick_companion(self, rng: np.random.Generator, family: Ints) -> Ints:
        """What goes into the basket with each family: half of the time the one made for it."""
        likely = _companions().cumsum(axis=1)[self.line[family]]
        line = (rng.random((len(family), 1)) > likely).sum(axis=1)
        made_for_it = np.searchsorted(self.line, line) + family % np.bincount(self.line)[line]
        return np.where(rng.random(len(family)) < 0.5, made_for_it, self.pick_family(rng, line))


def _companions() -> npt.NDArray[np.float64]:
    """Line x line: how likely the second goes with the first."""
    wanted = np.array([[line.with_it.get(other.code, 0.0) for other in LINES] for line in LINES], dtype=np.float64)
    share: npt.NDArray[np.float64] = wanted / wanted.sum(axis=1, keepdims=True)
    return share


def catalogue(rng: np.random.Generator) -> Catalogue:
    """The shop's catalogue; prices and stock are drawn."""
    products: list[Product] = []
    family: list[int] = []
    lines: list[int] = []
    for at, line in enumerate(LINES):
        for number in range(line.families):
            made = _family(rng, line, number)
            products += made
            family += [len(lines)] * len(made)
            lines.append(at)
    return Catalogue(tuple(products), np.array(family), np.array(lines))


def _family(rng: np.random.Generator, line: Line, number: int) -> list[Product]:
    low, high = np.log(line.price)
    price = round(float(np.exp(rng.uniform(low, high)))) + 0.9
    group = f"{line.code}-{number + 1:02d}"
    return [
        Product(
            id=f"{group}-{variant.replace(' ', '').upper()}",
            item_group_id=group,
            title=f"{_NAMES.split()[number]} {line.noun}, {variant}",
            product_type=line.path,
            price=price,
            availability="out_of_stock" if rng.random() < 0.04 else "in_stock",
        )
        for variant in line.variants
    ]
