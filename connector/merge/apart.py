"""Edges that must give way so that two nodes which are said to be different do not hang together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.merge.components import labels


def holding(edges: pa.Table, apart: Sequence[tuple[str, str]]) -> pa.Table:
    """The edges [rung, a, b] less those that would tie, through others, what is to stay apart.

    Edges are taken in the order of their rung and then of their nodes, and one that would tie such a pair is left out:
    the surer edge stays, and the order of rows does not matter. Only components with such a pair are looked at.
    """
    touched = _components_with(edges, apart) if apart else []
    if not touched:
        return edges
    ordered = edges.append_column("at", pa.array(np.arange(edges.num_rows)))
    inside = ordered.filter(pc.is_in(ordered["a"], pa.array(touched, pa.string())))
    inside = inside.sort_by([("rung", "ascending"), ("a", "ascending"), ("b", "ascending")])
    refused = _refused(zip(*(inside[name].to_pylist() for name in ("at", "a", "b")), strict=True), apart)
    return edges.filter(pc.invert(pc.is_in(ordered["at"], pa.array(refused, pa.int64()))))


def _components_with(edges: pa.Table, apart: Sequence[tuple[str, str]]) -> list[str]:
    """Nodes of the components in which both nodes of a pair lie."""
    found = labels(edges)
    named = found.filter(pc.is_in(found["node"], pa.array({one for pair in apart for one in pair}, pa.string())))
    root: Mapping[str, str] = dict(zip(named["node"].to_pylist(), named["root"].to_pylist(), strict=True))
    tied = {root[one] for one, other in apart if one in root and root[one] == root.get(other)}
    nodes: list[str] = found.filter(pc.is_in(found["root"], pa.array(tied, pa.string())))["node"].to_pylist()
    return nodes


def _refused(edges: Iterable[tuple[int, str, str]], apart: Sequence[tuple[str, str]]) -> list[int]:
    """Positions of the edges that are left out, given all in their order."""
    foes, group, refused = defaultdict(set), _Groups(), []
    for one, other in apart:
        foes[one].add(other)
        foes[other].add(one)
    for at, a, b in edges:
        small, large = sorted((group.of(a), group.of(b)), key=len)
        if small is large:
            continue
        if any(foe in large for node in small for foe in foes.get(node, ())):
            refused.append(at)
        else:
            group.join(small, large)
    return refused


class _Groups:
    """Sets that grow together, the smaller into the larger."""

    def __init__(self) -> None:
        self._group: dict[str, set[str]] = {}

    def of(self, node: str) -> set[str]:
        return self._group.setdefault(node, {node})

    def join(self, small: set[str], large: set[str]) -> None:
        large |= small
        for node in small:
            self._group[node] = large
