"""Cases about what goes in and comes out: argnums, trees, aux, dtypes, keywords."""

import collections
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tests.parity.outcomes import Cases

CASES = Cases()
TRANSFORMS = ("grad", "value_and_grad", "jacfwd", "jacrev", "jacobian", "hessian")
JACOBIANS = ("jacfwd", "jacrev", "jacobian", "hessian")
GRADS = ("grad", "value_and_grad")
# The widest of each kind is the one that the default precision stands for.
REAL = ("float16", "bfloat16", "float32", "float")
COMPLEX = ("complex64", "complex")


class Point(NamedTuple):
    """A named tuple to differentiate."""

    x: Any
    y: Any


@jax.tree_util.register_pytree_node_class
class Pair:
    """A custom node with static data beside its children."""

    def __init__(self, first: Any, second: Any, tag: str) -> None:
        self.first, self.second, self.tag = first, second, tag

    def tree_flatten(self) -> tuple[tuple[Any, Any], str]:
        return (self.first, self.second), self.tag

    @classmethod
    def tree_unflatten(cls, tag: str, children: tuple[Any, Any]) -> "Pair":
        return cls(*children, tag)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Layer:
    """A registered dataclass with a static field."""

    w: Any
    b: Any
    name: str = dataclasses.field(metadata={"static": True}, default="layer")


def dtype_of(name: str) -> Any:
    """The dtype of this name; float and complex have the default precision."""
    return {"float": float, "complex": complex}.get(name, name)


def product(x: Any, y: Any) -> Any:
    return jnp.sin(x) * y * y


def vectors() -> tuple[jax.Array, jax.Array]:
    return jnp.array([0.3, -1.2, 2.0]), jnp.array([1.5, 0.5, -0.7])


ARGNUMS = (0, 1, -1, -2, (0,), (1,), (-1,), (0, 1), (1, 0), (0, -1), (-1, 0), [0, 1])
MORE_ARGNUMS = (True, range(2), np.int64(1), np.array(1))


@CASES.each([(t, n) for t in TRANSFORMS for n in (*ARGNUMS, *MORE_ARGNUMS)])
def argnums_of_scalars(ad: Any, which: tuple[str, Any]) -> Any:
    transform, argnums = which
    return getattr(ad, transform)(product, argnums)(0.7, 1.3)


@CASES.each([(t, n) for t in JACOBIANS for n in ARGNUMS])
def argnums_of_vectors(ad: Any, which: tuple[str, Any]) -> Any:
    transform, argnums = which
    return getattr(ad, transform)(product, argnums=argnums)(*vectors())


@CASES.each(GRADS)
def argnums_with_a_tree_each(ad: Any, transform: str) -> Any:
    def f(p: Any, q: Any) -> Any:
        return jnp.sum(p["a"] * q[0]) + p["b"] * q[1]

    x, y = vectors()
    return getattr(ad, transform)(f, (1, 0))({"a": x, "b": 2.0}, (y, 3.0))


AUX = {
    "number": lambda x: 3,
    "float": lambda x: 2.5,
    "string": lambda x: "loss",
    "none": lambda x: None,
    "tracer": lambda x: x * 2.0,
    "tree": lambda x: {"a": x, "b": [x * x, 1, None, "s"]},
    "empty": lambda x: (),
    "numpy": lambda x: np.arange(3),
    "array": lambda x: jnp.arange(3),
    "boolean": lambda x: x > 0,
    "key": lambda x: jax.random.key(1),
    "node": lambda x: Pair(x, 1.0, "tag"),
}


# jacfwd and hessian map over directions, so JAX refuses an aux that is not an array.
ANY_AUX = ("grad", "value_and_grad", "jacrev", "jacobian", "jvp", "vjp", "linearize")
ARRAY_AUX = tuple(kind for kind in AUX if kind not in ("string", "tree"))


@CASES.each(
    [(t, a) for t in ANY_AUX for a in AUX]
    + [(t, a) for t in ("jacfwd", "hessian") for a in ARRAY_AUX]
)
def aux(ad: Any, which: tuple[str, str]) -> Any:
    transform, kind = which

    def f(x: Any) -> Any:
        return jnp.sin(x) * x, AUX[kind](x)

    if transform == "jvp":
        return ad.jvp(f, (0.5,), (1.0,), has_aux=True)
    if transform in ("vjp", "linearize"):
        y, apply, extra = getattr(ad, transform)(f, 0.5, has_aux=True)
        return y, apply(1.0), extra
    return getattr(ad, transform)(f, has_aux=True)(0.5)


@CASES.each(GRADS)
def aux_as_a_list_of_two(ad: Any, transform: str) -> Any:
    def f(x: Any) -> tuple[Any, list[Any]]:
        return x * x, [x, 7]

    return getattr(ad, transform)(f, has_aux=True)(3.0)


def tree_cases() -> dict[str, Any]:
    x, y = vectors()
    return {
        "dict": {"b": x, "a": y},
        "ordered": collections.OrderedDict([("b", x), ("a", y)]),
        "defaultdict": collections.defaultdict(list, {"b": x, "a": y}),
        "list": [x, y],
        "tuple": (x, y),
        "named": Point(x, y),
        "node": Pair(x, y, "tag"),
        "dataclass": Layer(x, y, "dense"),
        "none": (x, None, y),
        "empty parts": (x, {}, [], (), y),
        "nested": {"p": Point(x, [y, (x,)]), "q": {"r": None, "s": 2.0}},
        "scalar": {"a": 2.0, "b": np.float32(1.0), "c": x},
        "integer keys": {3: x, 1: y},
        "bare": x,
    }


def norm(tree: Any) -> Any:
    return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(tree))


TREES = (*tree_cases(),)


@CASES.each([(t, k) for t in (*GRADS, "jacrev", "jacfwd") for k in TREES])
def tree_in(ad: Any, which: tuple[str, str]) -> Any:
    transform, kind = which
    tree = tree_cases()[kind]
    if transform == "jacfwd" and kind == "scalar":
        tree = {"a": 2.0, "c": tree["c"]}
    return getattr(ad, transform)(norm)(tree)


@CASES.each([(t, k) for t in ("jacfwd", "jacrev", "jvp", "vjp") for k in TREES])
def tree_out(ad: Any, which: tuple[str, str]) -> Any:
    transform, kind = which
    tree = tree_cases()[kind]

    def f(scale: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, float) * scale, tree)

    if transform == "jvp":
        return ad.jvp(f, (2.0,), (1.0,))
    if transform == "vjp":
        y, pull = ad.vjp(f, 2.0)
        return y, pull(y)
    return getattr(ad, transform)(f)(2.0)


@CASES.each(GRADS)
def empty_tree(ad: Any, transform: str) -> Any:
    return getattr(ad, transform)(lambda nothing: 1.0)({})


@CASES.each(({}, (), [], None, {"a": (), "b": None}))
def jvp_of_an_empty_tree(ad: Any, tree: Any) -> Any:
    return ad.jvp(lambda nothing: 1.0, (tree,), (tree,))


@CASES.add
def jvp_without_arguments(ad: Any) -> Any:
    return ad.jvp(lambda: 2.0, (), ())


@CASES.add
def vjp_without_arguments(ad: Any) -> Any:
    y, pull = ad.vjp(lambda: 2.0)
    return y, pull(1.0)


@CASES.each(("jvp", "vjp", "jacfwd", "jacrev"))
def outputs_that_are_constant(ad: Any, transform: str) -> Any:
    def f(x: Any) -> Any:
        return {"a": jnp.ones(2), "b": x * 2.0, "c": 3.0, "d": 4}

    def without_integers(x: Any) -> Any:
        return {k: v for k, v in f(x).items() if k != "d"}

    if transform == "jvp":
        return ad.jvp(f, (1.5,), (1.0,))
    if transform == "vjp":
        y, pull = ad.vjp(without_integers, 1.5)
        return y, pull(jax.tree.map(jnp.ones_like, y))
    return getattr(ad, transform)(without_integers)(1.5)


@CASES.each(TRANSFORMS)
def keyword_arguments(ad: Any, transform: str) -> Any:
    def f(x: Any, *rest: Any, scale: Any = 2.0, **more: Any) -> Any:
        return jnp.sin(x) * scale * more["shift"] * more.get("power", 1.0) + sum(rest)

    derivative = getattr(ad, transform)(f)
    first = derivative(0.3, shift=jnp.array(1.5))
    return first, derivative(0.3, 1.0, shift=2.0, scale=np.float64(3.0), power=4.0)


@CASES.add
def keyword_arguments_reach_the_function_as_they_are(ad: Any) -> Any:
    seen: list[Any] = []

    def f(x: Any, **more: Any) -> Any:
        seen.extend(more.values())
        return x * x

    ad.grad(f)(1.0, a="text", b=None, c=3, d=np.arange(2), e=[1.5, {"k": (1,)}])
    return [type(value).__name__ for value in seen]


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


@CASES.each([(t, x, f) for t in GRADS for x in WEAK for f in FUNCTIONS])
def types_of_grad(ad: Any, which: tuple[str, str, str]) -> Any:
    transform, kind, name = which
    f = FUNCTIONS[name]
    return getattr(ad, transform)(lambda x: jnp.sum(f(x)))(WEAK[kind]())


@CASES.each(("python", "weak array", "strong"))
def a_weakly_typed_tangent(ad: Any, kind: str) -> Any:
    x = WEAK[kind]()
    tangent = 1.0 if kind == "python" else jnp.asarray(1.0, jnp.result_type(x))
    return ad.jvp(jnp.sin, (x,), (tangent,))
