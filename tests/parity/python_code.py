"""Cases about the Python around the numbers: closures, effects, objects, control flow.

JAX runs the function once at every call, on values where it has them. What is read from
a closure is today's, what is not differentiated arrives as it is, and what the function
makes from constants is an array that may be kept.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from tests.parity.outcomes import Cases

CASES = Cases()
TRANSFORMS = ("grad", "value_and_grad", "jacfwd", "jacrev", "jacobian", "hessian")


def vector() -> jax.Array:
    return jnp.array([0.5, -1.5, 2.0, -0.25])


# What changes between calls.

GLOBAL = [1.0]


@CASES.each(TRANSFORMS)
def a_closure_that_changes(ad: Any, transform: str) -> Any:
    scale = 2.0

    def f(x: Any) -> Any:
        return scale * x * x * x

    derivative = getattr(ad, transform)(f)
    first = derivative(1.5)
    scale = 5.0
    return first, derivative(1.5)


@CASES.each(TRANSFORMS)
def a_global_that_changes(ad: Any, transform: str) -> Any:
    derivative = getattr(ad, transform)(lambda x: GLOBAL[0] * x * x)
    first = derivative(1.5)
    GLOBAL[0] += 1.0
    second = derivative(1.5)
    GLOBAL[0] = 1.0
    return first, second


class Model:
    """An object with state, as in code that is not written for JAX."""

    def __init__(self, w: float) -> None:
        self.w = w
        self.calls = 0
        self.cache: Any = None

    def loss(self, x: Any) -> Any:
        self.calls += 1
        return self.w * jnp.sum(x * x)

    def masked(self, x: Any) -> Any:
        if self.cache is None:
            self.cache = jnp.tril(jnp.ones((4, 4)))
        return jnp.sum(self.cache @ x)

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * len(cls.__name__)

    @staticmethod
    def static(x: Any) -> Any:
        return x * x

    def __call__(self, x: Any) -> Any:
        return self.loss(x)


@CASES.each(TRANSFORMS)
def a_self_attribute_that_changes(ad: Any, transform: str) -> Any:
    model = Model(2.0)
    derivative = getattr(ad, transform)(model.loss)
    first = derivative(1.5)
    model.w = 3.0
    return first, derivative(1.5), model.calls


@CASES.each(TRANSFORMS)
def a_default_that_changes(ad: Any, transform: str) -> Any:
    def f(x: Any, scale: float = 2.0) -> Any:
        return scale * x * x

    derivative = getattr(ad, transform)(f)
    first = derivative(1.5)
    f.__defaults__ = (7.0,)
    return first, derivative(1.5)


@CASES.add
def a_closed_over_array_changed_in_place(ad: Any) -> Any:
    table = np.ones(4)
    derivative = ad.grad(lambda x: jnp.sum(x * table))
    first = derivative(vector())
    table *= 3.0
    return first, derivative(vector())


@CASES.add
def a_pullback_keeps_the_values_of_its_call(ad: Any) -> Any:
    state = [2.0]
    _, pull = ad.vjp(lambda x: state[0] * x * x, 3.0)
    state[0] = 100.0
    return pull(1.0), pull(2.0)


# Side effects and what the function sees.


@CASES.each((*TRANSFORMS, "jvp", "vjp", "linearize"))
def the_function_runs_once_a_call(ad: Any, transform: str) -> Any:
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(1)
        return jnp.sin(x) * x

    for _ in range(3):
        if transform == "jvp":
            ad.jvp(f, (1.0,), (1.0,))
        elif transform in ("vjp", "linearize"):
            apply = getattr(ad, transform)(f, 1.0)[1]
            apply(1.0)
            apply(2.0)
        else:
            getattr(ad, transform)(f)(1.0)
    return len(calls)


@CASES.add
def effects_keep_their_order(ad: Any) -> Any:
    log: list[str] = []

    def part(x: Any, name: str) -> Any:
        log.append(name)
        return jnp.sin(x)

    slope = ad.grad(lambda x: part(part(x, "inner") * x, "outer") + part(x, "last"))
    return slope(1.0), slope(2.0), log


@CASES.add
def a_debug_callback_runs_once(ad: Any) -> Any:
    seen: list[float] = []

    def f(x: Any) -> Any:
        jax.debug.callback(lambda value: seen.append(float(value)), x)
        return x * x

    slopes = [ad.grad(f)(value) for value in (1.0, 2.0)]
    jax.effects_barrier()
    return slopes, seen


@CASES.add
def what_is_not_differentiated_arrives_as_it_is(ad: Any) -> Any:
    seen: list[Any] = []
    marker = object()

    def f(x: Any, *rest: Any) -> Any:
        seen.extend(type(value).__name__ for value in rest)
        assert rest[0] is marker
        return x * rest[1]

    others = (marker, 2, 3.5, "mode", None, [1, "a"], np.arange(2), jnp.sin)
    return ad.grad(f)(1.0, *others), seen


@CASES.each(TRANSFORMS)
def strings_and_flags_beside_the_argument(ad: Any, transform: str) -> Any:
    def f(mode: str, x: Any, *, flag: bool) -> Any:
        if mode == "square" and flag:
            return x * x
        return jnp.sin(x)

    derivative = getattr(ad, transform)(f, argnums=1)
    return derivative("square", 2.0, flag=True), derivative("sine", 2.0, flag=False)


@CASES.each(("vjp", "jvp", "linearize", "grad"))
def differentiated_values_are_tracers(ad: Any, transform: str) -> Any:
    seen: list[Any] = []

    def f(x: Any, y: Any) -> Any:
        seen.append((isinstance(x, Tracer), isinstance(x, jax.Array)))
        seen.append((isinstance(y, Tracer), isinstance(y, float)))
        seen.append((x.shape, str(x.dtype), x.ndim, x.size, jnp.shape(y)))
        return x * y

    if transform == "jvp":
        ad.jvp(f, (1.0, 2.0), (1.0, 1.0))
    elif transform == "grad":
        ad.grad(f)(1.0, 2.0)
    else:
        getattr(ad, transform)(f, 1.0, 2.0)
    return seen


# Constants made inside the function are arrays, and may be kept.


@CASES.each(TRANSFORMS)
def a_constant_kept_in_self_is_no_tracer(ad: Any, transform: str) -> Any:
    model = Model(1.0)
    first = getattr(ad, transform)(model.masked)(vector())
    kept = isinstance(model.cache, Tracer)
    return first, kept, model.cache + 1.0, model.masked(vector())


@CASES.each((*TRANSFORMS, "vjp", "linearize"))
def a_cached_helper_makes_arrays(ad: Any, transform: str) -> Any:
    @functools.cache
    def table(n: int) -> Any:
        return jnp.cumsum(jnp.arange(n, dtype=float))

    def f(x: Any) -> Any:
        return jnp.sum(x * x * table(4))

    if transform in ("vjp", "linearize"):
        y = getattr(ad, transform)(f, vector())[0]
    else:
        y = getattr(ad, transform)(f)(vector())
    return y, isinstance(table(4), Tracer), table(4) * 2.0


@CASES.add
def constants_are_concrete_inside(ad: Any) -> Any:
    seen: list[Any] = []

    def f(x: Any, other: Any) -> Any:
        index = jnp.argmax(jnp.array([0.0, 3.0, 1.0]))
        seen.append((int(index), float(jnp.sum(other)), bool(jnp.any(other > 1))))
        seen.append(np.asarray(jnp.arange(3) * 2))
        seen.append(jnp.linspace(0.0, 1.0, 3).tolist())
        return x[int(index)] * float(other[0])

    return ad.grad(f)(vector(), jnp.array([2.0, 3.0])), seen


@CASES.add
def random_numbers_inside_are_concrete(ad: Any) -> Any:
    def f(x: Any) -> Any:
        key = jax.random.key(0)
        first, second = jax.random.split(key)
        flips = int(jax.random.randint(first, (), 1, 5))
        return jnp.sum(x * jax.random.normal(second, (4,))) * flips

    return ad.grad(f)(vector())
