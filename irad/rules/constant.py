"""Primitives whose derivative is zero, each with the reason.

A row here says that a derivative is known to be zero, not that it is unknown. Most of
these primitives give or take integers, booleans or keys, which carry no tangents: for
them no rule is ever asked for, and the row is there to say so.
"""

from __future__ import annotations

from typing import Any

from jax import lax

from irad._compat import primitives as private
from irad.rules.registry import constant, unsupported

REASONS: dict[str, tuple[Any, ...]] = {
    "piecewise constant; at a jump the slope is 0 as well, as in JAX": (
        lax.ceil_p,
        lax.floor_p,
        lax.round_p,
        lax.sign_p,  # of complex numbers too, where it is not constant: as in JAX
    ),
    "a truth value has no tangent": (
        lax.eq_p,
        lax.eq_to_p,
        lax.ge_p,
        lax.gt_p,
        lax.is_finite_p,
        lax.le_p,
        lax.le_to_p,
        lax.lt_p,
        lax.lt_to_p,
        lax.ne_p,
    ),
    "works on the bits of integers and truth values": (
        lax.and_p,
        lax.clz_p,
        lax.mulhi_p,
        lax.not_p,
        lax.or_p,
        lax.population_count_p,
        lax.reduce_and_p,
        lax.reduce_or_p,
        lax.reduce_xor_p,
        lax.shift_left_p,
        lax.shift_right_arithmetic_p,
        lax.shift_right_logical_p,
        lax.xor_p,
    ),
    "reads numbers as bits, or bits as numbers: a step function, as in JAX": (
        lax.bitcast_convert_type_p,
    ),
    "a position is an integer": (
        lax.argmax_p,
        lax.argmin_p,
        lax.axis_index_p,
        lax.iota_p,
    ),
    "depends on no value": (
        lax.after_all_p,
        lax.create_token_p,
        private.empty2_p,
        private.empty_p,
        private.zeros_like_p,
    ),
    "stops the gradient, as it was asked to": (lax.stop_gradient_p,),
    "keys and random bits are integers": (
        private.iota_2x32_shape_p,
        private.philox2x32_p,
        private.philox4x32_p,
        private.random_bits_p,
        private.random_clone_p,
        private.random_fold_in_p,
        private.random_seed_p,
        private.random_split_p,
        private.random_unwrap_p,
        private.random_wrap_p,
        private.threefry4x32_p,
        lax.rng_bit_generator_p,
        private.threefry2x32_p,
    ),
    "an effect without a result": (
        private.check_p,
        private.dce_sink_p,
        private.debug_callback_p,
        private.debug_print_p,
        private.inspect_sharding_p,
    ),
}

OPAQUE = (
    private.composite_p,
    private.ffi_call_p,
    private.io_callback_p,
    private.pure_callback_p,
)

for _reason, _primitives in REASONS.items():
    for _primitive in _primitives:
        constant(_primitive, _reason)

for _primitive in OPAQUE:
    unsupported(
        _primitive,
        "runs code that JAX cannot read; JAX says how to give it a custom rule",
    )
