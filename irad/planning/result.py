"""A Jacobian as a plan computes it: shares by columns, shares by rows, products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad._compat.scientific import sparse
from irad.ellpack import (
    Entries,
    Slot,
    Term,
    Terms,
    dense_block,
    entries_of,
    slots_of,
)
from irad.ellpack.assembly import Product, kinds_of
from irad.ellpack.entries import Values
from irad.ellpack.propagation import Factor
from irad.planning.program import size_of

Array = Any


@dataclass(frozen=True, eq=False)
class Structure:
    """What is known of a Jacobian when it is planned.

    ``by_output`` has the Jacobian of each output in columns of the inputs,
    ``by_input`` that of each input in columns of the outputs, transposed; it is their
    sum. Columns beyond the inputs are those of ``factors``, variables whose own
    Jacobians stand apart: the Jacobian is then the sum of a part in the inputs and of
    products with those.
    """

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    by_output: tuple[Terms, ...]
    by_input: tuple[Terms, ...]
    factors: tuple[Factor, ...] = ()

    @property
    def columns(self) -> int:
        """The number of input elements."""
        return size_of(self.inputs)

    @property
    def rows(self) -> int:
        """The number of output elements."""
        return size_of(self.outputs)

    def all_terms(self) -> list[Terms]:
        """All terms whose values are needed."""
        factors = [factor.terms for factor in self.factors]
        return [*self.by_output, *self.by_input, *factors]

    def slots(self) -> list[Slot]:
        """The computed arrays among them."""
        return slots_of(*self.all_terms())

    # Dense ------------------------------------------------------------------------

    def dense(self, values: Values, dtype: Any) -> list[list[Array]]:
        """All blocks, by outputs and inputs, of shape (*output, *input)."""
        apart = self._apart(values, dtype)
        return [
            [self._block(j, i, values, apart, dtype) for i in range(len(self.inputs))]
            for j in range(len(self.outputs))
        ]

    def _block(
        self, j: int, i: int, values: Values, apart: Array | None, dtype: Any
    ) -> Array:
        y, x = self.outputs[j].aval, self.inputs[i].aval
        m, n = size_of([self.outputs[j]]), size_of([self.inputs[i]])
        first, shape = self._first(self.inputs, i), (*y.shape, *x.shape)
        total: Array | None = None
        if self.by_output and self.by_output[j]:
            terms = self.by_output[j]
            product = None
            if apart is not None:
                k = apart.shape[0]
                left = dense_block(terms, values, y.shape, self.columns, k, dtype)
                product = Product(left, apart[:, first : first + n])
            own = dense_block(terms, values, y.shape, first, n, dtype, product=product)
            total = own.reshape(shape)
        if self.by_input and self.by_input[i]:
            above = self._first(self.outputs, j)
            terms = self.by_input[i]
            rows = dense_block(terms, values, x.shape, above, m, dtype, turned=True)
            turned = rows.reshape(shape)
            total = turned if total is None else total + turned
        return jnp.zeros(shape, dtype) if total is None else total

    def _apart(self, values: Values, dtype: Any) -> Array | None:
        """The dense Jacobians of the variables set apart, one above the other."""
        if not self.factors:
            return None
        n, rows = self.columns, []
        for factor in self.factors:
            own = dense_block(factor.terms, values, factor.shape, 0, n, dtype)
            own = own.reshape(factor.size, n)
            k = factor.offset - n
            if k:
                left = dense_block(factor.terms, values, factor.shape, n, k, dtype)
                own = own + left.reshape(factor.size, k) @ jnp.concatenate(rows)
            rows.append(own)
        return jnp.concatenate(rows)

    def _first(self, variables: Sequence[Any], i: int) -> int:
        return size_of(variables[:i])

    def diagonal(self, values: Values, dtype: Any) -> Array:
        """The diagonal of a square Jacobian."""
        apart = self._apart(values, dtype)
        total = jnp.zeros(self.rows, dtype)
        sides = ((self.by_output, self.outputs), (self.by_input, self.inputs))
        for parts, variables in sides:
            first = 0
            for terms, v in zip(parts, variables, strict=False):
                shape, n = tuple(v.aval.shape), size_of([v])
                own = np.arange(first, first + n).reshape(1, *shape)
                share = jnp.zeros(shape, dtype)
                for t in terms:
                    hit = t.columns.index == own
                    if hit.any():
                        zero = jnp.zeros((), dtype)
                        share += jnp.sum(jnp.where(hit, values(t), zero), 0)
                share = share.reshape(-1)
                if apart is not None and parts is self.by_output:
                    k = apart.shape[0]
                    left = dense_block(terms, values, shape, self.columns, k, dtype)
                    right = apart[:, first : first + n]
                    share += jnp.einsum("ek,ke->e", left.reshape(n, k), right)
                total = total.at[first : first + n].add(share)
                first += n
        return total

    @property
    def computed(self) -> int:
        """The number of entries that are computed, present or not."""
        sides = ((self.by_output, self.outputs), (self.by_input, self.inputs))
        return sum(
            _computed(t, size_of([v]))
            for parts, variables in sides
            for terms, v in zip(parts, variables, strict=False)
            for t in terms
        ) + sum(t.k * factor.size for factor in self.factors for t in factor.terms)

    @property
    def is_written(self) -> bool:
        """Whether what is computed last is the dense Jacobian, but for its axes."""
        if self.factors or (self.by_output and self.by_input):
            return False
        parts, n, blocks = self.by_output, self.columns, self.inputs
        if self.by_input:
            parts, n, blocks = self.by_input, self.rows, self.outputs
        return len(blocks) == 1 and all(_is_dense(terms, n) for terms in parts)

    @property
    def additions(self) -> int:
        """The flops to add up dense shares where the Jacobian is written densely."""
        sides = (
            (self.by_output, self.outputs, self.columns),
            (self.by_input, self.inputs, self.rows),
        )
        return sum(
            kinds_of(terms, v.aval.shape, 0, n, upon=False).additions * size_of([v]) * n
            for parts, variables, n in sides
            for terms, v in zip(parts, variables, strict=False)
        )

    @property
    def stored(self) -> int:
        """The number of stored entries."""
        return sum(
            int((t.columns.index >= 0).sum())
            if not t.columns.is_uniform
            else t.k * int(np.prod(_entries_shape(t)[1:], dtype=np.int64))
            for terms in self.all_terms()
            for t in terms
        )

    # Sparse -----------------------------------------------------------------------

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of all entries, products included, in row-major order."""
        direct = self.entries(with_factors=True)
        n, width = self.columns, self.columns + sum(f.size for f in self.factors)
        shape = (self.rows, width)
        matrix = _pattern(direct.rows, direct.columns, shape)
        apart = _pattern(np.arange(n), np.arange(n), (n, n))
        for factor in self.factors:
            found = entries_of(factor.terms, factor.shape)
            own = _pattern(found.rows, found.columns, (factor.size, apart.shape[0]))
            apart = sparse().vstack([apart, own @ apart]).tocsr()
        whole = (matrix @ apart).tocsr()
        whole.sum_duplicates()
        row = np.repeat(np.arange(self.rows, dtype=np.int32), np.diff(whole.indptr))
        return row, whole.indices.astype(np.int32)

    def entries(self, *, with_factors: bool = False) -> SparseEntries:
        """The places of all entries; there are no factors, or their columns count."""
        assert with_factors or not self.factors
        rows, columns, parts = [], [], []
        for j, terms in enumerate(self.by_output):
            shape = tuple(self.outputs[j].aval.shape)
            found = entries_of(terms, shape)
            rows.append(found.rows + self._first(self.outputs, j))
            columns.append(found.columns)
            parts.append((terms, found, shape))
        for i, terms in enumerate(self.by_input):
            shape = tuple(self.inputs[i].aval.shape)
            found = entries_of(terms, shape)
            columns.append(found.rows + self._first(self.inputs, i))
            rows.append(found.columns)
            parts.append((terms, found, shape))
        row = np.concatenate(rows) if rows else np.zeros(0, np.int32)
        column = np.concatenate(columns) if columns else np.zeros(0, np.int32)
        return SparseEntries(row, column, tuple(parts))


def _is_dense(terms: Terms, n: int) -> bool:
    """Whether terms are one array with an entry in each of ``n`` columns, in order."""
    if len(terms) != 1 or not isinstance(terms[0].value, Slot):
        return False
    index, value = terms[0].columns, terms[0].value
    is_full = index.is_uniform and index.k == n == value.shape[0]
    return is_full and (index.index.reshape(-1) == np.arange(n)).all().item()


def _pattern(row: Any, column: Any, shape: tuple[int, int]) -> Any:
    return sparse().csr_array((np.ones(len(row), np.bool_), (row, column)), shape=shape)


def _computed(t: Term, size: int) -> int:
    """The entries of a term of a variable of so many elements.

    Where it is stretched over elements most of which have none, those that have count.
    """
    if t.columns.has_gaps:
        return min(t.k * size, int((t.columns.index >= 0).sum()))
    return t.k * size


def _entries_shape(t: Term) -> tuple[int, ...]:
    return t.value.shape if isinstance(t.value, Slot) else (t.k,)


@dataclass(frozen=True, eq=False)
class SparseEntries:
    """The places of a sparse Jacobian's entries, in the order of their values."""

    rows: np.ndarray
    columns: np.ndarray
    parts: tuple[tuple[Terms, Entries, tuple[int, ...]], ...]
    cache: dict[Any, Any] = field(default_factory=dict)
    """Places in other forms, by what was asked."""

    @property
    def irregular(self) -> int:
        """How many entries are gathered or added up one by one."""
        return sum(entries.irregular for _, entries, _ in self.parts)

    def values(self, values: Values, dtype: Any) -> Array:
        """The entries' values, one vector."""
        found = [e.gather(t, values, shape, dtype) for t, e, shape in self.parts]
        return jnp.concatenate(found) if found else jnp.zeros(0, dtype)

    def block(
        self, first: int, y: Sequence[int], left: int, x: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The places within one block, by axes, and which entries they are."""
        key = (first, tuple(y), left, tuple(x))
        if key not in self.cache:
            self.cache[key] = self._block(*key)
        return self.cache[key]

    def _block(
        self, first: int, y: tuple[int, ...], left: int, x: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        m, n = (int(np.prod(shape, dtype=np.int64)) for shape in (y, x))
        row, column = self.rows - first, self.columns - left
        inside = (row >= 0) & (row < m) & (column >= 0) & (column < n)
        pick = None if inside.all() else np.flatnonzero(inside)
        if pick is not None:
            row, column = row[pick], column[pick]
        axes = [
            *(np.unravel_index(row, y) if y else ()),
            *(np.unravel_index(column, x) if x else ()),
        ]
        count = (len(row), len(y) + len(x))
        places = np.stack(axes, 1) if axes else np.zeros(count)
        return places.astype(np.int32), pick

    def by_rows(self, m: int) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        """The order of the entries by rows and columns, columns and row starts."""
        if "rows" not in self.cache:
            order = np.lexsort((self.columns, self.rows))
            starts = np.searchsorted(self.rows[order], np.arange(m + 1))
            found = (order, self.columns[order], starts.astype(np.int32))
            self.cache["rows"] = found
        return self.cache["rows"]
