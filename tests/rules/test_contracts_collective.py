"""What the rules for shards and for placement take for granted of JAX.

Each row: a function of one shard that makes one primitive; the params its rule reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.extend.core import primitives as public
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from irad._compat import primitives

MESH = jax.make_mesh(
    (4,), ("i",), axis_types=(AxisType.Auto,), devices=jax.devices()[:4]
)
X = jnp.ones((16, 4))
GATHER = {"all_gather_dimension", "axis_name", "tiled"}
SCATTER = {"scatter_dimension", "axis_name", "tiled"}


def _cast(x: Any, to: str) -> Any:
    return lax.pcast(x, "i", to=to)


def _shared(x: Any) -> Any:
    return lax.psum(x, "i")


def _scattered(x: Any) -> Any:
    return lax.psum_scatter(x, "i", scatter_dimension=1, tiled=True)


def _gathered(x: Any, to: str = "varying") -> Any:
    return lax.all_gather(x, "i", axis=1, to=to)


CHECKED: dict[Any, tuple[Callable[[Any], Any], set[str]]] = {
    primitives.psum_invariant_p: (_shared, {"axes"}),
    primitives.pvary_p: (lambda x: _cast(_shared(x), "varying"), {"axes"}),
    primitives.preduced_p: (
        lambda x: _cast(_cast(_shared(x), "reduced"), "varying"),
        {"axes"},
    ),
    primitives.reduced_vary_cast_p: (
        lambda x: _cast(_cast(_shared(x), "reduced"), "varying"),
        {"axes"},
    ),
    primitives.vary_unreduced_cast_p: (
        lambda x: _shared(_cast(x, "unreduced")),
        {"axes"},
    ),
    primitives.unreduced_psum_p: (lambda x: _shared(_cast(x, "unreduced")), {"axes"}),
    primitives.unreduced_reduce_scatter_p: (
        lambda x: _scattered(_cast(x, "unreduced")),
        SCATTER,
    ),
    primitives.reduce_scatter_p: (_scattered, SCATTER | {"axis_index_groups"}),
    public.all_gather_p: (_gathered, GATHER | {"axis_index_groups"}),
    primitives.all_gather_invariant_p: (
        lambda x: _gathered(x, "invarying"),
        GATHER | {"axis_size"},
    ),
    primitives.all_gather_reduced_p: (
        lambda x: _cast(_gathered(x, "reduced"), "varying"),
        GATHER,
    ),
    public.ppermute_p: (
        lambda x: lax.ppermute(x, "i", [(0, 1)]),
        {"axis_name", "perm"},
    ),
    public.all_to_all_p: (
        lambda x: lax.all_to_all(x, "i", 0, 1),
        {"split_axis", "concat_axis"},
    ),
    primitives.pbroadcast_p: (
        lambda x: lax.pbroadcast(x, "i", 2),
        {"axis_name", "source"},
    ),
}


def _sharded(fun: Callable[[Any], Any], *, checked: bool) -> Any:
    made = jax.shard_map(
        fun, mesh=MESH, in_specs=P("i"), out_specs=P("i"), check_vma=checked
    )
    (eqn,) = jax.make_jaxpr(made)(X).jaxpr.eqns
    return eqn


def _find(jaxpr: Any, primitive: Any) -> Any:
    for eqn in jaxpr.eqns:
        if eqn.primitive is primitive:
            return eqn
        for inner in jaxprs_in_params(eqn.params):
            if found := _find(inner, primitive):
                return found
    return None


@pytest.mark.parametrize("primitive", CHECKED, ids=str)
def test_collectives_have_the_params_that_rules_read(primitive: Any) -> None:
    fun, read = CHECKED[primitive]
    eqn = _find(_sharded(fun, checked=True).params["jaxpr"], primitive)
    assert read <= eqn.params.keys()
    assert len(eqn.invars) == len(eqn.outvars) == 1


def test_psum_of_unchecked_types_keeps_its_axes_in_a_tuple() -> None:
    eqn = _find(_sharded(_shared, checked=False).params["jaxpr"], public.psum_p)
    assert eqn.params == {"axes": ("i",), "axis_index_groups": None}


def test_psum_over_a_mapped_axis_is_a_sum_over_a_position() -> None:
    mapped = jax.make_jaxpr(jax.vmap(_shared, axis_name="i"))(X)
    assert _find(mapped.jaxpr, public.psum_p).params["axes"] == (0,)


@pytest.mark.parametrize("tiled", [True, False])
def test_all_to_all_counts_its_axes_with_the_split_one_kept(tiled: bool) -> None:
    """Exchanging the params transposes it whatever ``tiled`` says."""

    def fun(x: Any) -> Any:
        return lax.all_to_all(x, "i", 0, 1, tiled=tiled)

    eqn = _find(_sharded(fun, checked=True).params["jaxpr"], public.all_to_all_p)
    before, after = list(eqn.invars[0].aval.shape), list(eqn.outvars[0].aval.shape)
    before[eqn.params["split_axis"]] //= 4
    before[eqn.params["concat_axis"]] *= 4
    assert before == after


def test_ragged_all_to_all_has_its_operands_in_the_order_of_its_function() -> None:
    plan = [jnp.ones(4, "int32") * n for n in range(4)]

    def fun(x: Any) -> Any:
        return lax.ragged_all_to_all(x, jnp.cos(x[:2]), *plan, axis_name="i")

    eqn = _find(
        _sharded(fun, checked=False).params["jaxpr"], public.ragged_all_to_all_p
    )
    assert [x.aval.shape for x in eqn.invars] == [(4, 4), (2, 4), *[(4,)] * 4]


def test_shard_map_has_an_open_body_and_a_spec_for_every_operand_and_result() -> None:
    eqn = _sharded(lambda x: x * jnp.arange(4.0), checked=True)
    assert eqn.primitive is primitives.shard_map_p
    assert eqn.params.keys() == {
        "mesh",
        "in_specs",
        "out_specs",
        "jaxpr",
        "check_vma",
        "newly_manual_axes",
    }
    assert not eqn.params["jaxpr"].constvars
    assert len(eqn.params["in_specs"]) == len(eqn.invars)
    assert len(eqn.params["out_specs"]) == len(eqn.outvars)


PLACED: dict[Any, tuple[Callable[[Any], Any], set[str]]] = {
    public.sharding_constraint_p: (
        lambda x: lax.with_sharding_constraint(x, NamedSharding(MESH, P("i"))),
        {"sharding"},
    ),
    public.device_put_p: (
        lambda x: jax.device_put((x, x), jax.memory.Space.Host),
        {"devices", "srcs", "copy_semantics"},
    ),
    primitives.reshard_p: (
        lambda x: jax.sharding.reshard(x, NamedSharding(MESH, P(None, None))),
        {"dst_sharding"},
    ),
}


@pytest.mark.parametrize("primitive", PLACED, ids=str)
def test_placement_has_the_params_that_rules_read(primitive: Any) -> None:
    fun, read = PLACED[primitive]
    eqn = _find(jax.make_jaxpr(fun)(X).jaxpr, primitive)
    assert read <= eqn.params.keys()
    if primitive is public.device_put_p:
        assert all(len(value) == 2 for value in eqn.params.values())
