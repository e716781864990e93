"""What moves before a loop, and that prologue and rest together are the body."""

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Jaxpr, check_jaxpr
from jax.extend.core import primitives as p

from irad_passes import invariant_equations
from tests.passes.evaluation import bits, evaluate
from tests.passes.laws import count
from tests.passes.programs import x3

F = False
T = True


def split(
    function: Callable[..., Any], invariant: Sequence[bool], *args: Any
) -> tuple[Jaxpr, Jaxpr, Jaxpr]:
    """A body with its prologue and its rest, checked to compute the same together."""
    closed = jax.make_jaxpr(function)(*args)
    body = closed.jaxpr
    prologue, rest = invariant_equations(body, invariant)
    check_jaxpr(prologue)
    check_jaxpr(rest)
    extras = prologue.outvars
    assert prologue.invars == list(compress(body.invars, invariant))
    assert rest.invars == [*body.invars, *extras]
    assert rest.outvars == body.outvars
    assert prologue.constvars == rest.constvars == body.constvars
    early = evaluate(prologue, closed.consts, list(compress(args, invariant)))
    late = evaluate(rest, closed.consts, [*args, *early])
    assert bits(late) == bits(evaluate(body, closed.consts, args))
    again, same = invariant_equations(rest, [*invariant, *[True] * len(extras)])
    assert same is rest
    assert again.eqns == []
    return body, prologue, rest


def test_what_depends_on_invariants_alone_moves() -> None:
    def body(w: Any, c: Any, x: Any) -> Any:
        scale = jnp.sin(w) * jnp.cos(w)
        return c * scale + x, jnp.exp(c)

    _, prologue, rest = split(body, [T, F, F], x3, x3, x3)
    assert (len(prologue.eqns), len(prologue.outvars)) == (3, 1)
    assert count(rest, p.sin_p, p.cos_p) == 0


def test_invariant_outputs_and_inputs_stay_outputs() -> None:
    def body(w: Any, c: Any) -> Any:
        return jnp.sin(w), w, c, jnp.cos(c)

    _, prologue, rest = split(body, [T, F], x3, x3)
    assert prologue.outvars == rest.outvars[:1]


def test_constants_of_the_body_are_invariant() -> None:
    table = np.arange(3.0)
    _, prologue, _ = split(lambda c: c * jnp.sin(table), [F], x3)
    assert count(prologue, p.sin_p) == 1


def test_nothing_invariant_gives_the_same_body() -> None:
    body, prologue, rest = split(lambda c, x: jnp.sin(c) * x, [F, F], x3, x3)
    assert rest is body
    assert prologue.outvars == []


def test_cheap_constants_are_made_where_they_are_read() -> None:
    def body(w: Any, c: Any) -> Any:
        places = lax.iota(np.int64, 3)
        late = c * places.astype(c.dtype) * lax.full((3,), 2.0)
        return late + w * lax.iota(np.float64, 3), w * lax.full((3,), 3.0) * c

    _, prologue, rest = split(body, [T, F], x3, x3)
    assert count(rest, p.iota_p) == 1
    assert count(prologue, p.iota_p) == 1
    assert len(prologue.outvars) == 2


def test_dear_constants_move() -> None:
    def body(c: Any) -> Any:
        return c @ jnp.linalg.inv(jnp.eye(3) * 2.0)

    _, prologue, rest = split(body, [F], x3)
    assert len(prologue.outvars) == 1
    assert count(rest, p.dot_general_p) == 1


def test_loops_without_a_known_end_stay_wherever_they_are() -> None:
    def search(w: Any) -> Any:
        return lax.while_loop(lambda s: s < 10.0, lambda s: s * 2.0, w)

    def body(w: Any, c: Any) -> Any:
        return c + search(w) + jax.jit(search)(w), jnp.sin(search(w)), jnp.cos(w)

    _, prologue, rest = split(body, [T, F], np.float64(1.0), np.float64(2.0))
    assert count(prologue) == 1
    assert count(rest, p.while_p) == 3


def test_effects_and_draws_stay() -> None:
    def body(w: Any, c: Any) -> Any:
        jax.debug.print("{}", w)
        return c + lax.rng_uniform(w, w, ())

    _, prologue, rest = split(body, [T, F], np.float64(1.0), np.float64(2.0))
    assert prologue.eqns == []
    assert rest.effects


def test_bodies_that_touch_mutable_arrays_stay_whole() -> None:
    def body(w: Any, c: Any) -> Any:
        ref = jax.new_ref(c)
        ref[...] = jnp.sin(w)
        return ref[...]

    body_jaxpr, prologue, rest = split(body, [T, F], x3, x3)
    assert rest is body_jaxpr
    assert prologue.eqns == []


def test_calls_and_loops_with_an_end_move() -> None:
    def body(w: Any, c: Any) -> Any:
        total, _ = lax.scan(lambda s, r: (s + r, None), jnp.sum(w), w)
        return c * total * jax.jit(jnp.sin)(w)

    _, prologue, rest = split(body, [T, F], x3, x3)
    assert count(prologue, p.scan_p, p.jit_p) == 2
    assert count(rest) == 2
