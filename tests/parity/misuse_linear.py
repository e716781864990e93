"""Cases of wrong use of tangents and cotangents: in jvp, and in what vjp returns."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.parity.outcomes import Cases

CASES = Cases()


def product(x: Any, y: Any) -> Any:
    return x * y


def vector() -> jax.Array:
    return jnp.arange(3.0)


# jvp: primals and tangents.

CASES.rows(
    "tuples? or lists?",
    {
        "jvp of bare numbers": lambda ad: ad.jvp(jnp.sin, 1.0, 1.0),
        "jvp of a bare array": lambda ad: ad.jvp(jnp.sin, vector(), vector()),
        "jvp of a dict": lambda ad: ad.jvp(jnp.sin, {"x": 1.0}, {"x": 1.0}),
    },
)
CASES.rows(
    "tree",
    {
        "jvp with a tangent too few": lambda ad: ad.jvp(product, (1.0, 2.0), (1.0,)),
        "jvp with a tangent too many": lambda ad: ad.jvp(jnp.sin, (1.0,), (1.0, 2.0)),
        "jvp with a tangent of another tree": lambda ad: ad.jvp(
            lambda t: t["a"], ({"a": 1.0},), ((1.0,),)
        ),
        "jvp of a list with a tuple": lambda ad: ad.jvp(
            lambda t: t[0], ([1.0],), ((1.0,),)
        ),
        "jvp with None for a tangent": lambda ad: ad.jvp(jnp.sin, (1.0,), (None,)),
        "jvp with other keys": lambda ad: ad.jvp(
            lambda t: 1.0, ({"a": 1.0},), ({"b": 1.0},)
        ),
    },
)
CASES.rows(
    "dtype",
    {
        "jvp with an integer tangent": lambda ad: ad.jvp(jnp.sin, (1.0,), (1,)),
        "jvp with a tangent of half precision": lambda ad: ad.jvp(
            jnp.sin, (vector(),), (vector().astype(jnp.float16),)
        ),
        "jvp with a complex tangent": lambda ad: ad.jvp(jnp.sin, (1.0,), (1j,)),
        "jvp of complex with a real tangent": lambda ad: ad.jvp(jnp.sin, (1j,), (1.0,)),
        "jvp of an integer with a float tangent": lambda ad: ad.jvp(
            lambda n: n * 2.0, (1,), (1.0,)
        ),
        "jvp of an integer with an integer tangent": lambda ad: ad.jvp(
            lambda n: n * 2.0, (1,), (1,)
        ),
        "jvp with a float0 tangent for a float": lambda ad: ad.jvp(
            jnp.sin, (1.0,), (np.zeros((), jax.dtypes.float0),)
        ),
    },
)
CASES.rows(
    "shape",
    {
        "jvp with a longer tangent": lambda ad: ad.jvp(
            jnp.sin, (vector(),), (jnp.ones(4),)
        ),
        "jvp with a scalar tangent": lambda ad: ad.jvp(jnp.sin, (vector(),), (1.0,)),
        "jvp with a matrix tangent": lambda ad: ad.jvp(
            jnp.sin, (vector(),), (jnp.ones((1, 3)),)
        ),
    },
)

# What vjp, linearize and linear_transpose return.


def pull(ad: Any) -> Any:
    return ad.vjp(lambda x: {"a": x, "b": (x * x, x.sum())}, vector())[1]


CASES.rows(
    "tree|structure",
    {
        "cotangent of another tree": lambda ad: pull(ad)((vector(), vector())),
        "cotangent that lacks a part": lambda ad: pull(ad)({"a": vector()}),
        "cotangent in a tuple": lambda ad: ad.vjp(jnp.sin, 1.0)[1]((1.0,)),
        "cotangent of None": lambda ad: ad.vjp(jnp.sin, 1.0)[1](None),
        "cotangent as a list": lambda ad: ad.vjp(lambda x: (x, x), 1.0)[1]([1.0, 1.0]),
    },
)
CASES.rows(
    "float.*\\[2\\].*\\[3\\]",
    {"cotangent of another shape": lambda ad: ad.vjp(jnp.sin, vector())[1](np.ones(2))},
)
CASES.rows(
    "expected float",
    {
        "cotangent that is an integer": lambda ad: ad.vjp(jnp.sin, 1.0)[1](1),
        "cotangent that is complex": lambda ad: ad.vjp(jnp.sin, 1.0)[1](1j),
        "cotangent of half precision": lambda ad: ad.vjp(jnp.sin, vector())[1](
            vector().astype(jnp.float16)
        ),
        "cotangent that should not broadcast": lambda ad: ad.vjp(jnp.sin, vector())[1](
            1.0
        ),
    },
)
CASES.rows(
    "argument",
    {
        "pullback without argument": lambda ad: ad.vjp(jnp.sin, 1.0)[1](),
        "pullback with two arguments": lambda ad: ad.vjp(jnp.sin, 1.0)[1](1.0, 2.0),
    },
)
CASES.rows(
    "tangent",
    {
        "pushforward of an integer": lambda ad: ad.linearize(jnp.sin, 1.0)[1](1),
        "pushforward of another shape": lambda ad: ad.linearize(jnp.sin, vector())[1](
            jnp.ones(2)
        ),
        "pushforward of half precision": lambda ad: ad.linearize(jnp.sin, vector())[1](
            vector().astype(jnp.float16)
        ),
    },
)
CASES.rows(
    "PyTreeDef.*PyTreeDef",
    {
        "pushforward of two": lambda ad: ad.linearize(jnp.sin, 1.0)[1](1.0, 1.0),
        "pushforward of a tuple": lambda ad: ad.linearize(jnp.sin, 1.0)[1]((1.0,)),
        "pushforward of another tree": lambda ad: ad.linearize(
            lambda t: t["a"], {"a": 1.0}
        )[1]({"b": 1.0}),
    },
)
CASES.rows(
    "sin|mul|linear",
    {
        "transpose of a sine": lambda ad: ad.linear_transpose(jnp.sin, 1.0)(1.0),
    },
)
CASES.rows(
    "cotangent",
    {
        "transpose with a cotangent in a tuple": lambda ad: ad.linear_transpose(
            lambda x: 2 * x, 1.0
        )((1.0,)),
        "transpose with a longer cotangent": lambda ad: ad.linear_transpose(
            lambda x: 2 * x, vector()
        )(jnp.ones(4)),
        "transpose with another dtype": lambda ad: ad.linear_transpose(
            lambda x: 2 * x, vector()
        )(jnp.ones(3, jnp.float16)),
    },
)
