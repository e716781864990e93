"""A Jacobian as a linear operator that keeps its structure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from irad._compat import scientific
from irad.compression.picture import SparsityPattern
from irad.ellpack import Slot, Term, Terms, values_of
from irad.ellpack.entries import Values
from irad.ellpack.terms import Columns
from irad.planning.result import Structure

Array = Any


@dataclass(frozen=True, eq=False)
class _Variable:
    """A variable known by its type."""

    aval: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Jacobian:
    """A Jacobian as a linear map between trees; a pytree of its arrays.

    ``J @ t`` is the tangent of the outputs for a tangent ``t`` of the inputs, a tree
    like them; ``J.T @ c`` the cotangent of the inputs for a cotangent of the outputs
    (the plain transpose). Either costs about two flops for each stored entry.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> J = irad.jacobian(jnp.sin, format="operator")(jnp.zeros(3))
        >>> (J @ jnp.ones(3)).tolist()
        [1.0, 1.0, 1.0]
    """

    arrays: tuple[Array, ...]
    slots: tuple[int, ...] = field(metadata={"static": True})
    structure: Structure = field(metadata={"static": True})
    avals: tuple[Any, Any] = field(metadata={"static": True})
    trees: tuple[Any, Any] = field(metadata={"static": True})

    @property
    def shape(self) -> tuple[int, int]:
        """Output elements by input elements."""
        return self.structure.rows, self.structure.columns

    @property
    def domain(self) -> Any:
        """The types of the inputs, a tree of ``jax.ShapeDtypeStruct``."""
        return self._types(0)

    @property
    def codomain(self) -> Any:
        """The types of the outputs, a tree of ``jax.ShapeDtypeStruct``."""
        return self._types(1)

    def _types(self, side: int) -> Any:
        leaves = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in self.avals[side]]
        return jax.tree_util.tree_unflatten(self.trees[side], leaves)

    @property
    def _dtype(self) -> Any:
        return self.avals[0][0].dtype

    @cached_property
    def _values(self) -> Values:
        return values_of(dict(zip(self.slots, self.arrays, strict=True)))

    @property
    def T(self) -> Transposed:
        """The transpose, as an operator."""
        return Transposed(self)

    def __matmul__(self, t: Any) -> Any:
        """The product with a tangent: a tree like the inputs."""
        leaves = _leaves(t, self.trees[0], self.avals[0], "J @ t")
        outs = self._push(leaves)
        return jax.tree_util.tree_unflatten(self.trees[1], outs)

    def _push(self, t: Sequence[Array]) -> list[Array]:
        s, flat = self.structure, _flat(t)
        for factor in s.factors:
            own = _apply(factor.terms, self._values, factor.shape, flat)
            flat = jnp.concatenate([flat, own.reshape(-1)])
        outs = []
        for j, aval in enumerate(self.avals[1]):
            terms = s.by_output[j] if s.by_output else ()
            outs.append(_apply(terms, self._values, aval.shape, flat))
        if s.by_input:
            share = jax.linear_transpose(self._gather_rows, _flat(outs))(list(t))[0]
            outs = _unflat(_flat(outs) + share, self.avals[1])
        return [y.astype(a.dtype) for y, a in zip(outs, self.avals[1], strict=True)]

    def _gather_rows(self, c: Array) -> list[Array]:
        """The share of ``J.T @ c`` that is stored by inputs."""
        pairs = zip(self.structure.by_input, self.avals[0], strict=True)
        return [_apply(terms, self._values, a.shape, c) for terms, a in pairs]

    def dense(self) -> Any:
        """All blocks as arrays, in the tree of outputs by inputs."""
        blocks = self.structure.dense(self._values, self._dtype)
        rows = [jax.tree_util.tree_unflatten(self.trees[0], row) for row in blocks]
        return jax.tree_util.tree_unflatten(self.trees[1], rows)

    def as_matrix(self) -> Array:
        """The matrix of shape ``J.shape``: outputs and inputs flattened in order."""
        blocks = self.structure.dense(self._values, self._dtype)
        return jnp.block(
            [
                [
                    block.reshape(y.size, x.size)
                    for block, x in zip(row, self.avals[0], strict=True)
                ]
                for row, y in zip(blocks, self.avals[1], strict=True)
            ]
        )

    def diagonal(self) -> Array:
        """The diagonal of the matrix, without forming it; the matrix must be square."""
        m, n = self.shape
        if m != n:
            raise ValueError(f"a Jacobian of {m} x {n} elements has no diagonal")
        return self.structure.diagonal(self._values, self._dtype)

    @property
    def pattern(self) -> SparsityPattern:
        """Where the matrix has entries: stored ones, and those of products."""
        row, column = self.structure.places()
        return SparsityPattern(row, column, self.shape)

    def as_lineax(self, tags: Iterable[object] = ()) -> Any:
        """The same map as an operator of lineax, for ``lineax.linear_solve``.

        It is tagged as diagonal, tridiagonal or triangular where the pattern says so;
        ``tags`` are what else is known, such as ``lineax.symmetric_tag``.

        Raises:
            ImportError: lineax is not installed.
        """
        lineax = scientific.lineax()
        found = {*tags, *(getattr(lineax, f"{name}_tag") for name in self._shapes)}
        return lineax.FunctionLinearOperator(self.__matmul__, self.domain, found)

    @property
    def _shapes(self) -> list[str]:
        """What lineax calls the shapes of the matrix that its pattern has."""
        m, n = self.shape
        if m != n:
            return []
        row, column = self.structure.places()
        offset = column.astype(np.int64) - row
        low, high = offset.min(initial=0), offset.max(initial=0)
        shapes = {
            "diagonal": low == high == 0,
            "tridiagonal": low >= -1 and high <= 1,
            "lower_triangular": high == 0,
            "upper_triangular": low == 0,
        }
        return [name for name, holds in shapes.items() if holds]

    def __repr__(self) -> str:
        """Shape and stored entries."""
        m, n = self.shape
        return f"Jacobian({m} x {n}, {self.structure.stored} stored entries)"


@dataclass(frozen=True, eq=False, repr=False)
class Transposed:
    """The transpose of a Jacobian."""

    of: Jacobian

    @property
    def shape(self) -> tuple[int, int]:
        """Input elements by output elements."""
        m, n = self.of.shape
        return n, m

    @property
    def T(self) -> Jacobian:
        """The Jacobian itself."""
        return self.of

    def __matmul__(self, c: Any) -> Any:
        """The product with a cotangent: a tree like the outputs."""
        J = self.of
        leaves = _leaves(c, J.trees[1], J.avals[1], "J.T @ c")
        zeros = [jnp.zeros(a.shape, a.dtype) for a in J.avals[0]]
        (pulled,) = jax.linear_transpose(J._push, zeros)(leaves)  # pyright: ignore
        return jax.tree_util.tree_unflatten(J.trees[0], pulled)

    def __repr__(self) -> str:
        """That of the Jacobian, transposed."""
        return f"{self.of!r}.T"


def from_blocks(blocks: Any, avals: Any, trees: Any) -> Jacobian:
    """The operator of dense blocks."""
    inputs, outputs = (tuple(map(_Variable, side)) for side in avals)
    by_output, arrays = [], []
    for j, row in enumerate(blocks):
        terms: list[Term] = []
        first = 0
        for x, block in zip(avals[0], row, strict=True):
            shape = avals[1][j].shape
            index = np.arange(first, first + x.size, dtype=np.int32)
            columns = Columns(index.reshape(-1, *[1] * len(shape)))
            slot = Slot(len(arrays), (x.size, *shape))
            arrays.append(jnp.moveaxis(block.reshape(*shape, x.size), -1, 0))
            terms.append(Term(columns, slot))
            first += x.size
        by_output.append(tuple(terms))
    structure = Structure(inputs, outputs, tuple(by_output), ())
    return Jacobian(tuple(arrays), tuple(range(len(arrays))), structure, avals, trees)


def _leaves(tree: Any, structure: Any, avals: Sequence[Any], what: str) -> list[Array]:
    leaves, found = jax.tree_util.tree_flatten(tree)
    if found != structure:
        raise ValueError(f"{what} takes a tree like {structure}, got {found}")
    arrays = [jnp.asarray(x) for x in leaves]
    for x, aval in zip(arrays, avals, strict=True):
        if x.shape != aval.shape:
            raise ValueError(
                f"{what} takes an array of shape {aval.shape}, got {x.shape}"
            )
    return [x.astype(a.dtype) for x, a in zip(arrays, avals, strict=True)]


def _flat(arrays: Sequence[Array]) -> Array:
    return jnp.concatenate([x.reshape(-1) for x in arrays])


def _unflat(flat: Array, avals: Sequence[Any]) -> list[Array]:
    found, first = [], 0
    for aval in avals:
        found.append(flat[first : first + aval.size].reshape(aval.shape))
        first += aval.size
    return found


def _apply(terms: Terms, values: Values, shape: Sequence[int], flat: Array) -> Array:
    """``sum over k of values[k, e] * flat[columns[k, e]]``."""
    total: Array = jnp.zeros(tuple(shape), flat.dtype)
    for t in terms:
        total = total + _product(t, values(t), shape, flat)
    return total


def _product(t: Term, v: Any, shape: Sequence[int], flat: Array) -> Array:
    index = t.columns.index
    if t.columns.has_gaps:
        # What is computed where no entry is may be infinite.
        v = jnp.where(index >= 0, v, jnp.zeros((), flat.dtype))
    if t.columns.is_uniform:
        taken = _taken(flat, index.reshape(-1))
        if not np.ndim(v):
            return jnp.broadcast_to(v * jnp.sum(taken), tuple(shape))
        v = jnp.broadcast_to(v, (t.k, *v.shape[1:]))
        product = jnp.tensordot(taken, v, 1)
        return jnp.broadcast_to(product, tuple(shape))
    share = _taken(flat, index.reshape(-1)).reshape(index.shape) * v
    return jnp.broadcast_to(jnp.sum(share, 0), tuple(shape))


def _taken(flat: Array, index: np.ndarray) -> Array:
    """Elements of a vector, zero where the index is -1; runs are slices."""
    first = int(index[0]) if index.size else 0
    if index.size and first >= 0 and (np.diff(index) == 1).all():
        return flat[first : first + index.size]
    taken = flat[np.maximum(index, 0)]
    if (index >= 0).all():
        return taken
    return jnp.where(index >= 0, taken, jnp.zeros((), flat.dtype))
