"""``after``: a value that is there only once another one is.

XLA for CPUs drops optimization barriers and then merges what is computed again with
what was computed before. A value that depends on the cotangent cannot be merged; this
one does by adding an integer to its bits which is always zero, though XLA does not know
it, so that no NaN or infinity of the cotangent can touch it.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad, batching, mlir

from irad._compat.ir import Primitive

__all__ = ["after_p"]

# More than the bits of any number can count up to.
_BEYOND = 7


def _after(x: jax.Array, witness: jax.Array) -> jax.Array:
    """``x``, bit for bit, with a data dependence on one entry of ``witness``."""
    if not x.size or not witness.size:
        return x
    entry = lax.slice(witness, (0,) * witness.ndim, (1,) * witness.ndim).reshape(())
    if jnp.iscomplexobj(entry):
        entry = lax.real(entry)
    bits = lax.bitcast_convert_type(entry, _unsigned(entry.dtype))
    count = lax.population_count(bits)
    return _plus(x, lax.shift_right_logical(count, lax.full_like(count, _BEYOND)))


def _plus(x: jax.Array, zero: jax.Array) -> jax.Array:
    if jnp.issubdtype(x.dtype, np.complexfloating):
        return lax.complex(_plus(lax.real(x), zero), _plus(lax.imag(x), zero))
    if x.dtype == np.bool_:
        return lax.bitwise_xor(x, lax.broadcast(zero != 0, x.shape))
    kind = _unsigned(x.dtype)
    zeros = lax.broadcast(lax.convert_element_type(zero, kind), x.shape)
    return lax.bitcast_convert_type(lax.bitcast_convert_type(x, kind) + zeros, x.dtype)


def _unsigned(dtype: Any) -> Any:
    return np.dtype(f"uint{8 * np.dtype(dtype).itemsize}")


def _batched(args: Any, dims: Any) -> Any:
    x, witness = args
    if dims[1] is not None:
        witness = lax.index_in_dim(witness, 0, dims[1], keepdims=False)
    return after_p.bind(x, witness), dims[0]


after_p = Primitive("after")
after_p.def_impl(lambda x, witness: x)
after_p.def_abstract_eval(lambda x, witness: x)
mlir.register_lowering(after_p, mlir.lower_fun(_after, multiple_results=False))
ad.primitive_jvps[after_p] = lambda primals, tangents: (
    after_p.bind(*primals),
    tangents[0],
)
ad.primitive_transposes[after_p] = lambda c, x, witness: [c, None]
batching.primitive_batchers[after_p] = _batched
