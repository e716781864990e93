"""Collectives, under every kind of named axis, against JAX's derivatives.

A row is a function of one shard. It is differentiated inside ``jax.vmap`` and inside
``jax.shard_map``, with and without checked types, and from outside of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint
from jax.extend.core import check_jaxpr
from jax.extend.core import primitives as public
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import irad
from irad._compat import primitives
from irad.errors import NoRuleError
from irad.linear_map import Joint, Params
from irad.rules import RULES
from irad.rules.registry import Equation
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

N = 4
MESH = jax.make_mesh(
    (N,), ("i",), axis_types=(AxisType.Auto,), devices=jax.devices()[:N]
)
RING = [(k, (k + 1) % N) for k in range(N)]


@dataclass(frozen=True)
class Row:
    """A function of one shard; ``places`` are where JAX can run it."""

    name: str
    fun: Callable[[Any], Any]
    shape: tuple[int, ...] = (N, 3)
    places: tuple[str, ...] = ("vmap", "checked", "unchecked")

    def __str__(self) -> str:
        """The name, which is the test's id."""
        return self.name


SHARDED = ("checked", "unchecked")
CHECKED = ("checked",)
GROUPS = [[0, 2], [3, 1]]


def _gathered(x: Any, **options: Any) -> Any:
    return lax.all_gather(x, "i", **options)


def _scattered(x: Any, **options: Any) -> Any:
    return lax.psum_scatter(x, "i", **options)


def _exchanged(x: Any, split: int, concat: int, **options: Any) -> Any:
    return lax.all_to_all(x, "i", split, concat, **options)


def _unreduced_sum(x: Any) -> Any:
    return lax.psum(lax.pcast(x, "i", to="unreduced"), "i")


def _unreduced_scatter(x: Any) -> Any:
    x = lax.pcast(x, "i", to="unreduced")
    return lax.psum_scatter(x, "i", scatter_dimension=1, tiled=True)


def _reduced(x: Any) -> Any:
    """A value made the same everywhere, whose cotangents are summed later."""
    return x * _again(_as_reduced(x))


def _as_reduced(x: Any) -> Any:
    return lax.pcast(lax.psum(x, "i"), "i", to="reduced")


def _again(x: Any) -> Any:
    return lax.pcast(x, "i", to="varying")


def _gathered_reduced(x: Any) -> Any:
    whole = lax.all_gather(x, "i", axis=1, tiled=True, to="reduced")
    return jnp.cos(_again(whole))


ROWS = [
    Row("psum", lambda x: lax.psum(x, "i")),
    Row("psum of a scalar", lambda x: lax.psum(x, "i"), ()),
    Row("psum of nothing", lambda x: lax.psum(x, "i"), (0, 3)),
    Row("pmean", lambda x: lax.pmean(x, "i")),
    Row(
        "psum of groups",
        lambda x: lax.psum(x, "i", axis_index_groups=GROUPS),
        places=("unchecked",),
    ),
    Row("ppermute", lambda x: lax.ppermute(x, "i", RING)),
    Row("ppermute in part", lambda x: lax.ppermute(x, "i", RING[1:3]), places=SHARDED),
    Row("pshuffle", lambda x: lax.pshuffle(x, "i", [1, 0, 3, 2])),
    Row("all_gather", _gathered),
    Row("all_gather of scalars", _gathered, ()),
    Row("all_gather along 1", lambda x: _gathered(x, axis=1)),
    Row("all_gather tiled", lambda x: _gathered(x, axis=1, tiled=True)),
    Row(
        "all_gather of groups",
        lambda x: _gathered(x, axis_index_groups=GROUPS, tiled=True),
        places=SHARDED,
    ),
    Row(
        "all_gather invariant",
        lambda x: _gathered(x, axis=1, to="invarying"),
        places=CHECKED,
    ),
    Row(
        "all_gather invariant tiled",
        lambda x: _gathered(x, axis=1, tiled=True, to="invarying"),
        places=CHECKED,
    ),
    Row("all_gather reduced", _gathered_reduced, places=CHECKED),
    Row("psum_scatter", _scattered),
    Row("psum_scatter along 1", lambda x: _scattered(x, scatter_dimension=1), (3, N)),
    Row(
        "psum_scatter tiled",
        lambda x: _scattered(x, scatter_dimension=1, tiled=True),
        (3, 2 * N),
    ),
    Row(
        "psum_scatter of groups",
        lambda x: _scattered(x, axis_index_groups=GROUPS, tiled=True),
        places=SHARDED,
    ),
    Row("all_to_all", lambda x: _exchanged(x, 0, 0)),
    Row("all_to_all tiled", lambda x: _exchanged(x, 1, 0, tiled=True), (3, 2 * N)),
    Row(
        "all_to_all of groups",
        lambda x: _exchanged(x, 0, 1, axis_index_groups=GROUPS, tiled=True),
        places=SHARDED,
    ),
    Row("pswapaxes", lambda x: lax.pswapaxes(x, "i", 0)),
    Row("axis_index", lambda x: x * lax.axis_index("i").astype("float64")),
    Row(
        "varying",
        lambda x: x * _again(lax.psum(x, "i")),
        places=CHECKED,
    ),
    Row("unreduced sum", _unreduced_sum, places=CHECKED),
    Row("unreduced scatter", _unreduced_scatter, (3, 2 * N), places=CHECKED),
    Row("reduced", _reduced, places=CHECKED),
    Row("complex", lambda x: lax.psum(lax.complex(x, 2 * x) ** 2, "i").imag),
    Row("float32", lambda x: lax.psum(x.astype("float32"), "i").astype("float64")),
]
BARE = [
    Row("psum", lambda x: lax.psum(x, "i")),
    Row("ppermute", lambda x: lax.ppermute(x, "i", RING)),
    Row("all_gather", _gathered),
    Row("psum_scatter", _scattered),
    Row("all_to_all", lambda x: _exchanged(x, 0, 0)),
    Row("invariant", lambda x: _gathered(x, to="invarying"), places=CHECKED),
    Row("unreduced sum", _unreduced_sum, places=CHECKED),
    Row("unreduced scatter", _unreduced_scatter, (3, 2 * N), places=CHECKED),
    Row("varying", lambda x: _again(lax.psum(x, "i")), places=CHECKED),
    Row("reduced", lambda x: _again(_as_reduced(x)), places=CHECKED),
    Row(
        "gathered reduced",
        lambda x: _again(_gathered(x, to="reduced")),
        places=CHECKED,
    ),
]
"""Collectives of which nothing else is made: their results are the function's."""
PLACES = [(row, place) for row in ROWS for place in row.places]
# From outside of jax.vmap, of all these only psum is left: as a sum over an axis.
OUTSIDE = [
    (row, place)
    for row, place in PLACES
    if place == "checked" or row.name.startswith("psum") or "checked" not in row.places
]


def _shards(row: Row, n: int) -> Any:
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.standard_normal((n, *row.shape)))


def _derivatives(ad: Any, fun: Callable[[Any], Any], x: Any) -> Any:
    """Everything that is compared, by irad or by JAX."""

    def curved(x: Any) -> Any:
        return jnp.sin(fun(x * x))

    def pull(x: Any) -> Any:
        y, pullback = ad.vjp(curved, x)
        return pullback(jnp.cos(lax.stop_gradient(y)))[0]

    t = jnp.sin(3 * x)
    y, pushed = ad.jvp(curved, (x,), (t,))
    pulled, second = ad.vjp(pull, x)
    return {"value": y, "push": pushed, "pull": pulled, "pull of pull": second(t)[0]}


def _placed(fun: Callable[[Any], Any], place: str) -> Callable[[Any], Any]:
    """``fun`` of one shard as a function of all shards, stacked."""
    if place == "vmap":
        return jax.vmap(fun, axis_name="i")

    def shard(x: Any) -> Any:
        results = fun(lax.squeeze(x, (0,)))
        return jax.tree.map(lambda y: lax.expand_dims(y, (0,)), results)

    return jax.shard_map(
        shard,
        mesh=MESH,
        in_specs=P("i"),
        out_specs=P("i"),
        check_vma=place == "checked",
    )


def _compare(ours: Any, theirs: Any) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(ours), jax.tree.leaves(theirs), strict=True
    ):
        assert a.dtype == b.dtype, path
        scale = np.max(np.abs(b), initial=0.0)
        rtol = 1e-5 if a.dtype == "float32" else 1e-10
        np.testing.assert_allclose(
            a, b, rtol=rtol, atol=rtol * scale, err_msg=jax.tree_util.keystr(path)
        )


def _agree(run: Callable[[Any], Callable[[Any], Any]], x: Any) -> None:
    """The program of irad is well typed, and its results are those of JAX."""
    ours = jax.jit(run(irad)).trace(x)
    check_jaxpr(ours.jaxpr.jaxpr)
    _compare(ours.lower().compile()(x), jax.jit(run(jax))(x))


@pytest.mark.parametrize(("row", "place"), PLACES, ids=str)
def test_derivative_inside_a_mapped_function(row: Row, place: str) -> None:
    def run(ad: Any) -> Callable[[Any], Any]:
        return _placed(lambda x: _derivatives(ad, row.fun, x), place)

    _agree(run, _shards(row, N))


@pytest.mark.parametrize(("row", "place"), OUTSIDE, ids=str)
def test_derivative_of_a_mapped_function(row: Row, place: str) -> None:
    fun = _placed(row.fun, place)

    def run(ad: Any) -> Callable[[Any], Any]:
        return lambda x: _derivatives(ad, fun, x)

    _agree(run, _shards(row, N))


CASES = [
    case
    for place in SHARDED
    for case in of_kinds(
        place,
        [
            Case(row.name, _placed(row.fun, place), (_shards(row, N),))
            for row in BARE
            if place in row.places
        ],
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


@pytest.mark.parametrize("n", [1, 3])
def test_psum_over_a_mapped_axis_of_any_size(n: int) -> None:
    row = Row("psum", lambda x: x * lax.psum(jnp.cos(x), "i"))
    x = _shards(row, n)
    _agree(lambda ad: _placed(lambda x: _derivatives(ad, row.fun, x), "vmap"), x)


def test_psum_over_two_axes_of_which_one_is_mapped() -> None:
    def run(ad: Any) -> Any:
        def inner(x: Any) -> Any:
            return _derivatives(ad, lambda x: lax.psum(x, ("i", "j")), x)

        return jax.vmap(jax.vmap(inner, axis_name="j"), axis_name="i")

    _agree(run, jnp.arange(24.0).reshape(2, 3, 4) / 24)


@pytest.mark.parametrize("collective", [lax.pmax, lax.pmin])
def test_extrema_over_shards_have_no_derivative_as_in_jax(collective: Any) -> None:
    x = jnp.arange(3.0)

    def grads(ad: Any) -> Any:
        return jax.vmap(ad.grad(lambda x: collective(x, "i")), axis_name="i")(x)

    with pytest.raises(NotImplementedError):
        grads(jax)
    with pytest.raises(NoRuleError, match=str(collective.__name__)):
        grads(irad)


class _RaggedAllToAll:
    """What ``lax.ragged_all_to_all`` does, which XLA has for GPUs and TPUs only."""

    multiple_results = False

    def get_bind_params(self, params: Any) -> Any:
        return params

    def bind(self, x: Any, out: Any, *plan: Any, **params: Any) -> Any:
        del params
        rows, starts, sizes, places = (_gathered(a) for a in (x, *plan[:3]))
        me = lax.axis_index("i")
        at = jnp.arange(out.shape[0])
        for sender in range(rows.shape[0]):
            row = at - places[sender, me]
            found = jnp.take(
                rows[sender], starts[sender, me] + row, axis=0, mode="clip"
            )
            is_sent = (row >= 0) & (row < sizes[sender, me])
            out = jnp.where(is_sent[:, None], found, out)
        return out


def test_ragged_all_to_all_and_its_transpose_are_adjoint() -> None:
    """Chunks of any size, some empty, one beginning where an empty one does."""
    send = jnp.array([[2, 1, 0], [0, 3, 1], [1, 0, 2]])
    start = jnp.array([[0, 2, 3], [0, 0, 3], [0, 1, 1]])
    place = jnp.array([[0, 0, 1], [2, 1, 0], [3, 4, 1]])
    plan = (start, send, place, send.T)
    rng = np.random.default_rng(0)
    x, t = jnp.asarray(rng.standard_normal((2, 3, 4, 2)))
    out, s, c = jnp.asarray(rng.standard_normal((3, 3, 5, 2)))
    primitive = _RaggedAllToAll()
    ragged = public.ragged_all_to_all_p

    def shard(x: Any, out: Any, t: Any, s: Any, c: Any, *plan: Any) -> Any:
        domains = (jax.typeof(x), jax.typeof(out), None, None, None, None)
        params = Params(axis_name="i", axis_index_groups=None)
        others = (None, None, *plan)
        made = RULES[ragged].make(  # type: ignore[union-attr]
            Equation(ragged, (x, out, *plan), (out,), params, (0, 1))
        )
        J = Joint(primitive, params, domains, (0, 1), others, made.transpose)
        (pushed,) = J.push((t, s))
        back, kept = J.pull((c,))
        return jnp.sum(c * pushed), jnp.sum(back * t) + jnp.sum(kept * s)

    left, right = jax.vmap(shard, axis_name="i")(x, out, t, s, c, *plan)
    np.testing.assert_allclose(left.sum(), right.sum(), rtol=1e-12)


@pytest.mark.parametrize("place", ["checked", "unchecked"])
def test_all_to_all_to_another_axis_and_its_transpose_are_adjoint(place: str) -> None:
    """JAX exchanges the two axes without their places, and fails."""
    x, t, c = jnp.asarray(np.random.default_rng(0).standard_normal((3, N, N, 3)))
    fun = _placed(lambda x: _exchanged(x, 0, 1), place)
    y, pushed = irad.jvp(fun, (x,), (t,))
    c = c.reshape(y.shape)
    (pulled,) = irad.vjp(fun, x)[1](c)
    np.testing.assert_allclose(jnp.sum(c * pushed), jnp.sum(pulled * t), rtol=1e-12)


def test_pbroadcast_and_its_transpose_are_adjoint() -> None:
    """XLA has it for GPUs only; JAX cannot map it, and its transpose fails there."""
    t, c = jnp.asarray(np.random.default_rng(0).standard_normal((2, N, 3)))
    primitive = primitives.pbroadcast_p

    def shard(t: Any, c: Any) -> Any:
        params = Params(axis_name=("i",), source=2)
        eqn = Equation(primitive, (t,), (t,), params, (0,))
        made = RULES[primitive].make(eqn)  # type: ignore[union-attr]
        return jnp.sum(c * _gathered(t)[2]), jnp.sum(made.pull((c,))[0] * t)

    left, right = jax.vmap(shard, axis_name="i")(t, c)
    np.testing.assert_allclose(left.sum(), right.sum(), rtol=1e-12)


def test_asynchronous_collectives_have_no_derivative_as_in_jax() -> None:
    """An error, and not the zero that a type without a dtype might be taken for."""
    x = jnp.ones((N, 3))

    def sent(x: Any) -> Any:
        started = primitives.ppermute_start_p.bind(
            jnp.sin(x), axis_name=("i",), perm=tuple(RING)
        )
        return primitives.ppermute_done_p.bind(started).sum()

    def grads(ad: Any) -> Any:
        return jax.make_jaxpr(_placed(ad.grad(sent), "unchecked"))(x)

    with pytest.raises(NotImplementedError):
        grads(jax)
    with pytest.raises(NoRuleError, match="_start"):
        grads(irad)


# Placement ----------------------------------------------------------------------------


PLACEMENTS = {
    "sharding_constraint": lambda x: lax.with_sharding_constraint(
        x, NamedSharding(MESH, P("i"))
    ),
    "device_put": lambda x: jax.device_put(x, NamedSharding(MESH, P("i"))),
    "device_put of several": lambda x: sum(
        jax.device_put((x, jnp.cos(x), jnp.ones(3)), jax.memory.Space.Device)[:2]
    ),
    "layout": lambda x: with_layout_constraint(x, Layout((0, 1))),
}


@pytest.mark.parametrize("name", PLACEMENTS)
def test_placement_is_linear(name: str) -> None:
    def run(ad: Any) -> Callable[[Any], Any]:
        return lambda x: _derivatives(ad, PLACEMENTS[name], x)

    _agree(run, jnp.arange(8.0).reshape(4, 2) / 8)
