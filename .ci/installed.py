"""What an install of lamplighter brings along: its distributions in this environment, as far as requirements lead."""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "lamplighter"


def needs(found: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """(name, extras) of what a distribution requires on this machine."""
    for text in found.requires or ():
        wanted = Requirement(text)
        sides = [{"extra": extra} for extra in extras] or [{"extra": ""}]
        if wanted.marker is None or any(wanted.marker.evaluate(side) for side in sides):
            yield canonicalize_name(wanted.name), frozenset(wanted.extras)


def installed(extras: frozenset[str] = frozenset({"postgres"})) -> dict[str, tuple[Distribution, list[str]]]:
    """name -> (distribution, names of what it requires), of lamplighter and everything below it."""
    found: dict[str, tuple[Distribution, list[str]]] = {}
    asked: list[tuple[str, frozenset[str]]] = [(ROOT, extras)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while asked:
        name, wanted = one = asked.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            held = distribution(name)
        except PackageNotFoundError:  # of an extra that is not installed here
            continue
        below = list(needs(held, wanted))
        known = found.get(name, (held, []))[1]
        found[name] = held, sorted({*known, *(each for each, _ in below)})
        asked += below
    return found
