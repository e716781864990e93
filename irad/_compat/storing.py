"""``stored``: a value that XLA computes once and stores.

XLA moves what is cheap into each of the loops that read it, and computes it there again
for every element that is read, rounded differently if it likes. It never moves a window
reduction, and on CPU it drops an optimization barrier. So this is the greatest of each
element and a hole beside it, which is the element: -0.0 and NaN too.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad, batching, mlir

from irad._compat.ir import Primitive

__all__ = ["stored_p"]


def _stored(x: jax.Array) -> jax.Array:
    if x.size == 0:
        return x
    if jnp.iscomplexobj(x):
        return lax.complex(_stored(lax.real(x)), _stored(lax.imag(x)))
    ones = (1,) * x.ndim
    pairs = lax.reduce_window(
        lax.expand_dims(x, (0,)),
        _least(x.dtype),
        lax.max,
        (2, *ones),
        (1, *ones),
        ((0, 1), *((0, 0) for _ in ones)),
    )
    return lax.squeeze(pairs, (0,))


def _least(dtype: Any) -> np.ndarray:
    is_integer = jnp.issubdtype(dtype, np.integer)
    return np.asarray(jnp.iinfo(dtype).min if is_integer else -np.inf, dtype)


def _itself(x: Any) -> Any:
    return x


stored_p = Primitive("stored")
stored_p.def_impl(_itself)
stored_p.def_abstract_eval(_itself)
mlir.register_lowering(stored_p, mlir.lower_fun(_stored, multiple_results=False))
ad.deflinear2(stored_p, lambda c, _: [c])
batching.defvectorized(stored_p)
