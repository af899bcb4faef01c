"""Connected components: which nodes hang together through a small table of edges."""

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from connector.relations import Keep, through

EDGES = pa.schema([("a", pa.string()), ("b", pa.string())])
LABELS = pa.schema([("node", pa.string()), ("root", pa.string())])


def components(keep: Keep, *edges: ir.Table) -> ir.Table:
    """[node, root] of every node that has an edge; `root` is one node of its component, the same for all of them.

    Args:
        edges: [a, b]; only nodes that share something have an edge, so they fit in memory.
    """
    return through(keep, _labels_of_all, *(each.select("a", "b").distinct() for each in edges))


def _labels_of_all(*edges: pa.Table) -> pa.Table:
    return labels(pa.concat_tables([each.cast(EDGES) for each in edges]))


def labels(every: pa.Table) -> pa.Table:
    """[node, root] of one table [a, b]."""
    ends = pa.concat_arrays([*every["a"].chunks, *every["b"].chunks, pa.array([], pa.string())]).dictionary_encode()
    codes = ends.indices.to_numpy(zero_copy_only=False)
    size, half = len(ends.dictionary), every.num_rows
    graph = coo_array((np.ones(half, dtype=bool), (codes[:half], codes[half:])), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    _, first = np.unique(label, return_index=True)
    roots = ends.dictionary.take(pa.array(first[label] if size else [], pa.int64()))
    return pa.table([ends.dictionary, roots], schema=LABELS)


def labelled(nodes: ir.Table, found: ir.Table) -> ir.Table:
    """[key] -> [key, root]: a node without an edge is its own root."""
    joined = nodes.left_join(found, nodes.key == found.node)
    return joined.select(nodes.key, root=found.root.coalesce(nodes.key))
