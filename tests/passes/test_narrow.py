"""Which operands narrow gives back as they were, and which stay broadcast."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from irad_passes import dce, narrow
from tests.passes.laws import check_laws

ROW = jnp.arange(3.0)
COLUMN = jnp.arange(2.0)[:, None]
MATRIX = jnp.arange(6.0).reshape(2, 3) - 2.5

Shapes = list[tuple[int, ...]]
Case = tuple[Callable[..., Any], tuple[Any, ...], Shapes]


def spread(x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return lax.broadcast_in_dim(x, shape, axes)


NARROWED: dict[str, Case] = {
    "a row": (
        lambda x, r: lax.sub(x, spread(r, (2, 3), (1,))),
        (MATRIX, ROW),
        [(2, 3), (1, 3)],
    ),
    "a column": (
        lambda x, c: lax.mul(spread(c, (2, 3), (0, 1)), x),
        (MATRIX, COLUMN),
        [(2, 1), (2, 3)],
    ),
    "a row and a column": (
        lambda r, c: lax.add(spread(r, (2, 3), (1,)), spread(c, (2, 3), (0, 1))),
        (ROW, COLUMN),
        [(1, 3), (2, 1)],
    ),
    "two rows": (
        lambda r, s: lax.mul(spread(r, (2, 3), (1,)), spread(s, (2, 3), (1,))),
        (ROW, -ROW),
        [(1, 3), (2, 3)],
    ),
    "a number": (
        lambda x: lax.max(x, jnp.zeros((2, 3))),
        (MATRIX,),
        [(2, 3), ()],
    ),
    "two numbers": (
        lambda a, b: lax.div(spread(a, (2, 3), ()), spread(b, (2, 3), ())),
        (ROW[1], ROW[2]),
        [(), (2, 3)],
    ),
    "an axis of no elements": (
        lambda r: lax.add(spread(r, (0, 3), (1,)), jnp.zeros((0, 3))),
        (ROW,),
        [(0, 3), (0, 3)],
    ),
    "of another operation": (
        lambda r: lax.neg(spread(r, (2, 3), (1,))),
        (ROW,),
        [(2, 3)],
    ),
    "axes of size 1": (
        lambda x, r: lax.add(x[:1], spread(r, (1, 3), (1,))),
        (MATRIX, ROW),
        [(1, 3), (1, 3)],
    ),
    "in a loop": (
        lambda x, r: lax.scan(
            lambda s, y: (lax.add(s, spread(y, (2, 3), (1,))), None), x, r[None]
        )[0],
        (MATRIX, ROW),
        [(2, 3), (1, 3)],
    ),
}


def last_operands(jaxpr: Any) -> Shapes:
    eqn = jaxpr.eqns[-1]
    if eqn.primitive is lax.scan_p:
        return last_operands(eqn.params["jaxpr"].jaxpr)
    return [x.aval.shape for x in eqn.invars]


@pytest.mark.parametrize("name", NARROWED)
def test_operands_have_the_axes_that_the_others_lack(name: str) -> None:
    function, args, shapes = NARROWED[name]
    closed = jax.make_jaxpr(function)(*args)
    new = check_laws(narrow, closed.jaxpr, closed.consts, args)
    assert last_operands(new) == shapes


def test_a_shape_is_made_once_and_what_was_broadcast_is_dead() -> None:
    def twice(x: Any, r: Any) -> Any:
        wide = spread(r, (2, 3), (1,))
        return lax.mul(lax.add(x, wide), wide)

    closed = jax.make_jaxpr(twice)(MATRIX, ROW)
    new = dce(check_laws(narrow, closed.jaxpr, closed.consts, (MATRIX, ROW)))
    made = [e for e in new.eqns if e.primitive is lax.broadcast_in_dim_p]
    assert [e.outvars[0].aval.shape for e in made] == [(1, 3)]
