"""The devices that a program is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jax import lax
from jax.sharding import AbstractMesh

from irad_passes._compat import Jaxpr, shard_map_p
from irad_passes.bodies import BODY_PARAMS, bodies_of


def mesh_of(jaxpr: Jaxpr) -> AbstractMesh | None:
    """The mesh that a program's shards and shardings are of; None where it has none."""
    return max(_meshes(jaxpr), key=lambda mesh: mesh.size, default=None)


def has_shards(jaxpr: Jaxpr) -> bool:
    """Whether some of a program is computed shard by shard."""
    return any(
        eqn.primitive is shard_map_p
        or (eqn.primitive in BODY_PARAMS and any(map(has_shards, bodies_of(eqn))))
        for eqn in jaxpr.eqns
    )


def _meshes(jaxpr: Jaxpr) -> Iterator[AbstractMesh]:
    for eqn in jaxpr.eqns:
        if eqn.primitive is shard_map_p:
            yield eqn.params["mesh"].abstract_mesh
        elif eqn.primitive is lax.sharding_constraint_p:
            mesh: Any = getattr(eqn.params["sharding"], "mesh", None)
            if mesh is not None:
                yield mesh.abstract_mesh
        if eqn.primitive in BODY_PARAMS:
            for body in bodies_of(eqn):
                yield from _meshes(body)
