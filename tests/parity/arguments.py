"""Cases about what goes in and comes out: argnums, trees, aux and keywords."""

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


def product(x: Any, y: Any) -> Any:
    return jnp.sin(x) * y * y


def vectors() -> tuple[jax.Array, jax.Array]:
    return jnp.array([0.3, -1.2, 2.0]), jnp.array([1.5, 0.5, -0.7])


ARGNUMS = (0, 1, -1, -2, (0,), (1,), (-1,), (0, 1), (1, 0), (0, -1), (-1, 0), [0, 1])
MORE_ARGNUMS = (True, range(2), np.int64(1), np.array(1))


@CASES.each(
    [(t, n) for t in TRANSFORMS for n in ARGNUMS]
    + [(t, n) for t in ("grad", "jacfwd", "jacrev") for n in MORE_ARGNUMS]
)
def argnums_of_scalars(ad: Any, which: tuple[str, Any]) -> Any:
    transform, argnums = which
    return getattr(ad, transform)(product, argnums)(0.7, 1.3)


@CASES.each([(t, n) for t in JACOBIANS for n in (-1, (1, 0), [0, 1])])
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
