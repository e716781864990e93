"""Linear maps: the local Jacobians that rules return, as values.

A block ``J`` maps the tangent ``t`` of one operand to its share of the tangent of one
result: ``push(t) = J t``. ``pull(c) = J^T c`` is the plain transpose, never conjugated:
the pairing is ``Re(sum(c * t))`` as in JAX. Maps hold arrays (in a template: tracers)
in their leaves and types in their static fields, so that a map is a pytree.

Elementwise operands may have rank 0 or size-1 axes against the result. Their maps
broadcast when pushed and sum over what was broadcast when pulled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
from jax import lax

from irad._compat import ir, mesh
from irad.sums import summed

Array = Any  # jax.Array, or a tracer of one


class Params(dict[str, Any]):
    """An equation's params, compared by identity: static data of a map."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A linear map from tangents of type ``domain`` to those of ``codomain``."""

    domain: Any = field(metadata={"static": True})
    codomain: Any = field(metadata={"static": True})

    def push(self, t: Array) -> Array:
        """``J t``."""
        raise NotImplementedError

    def pull(self, c: Array) -> Array:
        """``J^T c``."""
        raise NotImplementedError

    @property
    def T(self) -> Transposed:
        """The transpose: push and pull exchanged."""
        return Transposed(self.codomain, self.domain, self)

    def __matmul__(self, other: LinearMap) -> Compose:
        """The product ``self @ other``: first ``other``, then ``self``, kept lazy."""
        return Compose(other.domain, self.codomain, self, other)

    def __repr__(self) -> str:
        """The kind and both types: ``Scale[f32[3] -> f32[3]]``."""
        name = type(self).__name__
        return f"{name}[{self.domain.str_short()} -> {self.codomain.str_short()}]"


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Identity(LinearMap):
    """A copy, up to broadcasting."""

    def push(self, t: Array) -> Array:
        return broadcast_to_type(t, self.codomain)

    def pull(self, c: Array) -> Array:
        return sum_to_type(c, self.domain)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Negate(LinearMap):
    """Minus a copy, up to broadcasting."""

    def push(self, t: Array) -> Array:
        return broadcast_to_type(lax.neg(t), self.codomain)

    def pull(self, c: Array) -> Array:
        return lax.neg(sum_to_type(c, self.domain))


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Scale(LinearMap):
    """Elementwise product with ``factor``: a diagonal Jacobian kept as its diagonal."""

    factor: Array

    def push(self, t: Array) -> Array:
        return broadcast_to_type(multiply(t, self.factor), self.codomain)

    def pull(self, c: Array) -> Array:
        return sum_to_type(multiply(c, self.factor), self.domain)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Divide(LinearMap):
    """Elementwise quotient by ``divisor``, so that rounding is as in JAX."""

    divisor: Array

    def push(self, t: Array) -> Array:
        return broadcast_to_type(lax.div(t, self.divisor), self.codomain)

    def pull(self, c: Array) -> Array:
        return sum_to_type(lax.div(c, self.divisor), self.domain)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Select(LinearMap):
    """A copy where ``mask`` holds; zero, or minus a copy, elsewhere.

    An infinite or NaN tangent of an element that was not selected never gets through:
    0 * inf does not appear.
    """

    elsewhere: int = field(metadata={"static": True})
    mask: Array

    def push(self, t: Array) -> Array:
        return self._select(broadcast_to_type(t, self.codomain))

    def pull(self, c: Array) -> Array:
        return sum_to_type(self._select(c), self.domain)

    def _select(self, t: Array) -> Array:
        mask = self.mask
        if mask.ndim:
            mask = broadcast_to_shape(mask, self.codomain.shape)
        return lax.select(
            mask, t, lax.neg(t) if self.elsewhere else lax.full_like(t, 0)
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Apply(LinearMap):
    """A primitive that is linear in operand ``position``, the others held fixed.

    ``others`` are all operands, with None at ``position``. ``transpose(c, J)`` is the
    transpose, written once beside the primitive's rule; it reads ``J.domain``,
    ``J.others`` and ``J.params``.
    """

    others: tuple[Any, ...]
    primitive: Any = field(metadata={"static": True})
    params: Params = field(metadata={"static": True})
    position: int = field(metadata={"static": True})
    transpose: Callable[[Array, Apply], Array] = field(metadata={"static": True})

    def push(self, t: Array) -> Array:
        operands = list(self.others)
        operands[self.position] = t
        return bind(self.primitive, operands, self.params)

    def pull(self, c: Array) -> Array:
        return self.transpose(c, self)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Function(LinearMap):
    """A linear function written out with its transpose, over some ``leaves``.

    For a block whose push is cheaper or more stable than the primitive applied to the
    tangent: ``push_with(leaves, t)`` and ``pull_with(leaves, c)``.
    """

    leaves: Any
    push_with: Callable[[Any, Array], Array] = field(metadata={"static": True})
    pull_with: Callable[[Any, Array], Array] = field(metadata={"static": True})

    def push(self, t: Array) -> Array:
        return self.push_with(self.leaves, t)

    def pull(self, c: Array) -> Array:
        return self.pull_with(self.leaves, c)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Transposed(LinearMap):
    """The transpose of a map."""

    of: LinearMap

    def push(self, t: Array) -> Array:
        return self.of.pull(t)

    def pull(self, c: Array) -> Array:
        return self.of.push(c)

    @property
    def T(self) -> LinearMap:  # type: ignore[override]
        """The map itself."""
        return self.of


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Compose(LinearMap):
    """The product ``outer @ inner``, not multiplied out."""

    outer: LinearMap
    inner: LinearMap

    def push(self, t: Array) -> Array:
        return self.outer.push(self.inner.push(t))

    def pull(self, c: Array) -> Array:
        return self.inner.pull(self.outer.pull(c))


@dataclass(frozen=True, eq=False)
class Blocks:
    """A local Jacobian in blocks: ``rows[j][i]`` from operand i to result j."""

    rows: tuple[tuple[LinearMap | None, ...], ...]

    def push(self, tangents: Sequence[Array]) -> list[Array | None]:
        """The tangents of all results; None is a tangent known to be zero."""
        return [
            add(J.push(t) for J, t in zip(row, tangents, strict=True) if J is not None)
            for row in self.rows
        ]

    def pull(self, cotangents: Sequence[Array | None]) -> list[Array | None]:
        """The cotangents of all operands; None is a cotangent known to be zero."""
        columns = zip(*self.rows, strict=True)
        return [
            add(
                J.pull(c)
                for J, c in zip(column, cotangents, strict=True)
                if J is not None and c is not None
            )
            for column in columns
        ]


@dataclass(frozen=True, eq=False)
class Joint:
    """A primitive that is linear in several operands together, as concatenate is.

    ``domains`` has the tangent type of each operand that may be active (None for those
    that never are, such as indices), ``others`` the operands that are not linear.
    ``transpose(c, J)`` gives one cotangent, or None, for each operand.
    """

    primitive: Any
    params: Params
    domains: tuple[Any, ...]
    active: tuple[int, ...]
    others: tuple[Any, ...]
    transpose: Callable[[Array, Joint], Sequence[Array | None]]

    def push(self, tangents: Sequence[Array]) -> list[Array | None]:
        """The tangents of all results, with zeros for inactive linear operands."""
        operands = [
            x if aval is None else zeros(aval)
            for x, aval in zip(self.others, self.domains, strict=True)
        ]
        for i, t in zip(self.active, tangents, strict=True):
            operands[i] = t
        result = bind(self.primitive, operands, self.params)
        return list(result) if self.primitive.multiple_results else [result]

    def pull(self, cotangents: Sequence[Array | None]) -> list[Array | None]:
        """The cotangents of the active operands."""
        c = cotangents if self.primitive.multiple_results else cotangents[0]
        pulled = self.transpose(c, self)
        return [pulled[i] for i in self.active]


def bind(primitive: Any, operands: Sequence[Array], params: dict[str, Any]) -> Any:
    """Applies a primitive to arrays."""
    return primitive.bind(*operands, **primitive.get_bind_params(params))


def zeros(aval: Any) -> Array:
    """Zeros of a tangent type."""
    return mesh.zeros(aval)


def add(terms: Any) -> Array | None:
    """The sum of some arrays, None for no array."""
    total = None
    for term in terms:
        total = term if total is None else ir.add_any_p.bind(total, term)
    return total


def multiply(t: Array, factor: Array) -> Array:
    """``t * factor`` in the dtype of ``t``: JAX's association, cotangent first."""
    return lax.mul(t, factor)


def broadcast_to_type(t: Array, aval: Any) -> Array:
    """Broadcasts a rank-0 or size-1 operand's tangent to a result's type."""
    if t.shape == aval.shape:
        return t
    axes = tuple(range(len(aval.shape))) if t.ndim else ()
    return lax.broadcast_in_dim(t, aval.shape, axes, out_sharding=aval.sharding)


def broadcast_to_shape(t: Array, shape: tuple[int, ...]) -> Array:
    """Broadcasts an array of rank 0, or of size-1 axes, to ``shape``."""
    if t.shape == tuple(shape):
        return t
    axes = tuple(range(len(shape))) if t.ndim else ()
    return lax.broadcast_in_dim(t, shape, axes)


def sum_to_type(c: Array, aval: Any) -> Array:
    """Sums a cotangent over what was broadcast from an operand of type ``aval``."""
    if c.shape == aval.shape:
        return c
    if not aval.shape:
        return lax.reduce_sum(c, tuple(range(c.ndim)))
    axes = tuple(
        i for i, (m, n) in enumerate(zip(c.shape, aval.shape, strict=True)) if m != n
    )
    return lax.expand_dims(summed(c, axes), axes)
