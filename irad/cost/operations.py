"""Floating-point operations of equations, one row a primitive.

A flop is an operation on floating-point or complex entries: one for an elementwise
operation; two for each product that a contraction sums; one less than the number of
entries for a reduction; the textbook count for a factorization (Golub and Van Loan,
Matrix computations, 4th edition, 2013). Moving, selecting, converting and arithmetic on
integers are none. Functions that XLA writes out count as what it writes for the CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from jax import lax

from irad._compat import ir, primitives
from irad._compat.storing import stored_p
from irad._compat.waiting import after_p
from irad.cost.contractions import CONTRACTIONS, is_in_groups, summed
from irad.cost.entries import Avals, Count, Params, is_complex, size
from irad.cost.quantities import Cost


@dataclass(frozen=True)
class Function:
    """Operations for an entry of the result, and how many are transcendental.

    ``on_complex`` is the first number where the entries are complex.
    """

    flops: int
    transcendentals: int = 0
    on_complex: int | None = None

    def of(self, aval: Any) -> Cost:
        """Operations on all entries of a type."""
        n, flops = size(aval), self.flops
        if is_complex(aval):
            flops = 2 * flops if self.on_complex is None else self.on_complex
        return Cost(n * flops, n * self.transcendentals)


entries_p = ir.Primitive("entries")
"""Stands for a computation that is no equation. Its params: what it costs (``cost``),
whether each entry of its result comes from few entries of its operands
(``is_entrywise``), whether it is stored rather than computed twice (``is_dear``), and
whether its operands are joined one after the other (``is_joined``).
"""
entries_p.multiple_results = True


def _is_inexact(aval: Any) -> bool:
    return ir.is_inexact(getattr(aval, "dtype", ir.float0))


def operations(eqn: ir.JaxprEqn) -> Cost | None:
    """The operations of an equation that holds no program; ``None`` if unknown.

    >>> import jax, jax.numpy as jnp
    >>> (eqn,) = jax.make_jaxpr(lambda x, y: x @ y)(jnp.ones((2, 3)), jnp.ones(3)).eqns
    >>> operations(eqn).flops
    12
    """
    x, y = [v.aval for v in eqn.invars], [v.aval for v in eqn.outvars]
    if eqn.primitive is entries_p:
        return eqn.params["cost"]
    if eqn.primitive in (lax.select_n_p, lax.convert_element_type_p):
        return Cost(others=size(y[0]))
    if eqn.primitive in MOVES:
        return Cost()
    if eqn.primitive in FUNCTIONS:
        return _elementwise(FUNCTIONS[eqn.primitive], x, y)
    if eqn.primitive in CONTRACTIONS:
        count = _counted(CONTRACTIONS[eqn.primitive], x, y, eqn.params)
        is_slow = is_entrywise(eqn) or is_in_groups(eqn)
        return Cost(count, contracted=0 if is_slow else count)
    if eqn.primitive in COUNTS:
        return Cost(_counted(COUNTS[eqn.primitive], x, y, eqn.params))
    if eqn.primitive is lax.integer_pow_p:
        return _elementwise(_power(eqn.params["y"]), x, y)
    if eqn.primitive is lax.cumlogsumexp_p:
        steps = _cumulative(x, y, eqn.params)
        return Cost(9 * steps, 2 * steps)
    return None


def _counted(count: Count, x: Avals, y: Avals, params: Params) -> int:
    return count(x, y, params) if _is_inexact(x[0]) else 0


def is_entrywise(eqn: ir.JaxprEqn) -> bool:
    """Whether a dot or a sum has one term, which XLA turns into a product or a copy.

    A computation of entries says so itself.
    """
    if eqn.primitive is entries_p:
        return eqn.params["is_entrywise"]
    if eqn.primitive is lax.dot_general_p:
        return summed(eqn.invars[0].aval, eqn.params) == 1
    if eqn.primitive is lax.reduce_sum_p:
        return size(eqn.invars[0].aval) == size(eqn.outvars[0].aval)
    return False


def _elementwise(function: Function, x: Avals, y: Avals) -> Cost:
    if not _is_inexact(x[0]):
        return Cost(others=size(y[0]))
    entries = y[0] if is_complex(y[0]) or not is_complex(x[0]) else x[0]
    return function.of(entries)


def _power(exponent: int) -> Function:
    """Squares and products, and a division for a negative exponent."""
    n = abs(exponent)
    products = max(n.bit_length() + n.bit_count() - 2, 0)
    return Function(products + (exponent < 0), on_complex=6 * products)


# Reductions ---------------------------------------------------------------------------


def _reduction(x: Avals, y: Avals, params: Params) -> int:
    return (size(x[0]) - size(y[0])) * (2 if is_complex(x[0]) else 1)


def _position(x: Avals, y: Avals, params: Params) -> int:
    """Three comparisons for each entry that is passed: less, equal, NaN."""
    return 3 * (size(x[0]) - size(y[0]))


def _window(x: Avals, y: Avals, params: Params) -> int:
    return size(y[0]) * (math.prod(params["window_dimensions"]) - 1)


def _select_and_scatter(x: Avals, y: Avals, params: Params) -> int:
    """A comparison for each entry of a window but one, and the sum."""
    return size(x[0]) * math.prod(params["window_dimensions"])


def _cumulative(x: Avals, y: Avals, params: Params) -> int:
    return size(x[0]) * _running(x[0].shape[params["axis"]])


def _running(n: int) -> int:
    """Operations an entry for a running reduction of ``n`` entries.

    XLA for CPUs reduces windows of 16, then the results of these, and adds them.
    """
    block = 16
    if n <= block:
        return n - 1
    blocks = -(-n // block)
    return block + math.ceil(blocks * _running(blocks) / n)


def _sort(x: Avals, y: Avals, params: Params) -> int:
    """Entries times levels, at four operations to put two keys in order."""
    levels = max(1, math.ceil(math.log2(max(x[0].shape[params["dimension"]], 1))))
    return 4 * size(x[0]) * levels


def _updates(x: Avals, y: Avals, params: Params) -> int:
    return size(x[-1])


COUNTS: dict[ir.Primitive, Count] = {
    lax.reduce_sum_p: _reduction,
    lax.reduce_max_p: _reduction,
    lax.reduce_min_p: _reduction,
    lax.reduce_prod_p: _reduction,
    lax.argmax_p: _position,
    lax.argmin_p: _position,
    lax.reduce_window_sum_p: _window,
    lax.reduce_window_max_p: _window,
    lax.reduce_window_min_p: _window,
    stored_p: lambda x, y, params: size(x[0]),
    lax.select_and_gather_add_p: _window,
    lax.select_and_scatter_add_p: _select_and_scatter,
    lax.cumsum_p: _cumulative,
    lax.cumprod_p: _cumulative,
    lax.cummax_p: _cumulative,
    lax.cummin_p: _cumulative,
    lax.sort_p: _sort,
    lax.scatter_add_p: _updates,
    lax.scatter_sub_p: _updates,
    lax.scatter_mul_p: _updates,
    lax.scatter_min_p: _updates,
    lax.scatter_max_p: _updates,
}


# Elementwise --------------------------------------------------------------------------

_ONE = Function(1)
_CALL = Function(1, 1)

# fmt: off
FUNCTIONS: dict[ir.Primitive, Function] = {
    **dict.fromkeys((
        lax.ceil_p, lax.eq_p, lax.floor_p, lax.ge_p, lax.gt_p, lax.is_finite_p,
        lax.le_p, lax.lt_p, lax.max_p, lax.min_p, lax.ne_p, lax.neg_p, lax.rem_p,
        lax.round_p, lax.sign_p, lax.add_p, lax.sub_p, ir.add_any_p, lax.eq_to_p,
        lax.le_to_p, lax.lt_to_p, lax.abs_p, lax.clamp_p,
    ), _ONE),
    lax.mul_p: Function(1, on_complex=6),
    lax.square_p: Function(1, on_complex=6),
    lax.div_p: Function(1, on_complex=11),
    lax.nextafter_p: Function(3),
    primitives.one_minus_square_p: Function(3, on_complex=10),
    **dict.fromkeys((
        lax.atan_p, lax.atan2_p, lax.cbrt_p, lax.erf_p, lax.expm1_p, lax.log1p_p,
        lax.pow_p, lax.rsqrt_p, lax.tan_p, lax.tanh_p,
    ), _CALL),
    lax.exp_p: Function(1, 1, on_complex=13),
    lax.log_p: Function(1, 1, on_complex=58),
    lax.sin_p: Function(1, 1, on_complex=13),
    lax.cos_p: Function(1, 1, on_complex=14),
    lax.sqrt_p: Function(1, 1, on_complex=75),
    lax.exp2_p: Function(2, 1, on_complex=19),
    primitives.log2_p: Function(2, 1, on_complex=60),
    lax.logistic_p: Function(4, 1, on_complex=28),
    lax.acos_p: Function(5, 2, on_complex=159),
    lax.acosh_p: Function(10, 4, on_complex=187),
    lax.asin_p: Function(7, 2, on_complex=159),
    lax.asinh_p: Function(13, 3, on_complex=167),
    lax.atanh_p: Function(7, 2, on_complex=34),
    lax.cosh_p: Function(5, 2, on_complex=32),
    lax.sinh_p: Function(12, 3, on_complex=32),
    lax.erf_inv_p: Function(28, 2),
    lax.erfc_p: Function(57, 1),
    lax.lgamma_p: Function(51, 4),
    lax.digamma_p: Function(72, 3),
    lax.bessel_i0e_p: Function(83, 1),
    lax.bessel_i1e_p: Function(83, 1),
    lax.igamma_p: Function(209, 6),
    lax.igammac_p: Function(209, 6),
    lax.igamma_grad_a_p: Function(464, 11),
    lax.regularized_incomplete_beta_p: Function(224, 5),
    lax.zeta_p: Function(124, 11),
    lax.polygamma_p: Function(253, 19),
}
# Random numbers, whose arithmetic is on integers.
DRAWS: frozenset[ir.Primitive] = frozenset({
    primitives.random_bits_p, lax.rng_bit_generator_p, primitives.threefry2x32_p,
})
# No arithmetic on floating-point numbers.
MOVES: frozenset[ir.Primitive] = DRAWS.union({
    lax.and_p, lax.bitcast_convert_type_p, lax.broadcast_in_dim_p, lax.clz_p,
    lax.complex_p, lax.concatenate_p, lax.conj_p, lax.convert_element_type_p,
    lax.copy_p, lax.dynamic_slice_p, lax.dynamic_update_slice_p, lax.gather_p,
    lax.imag_p, lax.iota_p, lax.mulhi_p, lax.not_p, lax.optimization_barrier_p,
    lax.or_p, lax.pad_p, lax.population_count_p, lax.real_p, lax.reduce_and_p,
    lax.reduce_or_p, lax.reduce_precision_p, lax.reduce_xor_p, lax.reshape_p,
    lax.rev_p, lax.scatter_p, lax.select_n_p, lax.shift_left_p,
    lax.shift_right_arithmetic_p, lax.shift_right_logical_p, lax.slice_p, lax.split_p,
    lax.squeeze_p, lax.stack_p, lax.stop_gradient_p, lax.tile_p, lax.top_k_p,
    lax.transpose_p, lax.unstack_p, lax.xor_p, lax.axis_index_p, lax.device_put_p,
    primitives.random_fold_in_p, primitives.random_seed_p, primitives.random_split_p,
    primitives.empty_p, primitives.empty2_p, primitives.iota_2x32_shape_p,
    primitives.layout_constraint_p, primitives.lu_pivots_to_permutation_p,
    primitives.name_p, primitives.pbroadcast_p, primitives.platform_index_p,
    primitives.pvary_p, primitives.random_clone_p, primitives.random_unwrap_p,
    primitives.random_wrap_p, primitives.reshard_p, primitives.sharding_constraint_p,
    primitives.stage_p, primitives.tie_p, primitives.xla_metadata_value_p,
    primitives.zeros_like_p, after_p,
})
# fmt: on
