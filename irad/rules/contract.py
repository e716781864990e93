"""Rules of the contractions: dot products, ragged dot products, convolutions.

Each is linear in its left operand and in its right one. A transpose contracts the
cotangent with the other operand over the axes that only the other one had, and puts the
axes of the result in the operand's order. ``precision`` and ``preferred_element_type``
carry over, as in JAX.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec, get_abstract_mesh

from irad._compat import mesh
from irad._compat.primitives import ragged_dot_general_p, scaled_dot_p
from irad.linear_map import Apply, Array, zeros
from irad.rules.registry import Jacobian, Rule, by_case, linear, linear_in, unsupported

Axes = list[int]


def _rest(rank: int, *taken: Iterable[int]) -> Axes:
    """The axes of an array that none of the lists in ``taken`` names."""
    named = {axis for axes in taken for axis in axes}
    return [axis for axis in range(rank) if axis not in named]


def _count_off(*lengths: int) -> list[Axes]:
    """Consecutive ranges of axes: how the axes of a product follow each other."""
    ends = np.cumsum(lengths)
    return [
        list(range(end - n, end)) for n, end in zip(lengths, ends.tolist(), strict=True)
    ]


def _matching(axes: Sequence[int], partners: Sequence[int]) -> Axes:
    """``axes`` in the ascending order of their ``partners`` in the other operand."""
    return [axes[i] for i in np.argsort(partners)]


def _as_operand(product: Array, order: Axes, aval: Any) -> Array:
    """A product whose axes are the operand's axes in ``order``, as the operand."""
    if order != sorted(order):
        product = lax.transpose(product, np.argsort(order))
    return _converted(product, aval)


def _converted(c: Array, aval: Any) -> Array:
    """A cotangent in the operand's dtype: the real part for a real operand."""
    if c.dtype == aval.dtype:
        return c
    if _is_complex(c.dtype) and not _is_complex(aval.dtype):
        c = lax.real(c)
    return lax.convert_element_type(c, aval.dtype)


def _is_complex(dtype: Any) -> bool:
    return np.issubdtype(dtype, np.complexfloating)


def _sharding(aval: Any, order: Axes) -> NamedSharding:
    """The sharding of a product whose axes are the operand's axes in ``order``."""
    sharding = aval.sharding
    if sharding.mesh.empty:
        return NamedSharding(get_abstract_mesh(), PartitionSpec(*[None] * len(order)))
    parts = tuple(sharding.spec[axis] for axis in order)
    return sharding.update(spec=sharding.spec.update(partitions=parts))


# Dot products -------------------------------------------------------------------------


def _other_factor(c: Array, J: Apply) -> Array:
    """The cotangent contracted with the other operand of a ``dot_general``.

    The axes of the result are batch, kept on the left, kept on the right. The cotangent
    comes first in the product, but where the other order saves a transposition.
    """
    x, y = J.domain, J.others[1 - J.position]
    pairs, batches = J.params["dimension_numbers"]
    x_contract, y_contract = pairs[J.position], pairs[1 - J.position]
    x_batch, y_batch = batches[J.position], batches[1 - J.position]
    x_kept = _rest(len(x.shape), x_contract, x_batch)
    y_kept = _rest(y.ndim, y_contract, y_batch)
    kept = [x_kept, y_kept][:: 1 - 2 * J.position]
    c_batch, *c_kept = _count_off(len(x_batch), *map(len, kept))
    c_from_y = c_kept[1 - J.position]
    contracted = _matching(x_contract, y_contract)
    order = [*x_batch, *x_kept, *contracted]
    swapped = [*x_batch, *contracted, *x_kept]
    operands = (c, y), ((c_from_y, y_kept), (c_batch, y_batch))
    if swapped == sorted(swapped) and _is_symmetric(J.params["precision"]):
        order = swapped
        operands = (y, c), ((y_kept, c_from_y), (y_batch, c_batch))
    product = lax.dot_general(
        *operands[0],
        operands[1],
        precision=J.params["precision"],
        preferred_element_type=J.params["preferred_element_type"],
        out_sharding=_sharding(x, order),
    )
    return _as_operand(product, order, x)


def _is_symmetric(precision: Any) -> bool:
    """Whether a precision says the same of both operands."""
    if isinstance(precision, tuple):
        return precision[0] == precision[1]
    return precision is None or isinstance(precision, lax.Precision)


linear(lax.dot_general_p, _other_factor, _other_factor)


# Ragged dot products ------------------------------------------------------------------


def _by_rows(c: Array, J: Apply) -> Array:
    """The transpose where the rows of the left operand fall into groups.

    ``z[m, n] = sum_k x[m, k] y[group of m, k, n]``: in ``x`` a product of the same
    kind, in ``y`` one with a result for each group.
    """
    dims = J.params["ragged_dot_dimension_numbers"]
    (pairs, batches), groups = dims.dot_dimension_numbers, dims.rhs_group_dimensions
    x_rank, y_rank = (len(a.shape) for a in _both(J))
    x_kept = _rest(x_rank, pairs[0], batches[0])
    y_kept = _rest(y_rank, pairs[1], batches[1], groups)
    c_batch, c_x, c_y = _count_off(len(batches[0]), len(x_kept), len(y_kept))
    ragged = dims.lhs_ragged_dimensions[0]
    if J.position == 0:
        numbers = ((c_y, y_kept), (c_batch, batches[1]))
        row = c_x[x_kept.index(ragged)]
        order = [*batches[0], *x_kept, *_matching(pairs[0], pairs[1])]
        return _ragged(c, J.others[1], numbers, row, groups, order, J)
    numbers = ((x_kept, c_x), (batches[0], c_batch))
    order = [*groups, *batches[1], *_matching(pairs[1], pairs[0]), *y_kept]
    return _ragged(J.others[0], c, numbers, ragged, [], order, J)


def _by_terms(c: Array, J: Apply) -> Array:
    """The transpose where the terms of the sum fall into groups, each with a result.

    ``z[g, m, n] = sum of x[m, k] y[k, n] over k in group g``. In either operand it is a
    product in which the rows ``k`` of the other one fall into groups. JAX has none.
    """
    dims = J.params["ragged_dot_dimension_numbers"]
    pairs, batches = dims.dot_dimension_numbers
    mine, other = J.position, 1 - J.position
    kept = [_rest(len(a.shape), pairs[i], batches[i]) for i, a in enumerate(_both(J))]
    _, c_batch, *c_kept = _count_off(1, len(batches[0]), *map(len, kept))
    ragged = pairs[other][pairs[0].index(dims.lhs_ragged_dimensions[0])]
    if J.others[2].ndim > 1 and sorted(pairs[other]) != list(pairs[other]):
        raise NotImplementedError(
            "the transpose of ragged_dot_general with group sizes for each of several "
            "contracted axes needs these axes in ascending order"
        )
    numbers = ((kept[other], c_kept[other]), (batches[other], c_batch))
    order = [*batches[mine], *_matching(pairs[mine], pairs[other]), *kept[mine]]
    return _ragged(J.others[other], c, numbers, ragged, [0], order, J)


def _by_batches(c: Array, J: Apply) -> Array:
    """The transpose where the batches fall into groups. JAX has none."""
    dims = J.params["ragged_dot_dimension_numbers"]
    pairs, batches = dims.dot_dimension_numbers
    mine, other = J.position, 1 - J.position
    kept = [_rest(len(a.shape), pairs[i], batches[i]) for i, a in enumerate(_both(J))]
    c_batch, *c_kept = _count_off(len(batches[0]), *map(len, kept))
    ragged = c_batch[batches[0].index(dims.lhs_ragged_dimensions[0])]
    numbers = ((c_kept[other], kept[other]), (c_batch, batches[other]))
    order = [*batches[mine], *kept[mine], *_matching(pairs[mine], pairs[other])]
    return _ragged(c, J.others[other], numbers, ragged, [], order, J)


def _both(J: Apply) -> list[Any]:
    """The left and the right operand, a type standing for the one that is linear."""
    return [J.domain if x is None else x for x in J.others[:2]]


def _ragged(
    left: Array,
    right: Array,
    numbers: Any,
    ragged: int,
    groups: Sequence[int],
    order: Axes,
    J: Apply,
) -> Array:
    """A ragged product with the groups of ``J``, as the linear operand."""
    product = lax.ragged_dot_general(
        left,
        right,
        J.others[2],
        lax.RaggedDotDimensionNumbers(numbers, [ragged], groups),
        precision=J.params["precision"],
        preferred_element_type=J.params["preferred_element_type"],
        out_sharding=_sharding(J.domain, order),
    )
    return _as_operand(product, order, J.domain)


BY_ROWS: Jacobian = linear_in(_by_rows, _by_rows)
BY_TERMS: Jacobian = linear_in(_by_terms, _by_terms)
BY_BATCHES: Jacobian = linear_in(_by_batches, _by_batches)


@by_case(ragged_dot_general_p)
def _ragged_dot(params: Any, avals: Any, active: tuple[int, ...]) -> Rule | None:
    """By where the ragged axis of the left operand is. JAX refuses ``group_offset``."""
    del avals, active
    if params["group_offset"] is not None:
        return None
    dims = params["ragged_dot_dimension_numbers"]
    (contract, _), (batch, _) = dims.dot_dimension_numbers
    ragged = dims.lhs_ragged_dimensions[0]
    if ragged in contract:
        return BY_TERMS
    return BY_BATCHES if ragged in batch else BY_ROWS


unsupported(
    scaled_dot_p,
    "JAX has no rule either: differentiate what its operands were quantized from",
)

# Convolutions -------------------------------------------------------------------------
#
# Along one spatial axis y[o] = sum_k x'[o s + k r - lo] w[k], where x' is x with d - 1
# zeros between its elements (s the stride, r and d the dilations). The transpose in x
# convolves c, dilated by s, with the reversed kernel; the one in w convolves x with c,
# as a kernel dilated by s. Across the features j, k and the batch m it is a product,
# y[m, k] = x[m, j] w[j, k]; groups of features become groups of batches and back.


PART, MOST_PARTS = 2**20, 8
"""Bytes of a cotangent that are pulled back to a kernel at once, and the most times.

The convolution with a cotangent sums over batch and space, and XLA for CPUs does not
divide this sum: it reads the cotangent for every few rows of the result, from memory
once no cache of a core holds it. In parts of the batch a pull takes 0.4 to 0.95 of the
time, in a loop 0.2 to 0.3; each further part takes 36 ms to compile. Convolutions of
up to 16 features go another way, on which parts cost time.
"""


def _dilated(n: int, gap: int) -> int:
    """The length of an axis of ``n`` elements that are ``gap`` apart."""
    return max((n - 1) * gap + 1, 0)


def _lengths(c: Array, shapes: Sequence[Any], J: Apply) -> list[tuple[int, int, int]]:
    """Along each spatial axis: dilated input, dilated kernel and strided result."""
    p = J.params
    specs = p["dimension_numbers"]
    sizes = [
        [shape[axis] for axis in spec[2:]]
        for shape, spec in zip([*shapes, c.shape], specs, strict=True)
    ]
    gaps = (p["lhs_dilation"], p["rhs_dilation"], p["window_strides"])
    dilated = [map(_dilated, n, gap) for n, gap in zip(sizes, gaps, strict=True)]
    return list(zip(*dilated, strict=True))


def _swapped(spec: Sequence[int]) -> tuple[int, ...]:
    """A layout with batch and feature, or output and input feature, exchanged."""
    return (spec[1], spec[0], *spec[2:])


def _regrouped(x: Array, source: int, target: int, groups: int) -> Array:
    """Moves the groups that lead axis ``source`` to the front of axis ``target``."""
    if groups == 1:
        return x
    shape = list(x.shape)
    shape[source : source + 1] = [groups, shape[source] // groups]
    split = lax.reshape(x, shape)
    order = [axis for axis in range(split.ndim) if axis != source]
    order.insert(target, source)
    moved = lax.transpose(split, order)
    merged = list(moved.shape)
    merged[target : target + 2] = [groups * merged[target + 1]]
    return lax.reshape(moved, merged)


def _pulled_input(c: Array, J: Apply) -> Array:
    """The cotangent convolved with the reversed kernel."""
    p, x, w = J.params, J.domain, J.others[1]
    x_spec, w_spec, y_spec = p["dimension_numbers"]
    groups = max(p["feature_group_count"], p["batch_group_count"])
    padding = [
        (kernel - lo - 1, n + lo - m)
        for (n, kernel, m), (lo, _) in zip(
            _lengths(c, [x.shape, w.shape], J), p["padding"], strict=True
        )
    ]
    kernel = lax.rev(_regrouped(w, w_spec[0], w_spec[1], groups), w_spec[2:])
    pulled = lax.conv_general_dilated(
        c,
        lax.convert_element_type(kernel, c.dtype),
        window_strides=p["lhs_dilation"],
        padding=padding,
        lhs_dilation=p["window_strides"],
        rhs_dilation=p["rhs_dilation"],
        dimension_numbers=lax.ConvDimensionNumbers(y_spec, _swapped(w_spec), x_spec),
        feature_group_count=groups,
        precision=p["precision"],
        preferred_element_type=p["preferred_element_type"],
        out_sharding=x.sharding,
    )
    pulled = _converted(pulled, x)
    return _regrouped(pulled, x_spec[1], x_spec[0], p["batch_group_count"])


def _pulled_kernel(c: Array, J: Apply) -> Array:
    """The input convolved with the cotangent, in parts of the batch."""
    x, w = J.others[0], J.domain
    if c.size == 0:  # a kernel without extent, which XLA refuses
        return zeros(w)
    x = lax.convert_element_type(x, c.dtype)
    x_spec, _, y_spec = J.params["dimension_numbers"]
    count = _parts(c, J)
    pairs = zip(_cut(x, x_spec[0], count), _cut(c, y_spec[0], count), strict=True)
    return _converted(reduce(lax.add, [_convolved(*pair, J) for pair in pairs]), w)


def _parts(c: Array, J: Apply) -> int:
    """In how many parts a cotangent is pulled back to a kernel."""
    p = J.params
    batch, features = (c.shape[axis] for axis in p["dimension_numbers"][2][:2])
    groups = p["feature_group_count"] * p["batch_group_count"]
    is_slow_whole = (
        jax.default_backend() == "cpu"
        and c.dtype == np.float32
        and c.ndim == 4
        and features > 16
        and groups == 1
        and mesh.is_on_one_device(J.domain)
    )
    return min(-(-c.nbytes // PART), MOST_PARTS, batch) if is_slow_whole else 1


def _cut(x: Array, axis: int, count: int) -> list[Array]:
    """``count`` slices along an axis, of nearly equal lengths."""
    if count == 1:
        return [x]
    ends = [x.shape[axis] * i // count for i in range(count + 1)]
    return [lax.slice_in_dim(x, *pair, axis=axis) for pair in pairwise(ends)]


def _convolved(x: Array, c: Array, J: Apply) -> Array:
    """The input convolved with the cotangent."""
    p, w = J.params, J.domain
    padding = [
        (lo, m - n + kernel - lo - 1)
        for (n, kernel, m), (lo, _) in zip(
            _lengths(c, [x.shape, w.shape], J), p["padding"], strict=True
        )
    ]
    x_spec, w_spec, y_spec = map(_swapped, p["dimension_numbers"])
    return lax.conv_general_dilated(
        x,
        c,
        window_strides=p["rhs_dilation"],
        padding=padding,
        lhs_dilation=p["lhs_dilation"],
        rhs_dilation=p["window_strides"],
        dimension_numbers=lax.ConvDimensionNumbers(x_spec, y_spec, w_spec),
        feature_group_count=p["batch_group_count"],
        batch_group_count=p["feature_group_count"],
        precision=p["precision"],
        preferred_element_type=p["preferred_element_type"],
        out_sharding=w.sharding,
    )


linear(lax.conv_general_dilated_p, _pulled_input, _pulled_kernel)
