"""What the shape, index, reduction and window rules take for granted of JAX.

Each row: a function that makes one primitive, the shapes of its operands in the order
the rules read them, and the params they read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

X = jnp.ones((3, 4))
P = jnp.ones(())
V = jnp.ones(5)
I = jnp.zeros((2, 1), jnp.int32)  # noqa: E741
N = jnp.zeros((), jnp.int32)
GATHER = lax.GatherDimensionNumbers((1,), (0,), (0,))
SCATTER = lax.ScatterDimensionNumbers((1,), (0,), (0,))
U = jnp.ones((2, 4))
WINDOW = {
    "window_dimensions",
    "window_strides",
    "padding",
    "base_dilation",
    "window_dilation",
}
SCATTER_PARAMS = {
    "dimension_numbers",
    "indices_are_sorted",
    "mode",
    "unique_indices",
    "update_jaxpr",
}


def pool(combine: Any, start: float) -> Callable[[Any], Any]:
    return lambda x: lax.reduce_window(x, start, combine, (2, 2), (1, 1), "VALID")


def scatter(fun: Any) -> tuple[Any, tuple[Any, ...], list[tuple[int, ...]], set[str]]:
    made = lambda x, i, u: fun(x, i, u, SCATTER)  # noqa: E731
    return made, (X, I, U), [(3, 4), (2, 1), (2, 4)], SCATTER_PARAMS


Row = tuple[Callable[..., Any], tuple[Any, ...], list[tuple[int, ...]], set[str]]
ROWS: dict[Any, Row] = {
    lax.reshape_p: (
        lambda x: lax.reshape(x, (4, 3), (1, 0)),
        (X,),
        [(3, 4)],
        {"new_sizes", "dimensions", "sharding"},
    ),
    lax.transpose_p: (
        lambda x: lax.transpose(x, (1, 0)),
        (X,),
        [(3, 4)],
        {"permutation"},
    ),
    lax.broadcast_in_dim_p: (
        lambda x: lax.broadcast_in_dim(x, (2, 3, 4), (1, 2)),
        (X,),
        [(3, 4)],
        {"broadcast_dimensions", "shape", "sharding"},
    ),
    lax.squeeze_p: (
        lambda x: lax.squeeze(x, (0,)),
        (X[:1],),
        [(1, 4)],
        {"dimensions"},
    ),
    lax.rev_p: (lambda x: lax.rev(x, (0,)), (X,), [(3, 4)], {"dimensions"}),
    lax.tile_p: (lambda x: lax.tile(x, (2, 1)), (X,), [(3, 4)], {"reps"}),
    lax.slice_p: (
        lambda x: lax.slice(x, (0, 1), (2, 4), (1, 2)),
        (X,),
        [(3, 4)],
        {"start_indices", "limit_indices", "strides"},
    ),
    lax.pad_p: (
        lambda x, p: lax.pad(x, p, ((1, 0, 0), (0, 2, 1))),
        (X, P),
        [(3, 4), ()],
        {"padding_config"},
    ),
    lax.concatenate_p: (
        lambda x: lax.concatenate([x, x[:1]], 0),
        (X,),
        [(3, 4), (1, 4)],
        {"dimension"},
    ),
    lax.stack_p: (lambda v: lax.stack([v, v], axis=1), (V,), [(5,), (5,)], {"axis"}),
    lax.unstack_p: (lambda x: lax.unstack(x, axis=1), (X,), [(3, 4)], {"axis"}),
    lax.split_p: (
        lambda x: lax.split(x, (1, 3), axis=1),
        (X,),
        [(3, 4)],
        {"sizes", "axis"},
    ),
    lax.gather_p: (
        lambda x, i: lax.gather(x, i, GATHER, (1, 4)),
        (X, I),
        [(3, 4), (2, 1)],
        {
            "dimension_numbers",
            "slice_sizes",
            "mode",
            "fill_value",
            "unique_indices",
            "indices_are_sorted",
        },
    ),
    lax.scatter_p: scatter(lax.scatter),
    lax.scatter_add_p: scatter(lax.scatter_add),
    lax.scatter_sub_p: scatter(lax.scatter_sub),
    lax.scatter_mul_p: scatter(lax.scatter_mul),
    lax.scatter_min_p: scatter(lax.scatter_min),
    lax.scatter_max_p: scatter(lax.scatter_max),
    lax.dynamic_slice_p: (
        lambda x, i: lax.dynamic_slice_p.bind(x, i, i, slice_sizes=(1, 2)),
        (X, N),
        [(3, 4), (), ()],
        {"slice_sizes"},
    ),
    lax.dynamic_update_slice_p: (
        lambda x, u, i: lax.dynamic_update_slice_p.bind(x, u, i, i),
        (X, U, N),
        [(3, 4), (2, 4), (), ()],
        set(),
    ),
    lax.sort_p: (
        lambda v: lax.sort((v, -v), num_keys=1),
        (V,),
        [(5,), (5,)],
        {"dimension", "is_stable", "num_keys"},
    ),
    lax.top_k_p: (lambda v: lax.top_k(v, 2), (V,), [(5,)], {"k", "axis"}),
    lax.approx_top_k_p: (
        lambda v: lax.approx_max_k(v, 2),
        (V,),
        [(5,)],
        {"k", "reduction_dimension"},
    ),
    lax.reduce_sum_p: (lambda x: lax.reduce_sum(x, (0,)), (X,), [(3, 4)], {"axes"}),
    lax.reduce_max_p: (lambda x: lax.reduce_max(x, (0,)), (X,), [(3, 4)], {"axes"}),
    lax.reduce_min_p: (lambda x: lax.reduce_min(x, (0,)), (X,), [(3, 4)], {"axes"}),
    lax.reduce_prod_p: (lambda x: lax.reduce_prod(x, (0,)), (X,), [(3, 4)], {"axes"}),
    lax.reduce_p: (
        lambda x, p: lax.reduce(x, p, lambda a, b: a + b, (0,)),
        (X, P),
        [(3, 4), ()],
        {"computation", "jaxpr", "dimensions"},
    ),
    lax.cumsum_p: (lambda v: lax.cumsum(v), (V,), [(5,)], {"axis", "reverse"}),
    lax.cumprod_p: (lambda v: lax.cumprod(v), (V,), [(5,)], {"axis", "reverse"}),
    lax.cummax_p: (lambda v: lax.cummax(v), (V,), [(5,)], {"axis", "reverse"}),
    lax.cummin_p: (lambda v: lax.cummin(v), (V,), [(5,)], {"axis", "reverse"}),
    lax.cumlogsumexp_p: (
        lambda v: lax.cumlogsumexp(v),
        (V,),
        [(5,)],
        {"axis", "reverse"},
    ),
    lax.reduce_window_sum_p: (pool(lax.add, 0.0), (X,), [(3, 4)], WINDOW),
    lax.reduce_window_max_p: (pool(lax.max, -np.inf), (X,), [(3, 4)], WINDOW),
    lax.reduce_window_min_p: (pool(lax.min, np.inf), (X,), [(3, 4)], WINDOW),
    lax.reduce_window_p: (
        lambda x: pool(lax.mul, 1.0)(x),
        (X,),
        [(3, 4), ()],
        WINDOW | {"jaxpr", "consts"},
    ),
}


@pytest.mark.parametrize("primitive", ROWS, ids=str)
def test_operands_and_params(primitive: Any) -> None:
    fun, args, shapes, params = ROWS[primitive]
    made = jax.make_jaxpr(fun)(*args).jaxpr
    (eqn,) = [eqn for eqn in made.eqns if eqn.primitive is primitive]
    assert [x.aval.shape for x in eqn.invars] == shapes
    assert params <= set(eqn.params)


def selects(fun: Callable[[Any], Any], primitive: Any) -> Any:
    made = jax.make_jaxpr(fun)(X).jaxpr
    (eqn,) = [eqn for eqn in made.eqns if eqn.primitive is primitive]
    return eqn


def test_selections_take_the_moved_array_first_and_the_compared_one_second() -> None:
    eqn = selects(
        lambda x: jax.jvp(pool(lax.max, -np.inf), (x,), (2.0 * x,))[1],
        lax.select_and_gather_add_p,
    )
    assert WINDOW | {"select_prim"} == set(eqn.params)
    assert eqn.params["select_prim"] is lax.ge_p
    pulled = selects(
        lambda x: jax.vjp(pool(lax.max, -np.inf), x)[1](jnp.ones((2, 3))),
        lax.select_and_scatter_add_p,
    )
    assert [x.aval.shape for x in pulled.invars] == [(2, 3), (3, 4)]
    expected = {"select_prim", "window_dimensions", "window_strides", "padding"}
    assert expected == set(pulled.params)


def test_sort_and_top_k_give_positions_last() -> None:
    values, positions = lax.top_k(jnp.array([1.0, 3.0, 2.0]), 2)
    np.testing.assert_array_equal(values, [3, 2])
    np.testing.assert_array_equal(positions, [1, 2])
    assert lax.sort_p.multiple_results
    assert lax.approx_max_k(jnp.ones(3), 1)[1].dtype == jnp.int32
