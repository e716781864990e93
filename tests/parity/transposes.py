"""Cases of ``linear_transpose``: what is linear, and what the transpose takes."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from tests.parity.outcomes import Cases

CASES = Cases()


def vector() -> jax.Array:
    return jnp.array([0.5, -1.5, 2.0])


LINEAR: dict[str, Any] = {
    "scale": lambda x: 3.0 * x,
    "sum": jnp.sum,
    "matrix": lambda x: jnp.arange(6.0).reshape(2, 3) @ x,
    "reversed": lambda x: x[::-1] + 2.0 * x,
    "tree": lambda x: {"a": x, "b": (x.sum(), -x)},
    "constant": lambda x: jnp.zeros(2, x.dtype),
    "loop": lambda x: lax.scan(lambda c, _: (2.0 * c, c), x, None, length=3),
    "jitted": jax.jit(lambda x: 3.0 * x),
    "fft": lambda x: jnp.fft.irfft(jnp.fft.rfft(x), 3),
}


@CASES.each(LINEAR)
def linear_transpose(ad: Any, name: str) -> Any:
    f = LINEAR[name]
    c = jax.tree.map(lambda y: jnp.ones(y.shape, y.dtype), jax.eval_shape(f, vector()))
    described = jax.ShapeDtypeStruct((3,), vector().dtype)
    return ad.linear_transpose(f, vector())(c), ad.linear_transpose(f, described)(c)


@CASES.add
def linear_transpose_of_several(ad: Any) -> Any:
    transpose = ad.linear_transpose(lambda a, b: {"c": a - 2.0 * b[0]}, 1.0, (1.0, 2.0))
    return transpose({"c": 3.0})


@CASES.add
def linear_transpose_complex(ad: Any) -> Any:
    z = jnp.array([1 + 1j, 2.0])
    return ad.linear_transpose(lambda z: (1 + 2j) * z, z)(z)


@CASES.add
def linear_transpose_of_integers(ad: Any) -> Any:
    return ad.linear_transpose(lambda n: 2 * n, 1)(3)
