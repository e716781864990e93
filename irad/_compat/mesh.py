"""Meshes: the context inside a ``shard_map``, and the types on its two sides."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import jax
from jax import lax
from jax._src import config, dispatch
from jax._src import core as _core
from jax.sharding import AxisType, PartitionSpec

ArrayCopySemantics = dispatch.ArrayCopySemantics
Params = dict[str, Any]


@contextmanager
def inside(params: Params) -> Generator[None]:
    """The context in which a ``shard_map``'s body was traced: axes, mesh, checks."""
    mesh = params["mesh"]
    manual = params["newly_manual_axes"]
    every = manual | set(mesh.manual_axes)
    axes = [(name, size) for name, size in mesh.shape.items() if name in every]
    types = dict.fromkeys(manual, AxisType.Manual)
    inner = mesh.abstract_mesh.update_axis_types(types)
    with (
        _core.extend_axis_env_nd(axes),
        jax.sharding.use_abstract_mesh(inner),
        config._check_vma(params["check_vma"]),
    ):
        yield


def shard_type(params: Params, spec: PartitionSpec, aval: Any) -> Any:
    """The type of a shard of a global value of type ``aval``."""
    return _core.shard_aval(
        params["mesh"], params["newly_manual_axes"], params["check_vma"], spec, aval
    )


def global_type(params: Params, spec: PartitionSpec, aval: Any) -> Any:
    """The type of a global value with shards of type ``aval``."""
    return _core.unshard_aval(params["mesh"], params["check_vma"], spec, aval)


def residual_spec(params: Params, aval: Any) -> PartitionSpec:
    """Where the shards of a residual lie in the global one: stacked along axis 0.

    Over all axes that it varies over, which are all manual ones if nothing is checked;
    an axis that was manual outside already stays what it is.
    """
    spec = aval.nospec(params["mesh"], params["check_vma"], _newly_manual(params))
    if not params["check_vma"]:
        return spec
    manual = params["newly_manual_axes"]
    names = tuple(
        name
        for name in params["mesh"].axis_names
        if name in aval.mat.varying and name in manual
    )
    return spec.update(partitions=(names,) if names else ())


def is_on_one_device(aval: Any) -> bool:
    """Whether a type says nothing of a mesh: neither shardings nor manual axes."""
    return aval.sharding.mesh.empty and not aval.mat.varying


def replicated_spec(aval: Any) -> PartitionSpec:
    """The spec of a constant that every shard has whole."""
    return aval.nospec(jax.sharding.AbstractMesh((), ()), False, ())


def unmentioned_axes(params: Params, spec: PartitionSpec) -> tuple[Any, ...]:
    """The manual axes that a spec is silent about: over these a value is replicated."""
    mentioned = set(spec.unreduced)
    for names in spec:
        mentioned.update(names if isinstance(names, tuple) else (names,))
    outer = _core.get_axis_env().spmd_axis_names
    return tuple(
        name
        for name in params["mesh"].axis_names
        if name in params["newly_manual_axes"]
        and name not in outer
        and name not in mentioned
    )


def _newly_manual(params: Params) -> tuple[Any, ...]:
    """The axes that become manual in this ``shard_map``, in the order of the mesh."""
    env = _core.get_axis_env()
    context = jax.sharding.get_abstract_mesh()
    if context.empty:
        mesh, manual = params["mesh"], set(env.axis_sizes)
    else:
        mesh, manual = context, set(context.manual_axes)
    return tuple(
        name
        for name in mesh.axis_names
        if name in params["newly_manual_axes"]
        and name not in manual
        and name not in env.spmd_axis_names
    )


def effects_outside(params: Params, body: Any) -> Any:
    """The effects of a ``shard_map`` equation with a given body."""
    effects = _core.positional_effects(body)
    return _core.filter_named_axis_effects(effects, params["mesh"].axis_names)


def zeros(aval: Any) -> Any:
    """Zeros of a type: of its sharding, its manual axes and its memory."""
    sharding = aval.sharding
    if sharding.mesh.empty:
        return lax.full(aval.shape, 0, aval.dtype)
    with jax.sharding.use_abstract_mesh(sharding.mesh):
        zero = lax.full((), 0, aval.dtype)
        spread = lax.broadcast(zero, aval.shape, out_sharding=sharding)
        return as_manual_type(spread, aval)


def varying_as(x: Any, like: Any) -> Any:
    """A value, counted as different for every shard for which ``like`` is."""
    missing = _core.typeof(like).mat.varying - _core.typeof(x).mat.varying
    return lax.pcast(x, tuple(missing), to="varying") if missing else x


def same_for_all_shards(aval: Any) -> Any:
    """The type of a value inside a ``shard_map`` that no axis tells apart."""
    if not (aval.mat.varying or aval.mat.reduced or aval.mat.unreduced):
        return aval
    return aval.update(manual_axis_type=_core.ManualAxisType())


def is_partial_sum(aval: Any) -> bool:
    """Whether the values of all shards are still to be summed."""
    return bool(aval.mat.unreduced)


def as_manual_type(x: Any, aval: Any) -> Any:
    """A value that is the same for every shard, in the manual type of ``aval``.

    Only zeros may become a sum that is not made yet.
    """
    mat = aval.mat
    if shared := tuple(mat.varying | mat.unreduced):
        x = lax.pcast(x, shared, to="varying")
    if mat.unreduced:
        x = lax.pcast(x, tuple(mat.unreduced), to="unreduced")
    return lax.pcast(x, tuple(mat.reduced), to="reduced") if mat.reduced else x


def is_future(aval: Any) -> bool:
    """Whether a type is that of an asynchronous collective's result on its way."""
    return isinstance(aval, _core.AbstractFuture)
