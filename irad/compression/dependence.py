"""Which elements of its operands each element of a result may depend on: one rule each.

A primitive without a rule is taken to mix everything.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jax import lax
from jax.lax import linalg

from irad._compat import ir, primitives
from irad._compat.storing import stored_p
from irad._compat.waiting import after_p
from irad.compression import indexing, windows
from irad.compression.pattern import LIMIT, Array, size
from irad.compression.site import (
    Patterns,
    Rule,
    Site,
    mixed,
    numbers_of,
    reduced,
    shape_of,
    spread,
    united,
)

# Elementwise --------------------------------------------------------------------------


def elementwise(site: Site) -> Patterns:
    """Each element depends on the same element of each operand."""
    to = site.out_shape
    return [united([spread(q, site.shape(i), to) for i, q in site.active()])]


def apart(site: Site) -> Patterns:
    """Each result depends on the operand in its place."""
    return site.patterns


def same(site: Site) -> Patterns:
    """The same elements in the same order, in whatever shape."""
    return [site.patterns[0]]


# Copies of elements: the operation itself, done on their numbers ----------------------


def copies(move: Callable[..., Array]) -> Rule:
    """Each element of the result is one of the operands', or a constant."""

    def rule(site: Site) -> Patterns:
        numbers, whole = site.numbered()
        return [whole.take(move(site, *numbers))]

    return rule


def _broadcast(site: Site, x: Array, *_: Array) -> Array:
    shape = [1] * len(site.out_shape)
    for d, n in zip(site.params["broadcast_dimensions"], x.shape, strict=True):
        shape[d] = n
    return np.broadcast_to(x.reshape(shape), site.out_shape)


def _sliced(site: Site, x: Array) -> Array:
    params = site.params
    strides = params["strides"] or (1,) * x.ndim
    bounds = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return x[tuple(slice(*b) for b in bounds)]


def _padded(site: Site, x: Array, filling: Array) -> Array:
    y = np.full(site.out_shape, filling[()], np.int32)
    to, of = [], []
    for (low, _, gap), n, m in zip(
        site.params["padding_config"], x.shape, y.shape, strict=True
    ):
        at = low + np.arange(n) * (gap + 1)
        inside = (at >= 0) & (at < m)
        to.append(at[inside])
        of.append(np.flatnonzero(inside))
    if to:
        y[np.ix_(*to)] = x[np.ix_(*of)]
    else:
        y[...] = x
    return y


def _pieces(site: Site, axis: int, sizes: list[int]) -> Patterns:
    """The operand cut along an axis."""
    numbers, whole = site.numbered()
    cuts = np.split(numbers[0], np.cumsum(sizes)[:-1], axis)
    return [whole.take(cut) for cut in cuts]


def _split(site: Site) -> Patterns:
    return _pieces(site, site.params["axis"], list(site.params["sizes"]))


def _unstacked(site: Site) -> Patterns:
    return _pieces(site, site.params["axis"], [1] * len(site.eqn.outvars))


def _tiled(site: Site, x: Array) -> Array:
    return np.tile(x, site.params["reps"])


# Sums ---------------------------------------------------------------------------------


def reduction(site: Site) -> Patterns:
    """Every element along the reduced axes."""
    ((_, q),) = site.active()
    return [reduced(q, site.shape(0), site.params["axes"])]


def cumulative(site: Site) -> Patterns:
    """Every element up to this one along the axis, or from it on if reversed."""
    (q,) = [q for _, q in site.active()]
    shape, axis = site.shape(0), site.params["axis"]
    n = shape[axis]
    if size(shape) * (n + 1) // 2 > LIMIT:
        rest = [1 if d == axis else m for d, m in enumerate(shape)]
        return [spread(reduced(q, shape, [axis]), rest, shape)]
    lines = np.moveaxis(numbers_of(shape), axis, -1).reshape(
        size(shape) // max(n, 1), n
    )
    later, earlier = np.tril_indices(n)
    if site.params["reverse"]:
        later, earlier = earlier, later
    return [q.gathered(lines[:, later], lines[:, earlier], size(shape))]


def along(axes: Callable[[Site, int], list[int]]) -> Rule:
    """Every element along some axes; the others, alike in all arrays, stay apart."""

    def rule(site: Site) -> Patterns:
        parts = []
        for i, q in site.active():
            shape = site.shape(i)
            mixed_axes = [d % len(shape) for d in axes(site, i)]
            rest = [1 if d in mixed_axes else n for d, n in enumerate(shape)]
            parts.append(spread(reduced(q, shape, mixed_axes), rest, site.out_shape))
        return [united(parts)]

    return rule


def _transformed(site: Site, i: int) -> list[int]:
    del i
    return [-1 - d for d in range(len(site.params["fft_lengths"]))]


def _solved(site: Site, i: int) -> list[int]:
    """A column of the solution has that of the right side; all of the matrix counts."""
    if i == 0:
        return [-2, -1]
    return [-2] if site.params["left_side"] else [-1]


def tridiagonal(site: Site) -> Patterns:
    """A column of the solution depends on that of the right side."""
    if any(i < 3 for i, _ in site.active()):
        return mixed(site)
    return along(lambda site, i: [-2])(site)


def matrices(site: Site) -> Patterns:
    """Each matrix of a batch depends on all of the operands' matrices there."""
    lead = site.shape(site.active()[0][0])[:-2]
    k = len(lead)
    outs = [shape_of(v) for v in site.eqn.outvars]
    shapes = [site.shape(i) for i, _ in site.active()]
    if any(shape[:k] != lead for shape in [*outs, *shapes]):
        return mixed(site)
    parts = [
        reduced(q, shape, range(k, len(shape)))
        for (_, q), shape in zip(site.active(), shapes, strict=True)
    ]
    whole, own = united(parts), numbers_of(lead)
    return [
        whole.take(np.broadcast_to(own.reshape(*lead, *[1] * (len(out) - k)), out))
        for out in outs
    ]


# The table ----------------------------------------------------------------------------

_ELEMENTWISE: list[ir.Primitive] = [
    *(lax.add_p, ir.add_any_p, lax.sub_p, lax.mul_p, lax.div_p, lax.neg_p, lax.rem_p),
    *(lax.max_p, lax.min_p, lax.pow_p, lax.integer_pow_p, lax.square_p, lax.sqrt_p),
    *(lax.rsqrt_p, lax.exp_p, lax.log_p, lax.sin_p, lax.cos_p, lax.tanh_p),
    *(lax.logistic_p, lax.abs_p, lax.sign_p, lax.conj_p, lax.real_p, lax.imag_p),
    *(lax.complex_p, lax.convert_element_type_p, lax.reduce_precision_p, lax.copy_p),
    *(lax.clamp_p, lax.atan2_p, lax.nextafter_p, primitives.name_p),
    *(primitives.stage_p, primitives.sharding_constraint_p, primitives.reshard_p),
    *(primitives.layout_constraint_p, primitives.xla_metadata_value_p, lax.exp2_p),
    *(lax.log1p_p, lax.expm1_p, lax.cbrt_p),
]

_COPIES: dict[ir.Primitive, Callable[..., Array]] = {
    lax.transpose_p: lambda site, x: x.transpose(site.params["permutation"]),
    lax.broadcast_in_dim_p: _broadcast,
    lax.slice_p: _sliced,
    lax.rev_p: lambda site, x: np.flip(x, site.params["dimensions"]),
    lax.pad_p: _padded,
    lax.concatenate_p: lambda site, *x: np.concatenate(x, site.params["dimension"]),
    lax.stack_p: lambda site, *x: np.stack(x, site.params["axis"]),
    lax.tile_p: _tiled,
}

RULES: dict[ir.Primitive, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, elementwise),
    **{primitive: copies(move) for primitive, move in _COPIES.items()},
    lax.reshape_p: same,
    lax.squeeze_p: same,
    primitives.tie_p: lambda site: [site.patterns[1]],
    after_p: lambda site: [site.patterns[0]],
    stored_p: same,
    lax.optimization_barrier_p: apart,
    primitives.device_put_p: apart,
    lax.split_p: _split,
    lax.unstack_p: _unstacked,
    lax.select_n_p: indexing.select_n,
    lax.gather_p: indexing.gather,
    lax.scatter_add_p: indexing.scatter,
    lax.scatter_sub_p: indexing.scatter,
    lax.scatter_mul_p: indexing.scatter,
    lax.scatter_p: indexing.scatter_over,
    lax.dynamic_slice_p: indexing.dynamic_slice,
    lax.dynamic_update_slice_p: indexing.dynamic_update_slice,
    lax.reduce_sum_p: reduction,
    lax.reduce_max_p: reduction,
    lax.reduce_min_p: reduction,
    lax.reduce_prod_p: reduction,
    lax.cumsum_p: cumulative,
    lax.cumprod_p: cumulative,
    lax.cummax_p: cumulative,
    lax.cummin_p: cumulative,
    lax.cumlogsumexp_p: cumulative,
    lax.dot_general_p: windows.dot_general,
    lax.conv_general_dilated_p: windows.convolution,
    lax.reduce_window_sum_p: windows.reduce_window,
    lax.fft_p: along(_transformed),
    linalg.triangular_solve_p: along(_solved),
    linalg.tridiagonal_solve_p: tridiagonal,
    linalg.cholesky_p: matrices,
    linalg.eigh_p: matrices,
    linalg.lu_p: matrices,
    linalg.qr_p: matrices,
    linalg.svd_p: matrices,
    linalg.householder_product_p: matrices,
}
