"""The methods that ours is held against, in their plain form: no floors, no limits, every buyer and family counts.

Persons x families as a sparse matrix of noughts and ones. Scores are computed for some people at a time, so that
memory is bounded by BLOCK numbers, whatever the size of the shop.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp

from connector.decide.cross_sell.linear_model import closed_form
from connector.decide.cross_sell.measures import TOP

BLOCK = 10_000_000
MOST_FITTED = 5_000
"""Families up to which the linear model is fitted to all of them."""

Reals = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Scores = Callable[[sp.csr_matrix], Reals]


class Buyers:
    """Who bought what before the split.

    Args:
        pair: [person_id, family] of everybody.
        product_type: of each family that has one.
    """

    def __init__(self, pair: pa.Table, product_type: Mapping[str, str]) -> None:
        self.people, row = np.unique(pair["person_id"].to_numpy(zero_copy_only=False), return_inverse=True)
        self.families, column = np.unique(pair["family"].to_numpy(zero_copy_only=False), return_inverse=True)
        shape = (len(self.people), len(self.families))
        self.matrix = sp.csr_matrix((np.ones(len(row)), (row, column)), shape=shape)
        self.buyers = np.asarray(self.matrix.sum(axis=0)).ravel()
        types = np.array([product_type.get(family) or f"only {family}" for family in self.families])
        self.type = np.unique(types, return_inverse=True)[1] if len(types) else np.empty(0, dtype=np.int64)

    def methods(self) -> Iterator[tuple[str, Scores]]:
        """Name and scores of each rule."""
        together = (self.matrix.T @ self.matrix).tolil()
        together.setdiag(0)
        together = together.tocsr()
        norm = sp.diags(1 / np.sqrt(self.buyers))
        cosine = norm @ together @ norm
        yield "best_sellers", lambda held: np.tile(self.buyers, (held.shape[0], 1))
        yield "best_sellers_in_category", self._in_category
        yield "co_occurrence", lambda held: (held @ together).toarray()
        yield "cosine", lambda held: (held @ cosine).toarray()
        if len(self.families) <= MOST_FITTED:
            weights = closed_form((self.matrix.T @ self.matrix).toarray())
            yield "ease", lambda held: held @ weights

    def _in_category(self, held: sp.csr_matrix) -> Reals:
        """First those of the product type that the person has most of; within it by buyers."""
        kinds = sp.csr_matrix((np.ones(len(self.type)), (np.arange(len(self.type)), self.type)))
        found: Reals = (held @ kinds).toarray()[:, self.type] + self.buyers / (self.buyers.max() + 1)
        return found

    def listed(self, score: Scores, people: Ints) -> pa.Table:
        """[person_id, family, rank]: the TOP best that each of `people` (row numbers) did not have; ties by family."""
        size = max(1, BLOCK // max(1, len(self.families)))
        parts = [self._first(score, people[start : start + size]) for start in range(0, len(people), size)]
        person, family, rank = (np.concatenate(each) for each in zip(*parts, strict=True))
        names = {"person_id": self.people[person], "family": self.families[family], "rank": rank}
        return pa.table(names)

    def _first(self, score: Scores, people: Ints) -> tuple[Ints, Ints, Ints]:
        held = self.matrix[people]
        found = score(held)
        found[held.nonzero()] = -np.inf
        most = min(TOP, found.shape[1])
        least = np.partition(found, -most, axis=1)[:, -most]
        row, column = np.nonzero((found >= least[:, None]) & np.isfinite(found))
        order = np.lexsort((column, -found[row, column], row))
        row, column = row[order], column[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        return people[row[rank < most]], column[rank < most], rank[rank < most]
