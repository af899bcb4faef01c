"""A linear item-to-item model in closed form, fitted to counts of co-purchase: which families foretell which.

EASE^R (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equation 8): of the people x families
matrix X of noughts and ones it takes B that comes nearest to X = X B, with nought on the diagonal and a ridge penalty:
P = (X'X + ridge I)^-1, B = I - P / diag(P). X'X are the counts.
"""

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.linalg import lapack

RIDGE = 500.0
COLUMNS_AT_ONCE = 256

Reals = npt.NDArray[np.float64]
TYPES = pa.schema([("number", pa.int32()), ("next_number", pa.int32()), ("weight", pa.float64())])


def linear_weights(family: ir.Table, together: ir.Table, families: int, kept: int) -> ir.Table:
    """[number, next_number, weight]: of each next family the `kept` weightiest others, by absolute weight.

    Three matrices of families x families doubles are held, and the time grows with the cube of `families`.

    Args:
        family: [number, base], numbered from the most bought; the first `families` take part.
        together: [a, b, both], a < b.
    """
    bases = family.filter(family.number < families).order_by("number").select("base").to_pyarrow()["base"]
    pairs = together.filter(together.b < families).select("a", "b", "both").to_pyarrow()
    gram = np.zeros((len(bases), len(bases)), order="F")
    np.fill_diagonal(gram, bases.to_numpy())
    gram[pairs["b"].to_numpy(), pairs["a"].to_numpy()] = pairs["both"].to_numpy()
    return ibis.memtable(_weightiest(closed_form(gram), kept))


def closed_form(gram: Reals) -> Reals:
    """B of X'X, which is used up and of which the lower triangle is read; column j of B says what foretells j."""
    if not len(gram):
        return gram
    gram[np.diag_indices_from(gram)] += RIDGE
    factor, _ = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    weights, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    weights += np.tril(weights, -1).T
    weights /= -np.diag(weights).copy()
    np.fill_diagonal(weights, 0)
    found: Reals = weights
    return found


def _weightiest(weights: Reals, kept: int) -> pa.Table:
    """The `kept` entries of each column that are farthest from nought, the diagonal left out."""
    most = min(kept, len(weights) - 1)
    blocks = [
        _of_columns(weights[:, start : start + COLUMNS_AT_ONCE], start, most)
        for start in range(0, len(weights) if most > 0 else 0, COLUMNS_AT_ONCE)
    ]
    parts = [np.concatenate(each) for each in zip(*blocks, strict=True)] or [np.empty(0)] * 3
    return pa.table(dict(zip(TYPES.names, parts, strict=True))).cast(TYPES)


def _of_columns(block: Reals, start: int, most: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Reals]:
    size = -np.abs(block)
    size[np.arange(start, start + block.shape[1]), np.arange(block.shape[1])] = 1  # never itself
    rows = np.argpartition(size, most - 1, axis=0)[:most]
    columns = np.broadcast_to(np.arange(block.shape[1]), rows.shape)
    return rows.ravel(), (columns + start).ravel(), block[rows, columns].ravel()
