"""Random programs through random passes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from jax import lax
from jax.extend.core import Jaxpr

from tests.passes.laws import check_laws
from tests.passes.test_laws import PASSES

Values = list[Any]
Step = tuple[Any, ...]

UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": lax.neg,
    "sin": lax.sin,
    "square": lax.square,
    "reversed": lambda x: lax.rev(x, (0,)),
    "summed": lambda x: lax.broadcast(jnp.sum(x), (3,)),
    "reshaped": lambda x: lax.reshape(lax.reshape(x, (3, 1)), (3,)),
    "barrier": lax.optimization_barrier,
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lax.add,
    "mul": lax.mul,
    "sub": lax.sub,
    "max": lax.max,
    "where": lambda x, y: lax.select(x > y, x, y),
}
NUMBERS = [0.0, -0.0, 1.0, 2.0, -0.5]

places = st.integers(0, 100)
steps = st.recursive(
    st.one_of(
        st.tuples(st.just("one"), st.sampled_from(list(UNARY)), places),
        st.tuples(st.just("two"), st.sampled_from(list(BINARY)), places, places),
        st.tuples(
            st.just("number"), st.sampled_from(list(BINARY)), places,
            st.sampled_from(NUMBERS),
        ),
        st.tuples(st.just("numbers"), st.sampled_from(NUMBERS), places),
        st.tuples(st.just("again"), places),
    ),
    lambda inner: st.tuples(
        st.sampled_from(["jit", "remat", "cond", "scan", "while"]),
        st.lists(inner, min_size=1, max_size=4),
        places,
        places,
        st.integers(1, 2),
    ),
    max_leaves=12,
)  # fmt: skip
programs = st.lists(steps, min_size=1, max_size=8)


def run(program: list[Step], values: Values) -> Values:
    """All values of a program: each step reads some before it and adds more."""
    bodies: dict[int, Callable[..., Any]] = {}
    for number, step in enumerate(program):
        values = values + take(step, number, values, bodies)
    return values


def take(
    step: Step, number: int, values: Values, bodies: dict[int, Callable[..., Any]]
) -> Values:
    at = partial(pick, values)
    match step:
        case ("one", name, i):
            return [UNARY[name](at(i))]
        case ("two", name, i, j):
            return [BINARY[name](at(i), at(j))]
        case ("number", name, i, x):
            return [BINARY[name](at(i), lax.broadcast(np.float64(x), (3,)))]
        case ("numbers", x, i):
            constant = lax.add(lax.mul(np.float64(x), np.float64(2.0)), np.float64(x))
            return [lax.mul(at(i), lax.broadcast(constant, (3,)))]
        case ("again", i) if bodies:
            return list(bodies[sorted(bodies)[i % len(bodies)]](at(i), at(i + 1)))
        case ("again", i):
            return [at(i)]
        case (kind, inner, i, j, outputs):
            bodies[number] = structure(kind, inner, outputs)
            return list(bodies[number](at(i), at(j)))
        case _:
            raise AssertionError(step)


def pick(values: Values, i: int) -> Any:
    return values[i % len(values)]


def structure(kind: str, inner: list[Step], outputs: int) -> Callable[..., Any]:
    def body(x: Any, y: Any) -> Any:
        return tuple(run(inner, [x, y])[-outputs:])

    def pair(x: Any, y: Any) -> Any:
        results = body(x, y)
        return results[0], results[-1]

    def scan(x: Any, y: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            a, b = pair(*carry)
            return (a, b), (row, a)

        (a, b), (_, rows) = lax.scan(step, (x, y), jnp.arange(2.0))
        return a, b, rows[1]

    def loop(x: Any, y: Any) -> Any:
        def step(state: Any) -> Any:
            return (state[0] + 1, *pair(*state[1:]))

        return lax.while_loop(lambda s: s[0] < 2, step, (jnp.asarray(0), x, y))[1:]

    match kind:
        case "jit":
            return jax.jit(pair)
        case "remat":
            return jax.checkpoint(pair)
        case "cond":
            return lambda x, y: lax.cond(
                jnp.sum(x) > 0, pair, lambda a, b: (b, a * 1.0), x, y
            )
        case "scan":
            return scan
        case "while":
            return loop
        case _:
            raise AssertionError(kind)


@given(
    program=programs,
    read=st.lists(places, min_size=1, max_size=3),
    names=st.permutations(list(PASSES)),
)
def test_passes_keep_values_of_random_programs(
    program: list[Step], read: list[int], names: list[str]
) -> None:
    x, y = np.asarray([0.5, -1.25, 2.0]), np.asarray([1.5, 0.0, -0.25])

    def function(x: Any, y: Any) -> Any:
        values = run(program, [x, y])
        return [pick(values[::-1], i) for i in read]

    closed = jax.make_jaxpr(function)(x, y)
    jaxpr: Jaxpr = closed.jaxpr
    for name in names:
        jaxpr = check_laws(PASSES[name], jaxpr, closed.consts, [x, y])
