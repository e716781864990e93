"""Rules of the collectives, and of what moves an array and leaves its values alone.

A value inside ``jax.shard_map`` or ``jax.vmap(axis_name=...)`` is one of n shards. With
JAX's pairing of shards, sum over all of them of <c, t>:

=====================  ==============================  ================================
primitive              map of the stacked shards       transpose
=====================  ==============================  ================================
psum                   ones(n, n): everyone has the    itself: a cotangent belongs to
                       sum, as a shard of its own      one shard, and all are summed
psum_invariant         ones(1, n): one sum, the same   pvary
                       for all, known by its type
pvary                  ones(n, 1): a shared value      psum_invariant
                       becomes n shards
all_gather             every shard has all blocks      reduce_scatter
all_gather_invariant   all blocks, once                the shard's own block
ppermute               a partial permutation           its inverse
all_to_all             blocks transposed over shards   the two axes exchanged
pbroadcast             ones in the source's column     the sum, to the source
=====================  ==============================  ================================

``unreduced`` (a sum not made yet) and ``reduced`` (a shared value whose cotangent is
such a sum) are transposes of each other; the casts between these types cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax

from irad._compat import ir, mesh, primitives
from irad.linear_map import Apply, Array, Blocks, Function, Joint, bind
from irad.rules.registry import (
    Equation,
    Jacobian,
    joint,
    linear,
    register,
    unsupported,
)

# Sums over shards ---------------------------------------------------------------------


def _psum_transpose(c: Array, J: Apply) -> Array:
    """Sums over the named axes again; spreads over the positional ones.

    ``jax.vmap`` turns a named axis that it maps into a positional one.
    """
    axes = J.params["axes"]
    summed = tuple(a for a in axes if isinstance(a, int))
    named = tuple(a for a in axes if not isinstance(a, int))
    if summed:
        kept = tuple(i for i in range(len(J.domain.shape)) if i not in summed)
        c = lax.broadcast_in_dim(c, J.domain.shape, kept)
    return bind(J.primitive, [c], {**J.params, "axes": named}) if named else c


linear(lax.psum_p, _psum_transpose)
linear(
    primitives.psum_invariant_p,
    lambda c, J: lax.pcast(c, J.params["axes"], to="varying"),
)
linear(
    primitives.unreduced_psum_p,
    lambda c, J: lax.pcast(c, J.params["axes"], to="reduced"),
)


def _scatter_transpose(to: str) -> Callable[[Array, Apply], Array]:
    def transpose(c: Array, J: Apply) -> Array:
        return lax.all_gather(
            c,
            J.params["axis_name"],
            axis=J.params["scatter_dimension"],
            axis_index_groups=J.params.get("axis_index_groups"),
            tiled=J.params["tiled"],
            to=to,
        )

    return transpose


linear(primitives.reduce_scatter_p, _scatter_transpose("varying"))
linear(primitives.unreduced_reduce_scatter_p, _scatter_transpose("reduced"))

# Casts between what a shard may be ----------------------------------------------------

linear(
    primitives.pvary_p,
    lambda c, J: bind(primitives.psum_invariant_p, [c], J.params),
)
linear(
    primitives.preduced_p,
    lambda c, J: bind(primitives.unreduced_psum_p, [c], J.params),
)
linear(
    primitives.vary_unreduced_cast_p,
    lambda c, J: lax.pcast(c, J.params["axes"], to="varying"),
)
linear(
    primitives.reduced_vary_cast_p,
    lambda c, J: lax.pcast(c, J.params["axes"], to="unreduced"),
)

# Copies between shards ----------------------------------------------------------------


def _gather_transpose(c: Array, J: Apply) -> Array:
    """Sums the cotangents that all shards have for a block, and gives it its owner."""
    return lax.psum_scatter(
        c,
        J.params["axis_name"],
        scatter_dimension=J.params["all_gather_dimension"],
        axis_index_groups=J.params.get("axis_index_groups"),
        tiled=J.params["tiled"],
    )


def _gather_invariant_transpose(c: Array, J: Apply) -> Array:
    """The shard's own block: what was gathered is one value and has one cotangent."""
    axis = J.params["all_gather_dimension"]
    size = c.shape[axis] // J.params["axis_size"]
    start = lax.axis_index(J.params["axis_name"]) * size
    block = lax.dynamic_slice_in_dim(c, start, size, axis)
    return block if J.params["tiled"] else lax.squeeze(block, (axis,))


def _ppermute_transpose(c: Array, J: Apply) -> Array:
    back = [(target, source) for source, target in J.params["perm"]]
    return lax.ppermute(c, J.params["axis_name"], back)


def _all_to_all_transpose(c: Array, J: Apply) -> Array:
    exchanged = {
        **J.params,
        "split_axis": J.params["concat_axis"],
        "concat_axis": J.params["split_axis"],
    }
    return bind(J.primitive, [c], exchanged)


def _pbroadcast_transpose(c: Array, J: Apply) -> Array:
    axis_name = J.params["axis_name"]
    is_source = lax.axis_index(axis_name) == J.params["source"]
    return lax.select(is_source, lax.psum(c, axis_name), lax.full_like(c, 0))


linear(lax.all_gather_p, _gather_transpose)
linear(primitives.all_gather_reduced_p, _gather_transpose)
linear(primitives.all_gather_invariant_p, _gather_invariant_transpose)
linear(lax.ppermute_p, _ppermute_transpose)
linear(lax.all_to_all_p, _all_to_all_transpose)
linear(primitives.pbroadcast_p, _pbroadcast_transpose)


def _ragged_all_to_all_transpose(c: Array, J: Joint) -> Sequence[Array | None]:
    """Sends every row of ``c`` back; what was overwritten gets no cotangent.

    Operands: rows to send, the array they are written into, and per shard the offsets
    and sizes of what is sent, the offsets where it is written there, the sizes received
    here.
    """
    _, _, input_offsets, send_sizes, output_offsets, recv_sizes = J.others
    axis_name = J.params["axis_name"]

    def told_by_senders(offsets: Array) -> Array:
        return lax.all_to_all(offsets, axis_name, 0, 0, tiled=True)

    written_at = told_by_senders(output_offsets)
    sent_from = told_by_senders(input_offsets)
    blank = lax.full_like(c, 0, shape=J.domains[0].shape)
    back = bind(
        J.primitive, [c, blank, written_at, recv_sizes, sent_from, send_sizes], J.params
    )
    row = lax.broadcasted_iota(written_at.dtype, (c.shape[0], written_at.shape[0]), 0)
    first = lax.broadcast_in_dim(written_at, row.shape, (1,))
    last = lax.broadcast_in_dim(written_at + recv_sizes, row.shape, (1,))
    covered = lax.reduce_or((row >= first) & (row < last), (1,))
    covered = lax.broadcast_in_dim(covered, c.shape, (0,))
    return [back, lax.select(covered, lax.full_like(c, 0), c), None, None, None, None]


joint(
    lax.ragged_all_to_all_p,
    _ragged_all_to_all_transpose,
    operands=lambda position: position < 2,
)

# Placement ----------------------------------------------------------------------------


def _same(c: Array, J: Apply) -> Array:
    return bind(J.primitive, [c], J.params)


linear(lax.sharding_constraint_p, _same)
linear(primitives.layout_constraint_p, _same)
# The cotangent gets no metadata, as in JAX.
linear(primitives.xla_metadata_value_p, lambda c, J: c)


def _reshard_transpose(c: Array, J: Apply) -> Array:
    sharding = ir.cotangent_aval(J.domain).sharding
    with jax.sharding.use_abstract_mesh(sharding.mesh):
        return bind(J.primitive, [c], {**J.params, "dst_sharding": sharding})


linear(primitives.reshard_p, _reshard_transpose)


def _device_put(eqn: Equation) -> Blocks:
    """Each operand goes to a place of its own, its cotangent back where it was."""

    def block(i: int) -> Function:
        domain = ir.tangent_aval(ir.typeof(eqn.x[i]))
        codomain = ir.tangent_aval(ir.typeof(eqn.y[i]))
        place = {name: (eqn.params[name][i],) for name in eqn.params}

        def push(leaves: Any, t: Array) -> Array:
            del leaves
            return bind(eqn.primitive, [t], place)[0]

        def pull(leaves: Any, c: Array) -> Array:
            del leaves
            return bind(eqn.primitive, [c], _back(place, domain, codomain))[0]

        return Function(domain, codomain, (), push, pull)

    return Blocks(
        tuple(
            tuple(block(i) if i == j else None for i in eqn.active)
            for j in range(len(eqn.x))
        )
    )


def _back(place: dict[str, Any], domain: Any, codomain: Any) -> dict[str, Any]:
    """The params that undo a transfer; from another memory by the name of this one."""
    (source,), (copy,) = place["srcs"], place["copy_semantics"]
    if copy == mesh.ArrayCopySemantics.DONATE_INPUT:
        raise ValueError(
            "jax.device_put(..., donate=True) cannot be transposed: its operand is "
            "gone when the cotangent comes back. Drop donate=True, or put the array "
            "before the differentiated function."
        )
    if source is None and domain.memory_space != codomain.memory_space:
        source = domain.memory_space
    return {
        "devices": (source,),
        "srcs": place["devices"],
        "copy_semantics": (mesh.ArrayCopySemantics.ALWAYS_COPY,),
    }


register(lax.device_put_p, Jacobian("linear", _device_put))

# Extrema ------------------------------------------------------------------------------

for _extremum in (lax.pmax_p, lax.pmin_p):
    unsupported(_extremum, "JAX has no rule either; shards that tie would share")
