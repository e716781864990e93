"""Cases of wrong use: the class of the error, and the words looked for in it."""

import functools
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


# What is asked for: the function and argnums.

TRANSFORMS = ("grad", "value_and_grad", "jacfwd", "jacrev", "jacobian", "hessian")


@CASES.each(
    [(t, n) for t in TRANSFORMS for n in (2, -3, (0, 5), (0, -3), (-7,))],
    words="argnums|positional argument",
)
def argnums_out_of_range(ad: Any, which: tuple[str, Any]) -> Any:
    return getattr(ad, which[0])(product, which[1])(1.0, 2.0)


@CASES.each(
    [(t, n) for t in TRANSFORMS for n in (1.5, "x", None)],
    words="float|str|NoneType",
)
def argnums_that_are_no_integers(ad: Any, which: tuple[str, Any]) -> Any:
    return getattr(ad, which[0])(product, which[1])(1.0, 2.0)


@CASES.each(TRANSFORMS, words="argnums|positional argument")
def no_positional_argument(ad: Any, transform: str) -> Any:
    return getattr(ad, transform)(lambda x: x * x)(x=1.0)


@CASES.each([(t, f) for t in TRANSFORMS for f in (3, None, "sin")], words="callable")
def not_a_function(ad: Any, which: tuple[str, Any]) -> Any:
    return getattr(ad, which[0])(which[1])(1.0)


CASES.rows(
    "callable",
    {
        "jvp of a number": lambda ad: ad.jvp(3, (1.0,), (1.0,)),
        "vjp of None": lambda ad: ad.vjp(None, 1.0),
        "linearize of a string": lambda ad: ad.linearize("f", 1.0),
        "linear_transpose of a list": lambda ad: ad.linear_transpose([], 1.0)(1.0),
    },
)

# What comes in.

CASES.rows(
    "int",
    {
        "grad of an integer": lambda ad: ad.grad(product)(1, 2.0),
        "grad of a boolean": lambda ad: ad.grad(product)(True, 2.0),
        "grad of an integer array": lambda ad: ad.grad(jnp.sum)(jnp.arange(3)),
        "grad of an integer in a tree": lambda ad: ad.grad(lambda t: t["a"] * 2.0)(
            {"a": 1, "b": 2.0}
        ),
        "value_and_grad of an integer": lambda ad: ad.value_and_grad(product)(1, 2.0),
        "jacrev of an integer": lambda ad: ad.jacrev(product)(1, 2.0),
        "jacfwd of an integer": lambda ad: ad.jacfwd(product)(1, 2.0),
        "hessian of an integer": lambda ad: ad.hessian(product)(1, 2.0),
    },
)
CASES.rows(
    "allow_int",
    {
        "grad of an integer says allow_int": lambda ad: ad.grad(product)(1, 2.0),
        "jacrev of an integer says allow_int": lambda ad: ad.jacrev(product)(1, 2.0),
    },
)
CASES.rows(
    "str",
    {
        "grad of a string": lambda ad: ad.grad(lambda s: 1.0)("a"),
        "vjp of a string": lambda ad: ad.vjp(lambda s: 1.0, "a"),
        "jvp of a string": lambda ad: ad.jvp(lambda s: 1.0, ("a",), ("a",)),
        "linearize of a string argument": lambda ad: ad.linearize(lambda s: 1.0, "a"),
        "grad of a tree with a string": lambda ad: ad.grad(lambda t: t[0])((1.0, "a")),
        "jacfwd of a string": lambda ad: ad.jacfwd(lambda s: 1.0)("a"),
        "jacrev of a string": lambda ad: ad.jacrev(lambda s: 1.0)("a"),
    },
)
CASES.rows(
    "object",
    {
        "grad of an object": lambda ad: ad.grad(lambda o: 1.0)(object()),
        "vjp of an array of objects": lambda ad: ad.vjp(
            lambda o: 1.0, np.array([object()])
        ),
        "grad of an array of objects": lambda ad: ad.grad(lambda o: 1.0)(
            np.array([object()])
        ),
    },
)
CASES.rows(
    "complex",
    {
        "grad of complex to complex": lambda ad: ad.grad(lambda z: z * z)(1j),
        "grad of real to complex": lambda ad: ad.grad(lambda x: x * 1j)(1.0),
        "jacfwd of complex": lambda ad: ad.jacfwd(lambda z: z * z)(1j),
        "jacrev of complex": lambda ad: ad.jacrev(lambda z: z * z)(1j),
        "hessian of complex": lambda ad: ad.hessian(lambda z: z * z)(1j),
        "holomorphic grad of real": lambda ad: ad.grad(lambda x: x, holomorphic=True)(
            1.0
        ),
        "holomorphic grad to real": lambda ad: ad.grad(
            lambda z: z.real, holomorphic=True
        )(1j),
        "holomorphic jacfwd of real": lambda ad: ad.jacfwd(
            lambda x: x, holomorphic=True
        )(1.0),
        "holomorphic jacrev of real": lambda ad: ad.jacrev(
            lambda x: x, holomorphic=True
        )(1.0),
        "holomorphic jacfwd to real": lambda ad: ad.jacfwd(
            lambda z: z.real, holomorphic=True
        )(1j),
        "holomorphic jacrev to real": lambda ad: ad.jacrev(
            lambda z: z.real, holomorphic=True
        )(1j),
        "holomorphic grad of an integer": lambda ad: ad.grad(
            lambda z: z * 1j, holomorphic=True
        )(1),
    },
)
CASES.rows(
    "holomorphic",
    {
        "complex to complex says holomorphic": lambda ad: ad.grad(lambda z: z)(1j),
        "jacfwd of complex says holomorphic": lambda ad: ad.jacfwd(lambda z: z)(1j),
    },
)

# What the function returns.

CASES.rows(
    "scalar.*shape.*3",
    {
        "grad of a vector": lambda ad: ad.grad(jnp.sin)(vector()),
        "value_and_grad of a vector": lambda ad: ad.value_and_grad(jnp.sin)(vector()),
    },
)
CASES.rows(
    "scalar",
    {
        "grad of shape (1,)": lambda ad: ad.grad(lambda x: x[None])(1.0),
        "grad of None": lambda ad: ad.grad(lambda x: None)(1.0),
        "grad of a list": lambda ad: ad.grad(lambda x: [x])(1.0),
        "grad of a tuple": lambda ad: ad.grad(lambda x: (x, x))(1.0),
        "grad of a dict": lambda ad: ad.grad(lambda x: {"loss": x})(1.0),
        "grad with aux of a vector": lambda ad: ad.grad(lambda x: (x, 1), has_aux=True)(
            vector()
        ),
    },
)
CASES.rows(
    "int",
    {
        "grad to an integer": lambda ad: ad.grad(lambda x: 3)(1.0),
        "grad to an integer array": lambda ad: ad.grad(
            lambda x: jnp.round(x).astype(int)
        )(1.0),
        "jacrev to an integer": lambda ad: ad.jacrev(lambda x: jnp.argmax(x))(vector()),
    },
)
CASES.rows("bool", {"grad to a boolean": lambda ad: ad.grad(lambda x: x > 0)(1.0)})
CASES.rows(
    "str",
    {
        "grad to a string": lambda ad: ad.grad(lambda x: "loss")(1.0),
        "vjp to a string": lambda ad: ad.vjp(lambda x: (x, "loss"), 1.0),
        "jvp to a string": lambda ad: ad.jvp(lambda x: "loss", (1.0,), (1.0,)),
        "linearize to a string": lambda ad: ad.linearize(lambda x: (x, "s"), 1.0),
    },
)
CASES.rows(
    "function",
    {
        "grad to a function": lambda ad: ad.grad(lambda x: lambda: x)(1.0),
        "jvp to a function": lambda ad: ad.jvp(lambda x: lambda: x, (1.0,), (1.0,)),
    },
)
CASES.rows("generator", {"grad of a generator": lambda ad: ad.grad(count_up)(1.0)})
CASES.rows(
    "two-element tuple|pair",
    {
        "aux that is missing": lambda ad: ad.grad(lambda x: x, has_aux=True)(1.0),
        "aux of three": lambda ad: ad.grad(lambda x: (x, 1, 2), has_aux=True)(1.0),
        "aux that is missing in vjp": lambda ad: ad.vjp(lambda x: x, 1.0, has_aux=True),
    },
)


def count_up(x: Any) -> Any:
    yield x


# The user's own errors, and what depends on values that are not there.


class OwnError(Exception):
    """An error that only the user's code knows."""


def failing(x: Any) -> Any:
    raise OwnError("from the user's function")


@CASES.each(TRANSFORMS, words="from the user's function")
def a_function_that_raises(ad: Any, transform: str) -> Any:
    return getattr(ad, transform)(failing)(1.0)


CASES.rows(
    "unhashable",
    {
        "a cache keyed by a traced value": lambda ad: ad.grad(
            functools.cache(lambda x: x * x)
        )(1.0)
    },
)
CASES.rows(
    "missing|positional",
    {
        "grad with too few arguments": lambda ad: ad.grad(product)(1.0),
        "grad with too many arguments": lambda ad: ad.grad(product)(1.0, 2.0, 3.0),
    },
)
CASES.rows(
    "keyword", {"unknown keyword": lambda ad: ad.grad(product)(1.0, y=2.0, z=3.0)}
)
CASES.rows(
    "float",
    {"float() of a traced value": lambda ad: ad.grad(lambda x: x * float(x))(2.0)},
)
CASES.rows(
    "tolist",
    {"a list of a traced value": lambda ad: ad.grad(lambda x: x.tolist()[0])(vector())},
)
CASES.rows(
    "array",
    {"a NumPy view": lambda ad: ad.grad(lambda x: np.asarray(x).sum())(vector())},
)
CASES.rows(
    "bool",
    {
        "if under jit": lambda ad: jax.jit(ad.grad(lambda x: x if x > 0 else -x))(1.0),
        "if inside jit": lambda ad: ad.grad(jax.jit(lambda x: x if x > 0 else -x))(1.0),
        "if under vmap": lambda ad: jax.vmap(ad.grad(lambda x: x if x > 0 else -x))(
            vector()
        ),
        "if in scan": lambda ad: ad.grad(
            lambda x: jax.lax.scan(
                lambda c, _: (c if c > 0 else -c, None), x, None, length=2
            )[0]
        )(1.0),
    },
)
CASES.rows(
    "vector|shape|incompatible",
    {
        "shapes that do not fit": lambda ad: ad.grad(lambda x: (x + jnp.ones(4)).sum())(
            vector()
        )
    },
)
