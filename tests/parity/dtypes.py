"""Cases about types: real, complex, integer and weak, in and out."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.parity.outcomes import Cases

CASES = Cases()
TRANSFORMS = ("grad", "value_and_grad", "jacfwd", "jacrev", "jacobian", "hessian")
GRADS = ("grad", "value_and_grad")
# The widest of each kind is the one that the default precision stands for.
REAL = ("float16", "bfloat16", "float32", "float")
COMPLEX = ("complex64", "complex")


def dtype_of(name: str) -> Any:
    """The dtype of this name; float and complex have the default precision."""
    return {"float": float, "complex": complex}.get(name, name)


@CASES.each([(t, d) for t in (*GRADS, "jacfwd", "jacrev", "hessian") for d in REAL])
def real_dtypes(ad: Any, which: tuple[str, Any]) -> Any:
    transform, dtype = which
    x = jnp.array([0.5, 0.25, -1.5], dtype_of(dtype))
    return getattr(ad, transform)(lambda x: jnp.sum(x * x * x))(x)


@CASES.each([(t, d) for t in GRADS for d in COMPLEX])
def complex_argument_real_value(ad: Any, which: tuple[str, Any]) -> Any:
    transform, dtype = which
    z = jnp.array([0.5 + 1j, -0.25j], dtype_of(dtype))
    return getattr(ad, transform)(lambda z: jnp.sum(jnp.abs(z) ** 2 + z.imag))(z)


@CASES.each([(t, d) for t in TRANSFORMS for d in COMPLEX])
def holomorphic(ad: Any, which: tuple[str, Any]) -> Any:
    transform, dtype = which
    derivative = getattr(ad, transform)(lambda z: z * z * z, holomorphic=True)
    return derivative(jnp.array(0.5 + 1j, dtype_of(dtype)))


@CASES.each(("jacfwd", "jacrev", "jacobian", "hessian"))
def holomorphic_vector(ad: Any, transform: str) -> Any:
    z = jnp.array([0.5 + 1j, 2.0, -1j])
    return getattr(ad, transform)(lambda z: jnp.exp(z) * z[::-1], holomorphic=True)(z)


@CASES.add
def complex_value_of_a_real_argument(ad: Any) -> Any:
    return ad.jacfwd(lambda x: jnp.exp(1j * x))(jnp.array([0.5, 1.0]))


@CASES.add
def complex_jvp_and_vjp(ad: Any) -> Any:
    def f(z: Any) -> Any:
        return jnp.conj(z) * z.real + 1j * z

    z = jnp.array([1 + 2j, 3 - 1j])
    y, pull = ad.vjp(f, z)
    return ad.jvp(f, (z,), (1j * z,)), pull(y), pull(1j * y)


INTEGERS = (3, True, np.int8(3), np.arange(3), np.array([True, False]), np.uint32(7))


# jacrev of a boolean ends in an error of NumPy's inside JAX.
NUMBERS = (3, np.int8(3), np.arange(3), np.uint32(7))


@CASES.each(
    [(t, x) for t in GRADS for x in INTEGERS] + [("jacrev", x) for x in NUMBERS]
)
def allow_int(ad: Any, which: tuple[str, Any]) -> Any:
    transform, x = which

    def f(n: Any, y: Any) -> Any:
        return jnp.sum(jnp.asarray(n, float) * 2.0) * y

    return getattr(ad, transform)(f, (0, 1), allow_int=True)(x, 1.5)


@CASES.each((*GRADS, "jacrev", "vjp"))
def integers_arrive_as_they_are(ad: Any, transform: str) -> Any:
    seen: list[str] = []

    def f(n: Any, table: Any, x: Any) -> Any:
        seen.extend((type(n).__name__, type(table).__name__))
        return x * [1.0, 2.0, 3.0][n] * table[0]

    args = (1, np.arange(1, 3), 2.0)
    if transform == "vjp":
        return ad.vjp(f, *args)[1](1.0), seen
    return getattr(ad, transform)(f, (0, 1, 2), allow_int=True)(*args), seen


@CASES.each(GRADS)
def allow_int_in_a_tree(ad: Any, transform: str) -> Any:
    tree = {"n": jnp.arange(3), "w": jnp.array([1.0, 2.0, 3.0]), "flag": True}
    derivative = getattr(ad, transform)(lambda t: t["w"][t["n"][1]], allow_int=True)
    return derivative(tree)


@CASES.add
def jvp_of_an_integer_takes_float0(ad: Any) -> Any:
    n = jnp.arange(3)
    t = np.zeros((3,), jax.dtypes.float0)
    return ad.jvp(lambda n, x: (n * 2, x * x), (n, 2.0), (t, 1.0))


@CASES.add
def vjp_of_an_integer_gives_float0(ad: Any) -> Any:
    y, pull = ad.vjp(lambda n, x: x * n.astype(float), jnp.arange(3), 2.0)
    return y, pull(jnp.ones(3))


@CASES.add
def vjp_of_an_integer_output_takes_float0(ad: Any) -> Any:
    y, pull = ad.vjp(lambda x: (x * x, x > 0, 3), 2.0)
    zero = np.zeros((), jax.dtypes.float0)
    return y, pull((1.0, zero, zero))


@CASES.add
def linearize_with_an_integer(ad: Any) -> Any:
    y, push = ad.linearize(lambda n, x: (n, x * x), 3, 2.0)
    return y, push(np.zeros((), jax.dtypes.float0), 1.0)


WEAK = {
    "python": lambda: 1.5,
    "weak array": lambda: jnp.asarray(1.5),
    "numpy scalar": lambda: np.float32(1.5),
    "numpy array": lambda: np.array([1.5, 2.5]),
    "strong": lambda: jnp.array(1.5, jnp.float32),
    "half": lambda: jnp.array([1.5], jnp.bfloat16),
}
FUNCTIONS = {
    "scaled": lambda x: x * 2.0,
    "squared": lambda x: x * x,
    "sine": jnp.sin,
    "constant": lambda x: 1.0,
    "numpy constant": lambda x: np.float32(1.0),
    "identity": lambda x: x,
    "where": lambda x: jnp.where(x > 0, x, 0.0),
    "to_float32": lambda x: jnp.asarray(x, jnp.float32) * 2,
    "power": lambda x: x**3,
    "real power": lambda x: x**2.5,
    "power of self": lambda x: x**x,
    "x log x": lambda x: jax.scipy.special.xlogy(x, x),
    "modulus": lambda x: jnp.abs(jax.lax.complex(*[jnp.asarray(x, float)] * 2)),
    "zeroth power": lambda x: x**0,
    "mixed": lambda x: x * x + 1,
}


@CASES.each([(x, f) for x in WEAK for f in FUNCTIONS])
def types_of_vjp_and_jvp(ad: Any, which: tuple[str, str]) -> Any:
    kind, name = which
    x, f = WEAK[kind](), FUNCTIONS[name]
    y, pull = ad.vjp(f, x)
    t = jax.tree.map(lambda x: np.ones(np.shape(x), jnp.result_type(x)), x)
    return pull(jnp.ones_like(y)), y, ad.jvp(f, (x,), (t,)), ad.linearize(f, x)[1](t)


@CASES.each([(x, f) for x in WEAK for f in FUNCTIONS])
def types_of_value_and_grad(ad: Any, which: tuple[str, str]) -> Any:
    kind, name = which
    f = FUNCTIONS[name]
    return ad.value_and_grad(lambda x: jnp.sum(f(x)))(WEAK[kind]())


@CASES.each(("python", "weak array", "strong"))
def a_weakly_typed_tangent(ad: Any, kind: str) -> Any:
    x = WEAK[kind]()
    tangent = 1.0 if kind == "python" else jnp.asarray(1.0, jnp.result_type(x))
    return ad.jvp(jnp.sin, (x,), (tangent,))
