"""Programs of several devices: meshes, where arrays lie, and what a shard computes.

A manual computation of Shardy is ``jax.shard_map``, and a collective in one is the
primitive of those axes of the mesh along which its groups of devices lie. A sharding is
a constraint, that of an argument or a result of a function too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any, cast

import numpy as np
from jax import lax
from jax.sharding import AbstractMesh, AxisType, NamedSharding, PartitionSpec

from irad_passes._compat import Jaxpr
from irad_passes._compat.mlir import by_name, ir, sdy, shard_mapped, traced
from irad_passes.bodies import BodyRewriter
from irad_passes.errors import ModuleError
from irad_passes.modules.attributes import integer
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame, Shared
from irad_passes.modules.regions import operations_of_body

TABLE = Table()


@dataclass(frozen=True)
class Manual:
    """A mesh, and the axes of it along which a region computes one shard."""

    mesh: AbstractMesh
    axes: frozenset[str]

    @property
    def env(self) -> list[tuple[str, int]]:
        """The manual axes with their sizes, in the order of the mesh."""
        return [(a, n) for a, n in self.mesh.shape.items() if a in self.axes]

    @property
    def typed(self) -> AbstractMesh:
        """The mesh as it is inside, where manual axes are of a type of their own."""
        types = [
            AxisType.Manual if a in self.axes else AxisType.Auto
            for a in self.mesh.axis_names
        ]
        return AbstractMesh(
            self.mesh.axis_sizes, self.mesh.axis_names, axis_types=tuple(types)
        )

    def devices(self, names: Sequence[str]) -> np.ndarray[Any, Any]:
        """The devices in rows that lie along some axes, the first varying slowest."""
        order = list(self.mesh.axis_names)
        ids = np.arange(self.mesh.size).reshape([self.mesh.shape[a] for a in order])
        rest = [a for a in order if a not in names]
        turned = ids.transpose([order.index(a) for a in (*rest, *names)])
        return turned.reshape(-1, math.prod(self.mesh.shape[a] for a in names))

    def along(self, groups: np.ndarray[Any, Any]) -> tuple[str, ...] | None:
        """The axes along which groups of devices lie, in the order of the devices."""
        wanted = sorted(groups.tolist())
        for names in self._choices():
            if sorted(self.devices(names).tolist()) == wanted:
                return names
        return None

    def permutation(
        self, pairs: np.ndarray[Any, Any]
    ) -> tuple[tuple[str, ...], list[tuple[int, int]]] | None:
        """The axes, and the pairs of places along them, that pairs of devices are."""
        sent = set(map(tuple, pairs.tolist()))
        for names in self._choices():
            rows = self.devices(names)
            first = rows[0].tolist()
            places = [
                (first.index(a), first.index(b))
                for a, b in pairs.tolist()
                if a in first and b in first
            ]
            if sent == {(row[i], row[j]) for row in rows.tolist() for i, j in places}:
                return names, places
        return None

    def _choices(self) -> Iterator[tuple[str, ...]]:
        """The manual axes in all orders, few before many."""
        names = [a for a, _ in self.env]
        for count in range(1, len(names) + 1):
            yield from permutations(names, count)


# Shardings ----------------------------------------------------------------------------


def constrained(frame: Frame, x: Atom, sharding: Any) -> Atom:
    """A value that lies as an attribute of Shardy says."""
    placed = _named(frame.shared, sdy.TensorShardingAttr(sharding))
    if all(entry is PartitionSpec.UNCONSTRAINED for entry in placed.spec):
        return x
    return _spliced(frame, lambda y: lax.with_sharding_constraint(y, placed), [x])[0]


def of_signature(function: Any, what: str) -> list[Any]:
    """The sharding of each argument (``arg_attrs``) or result (``res_attrs``)."""
    named = function.attributes
    if what not in named:
        return []
    return [
        attributes["sdy.sharding"] if "sdy.sharding" in attributes else None  # noqa: SIM401, it is no dict
        for attributes in map(ir.DictAttr, ir.ArrayAttr(named[what]))
    ]


@TABLE.converts("sdy.sharding_constraint", "sdy.reshard")
def _constraint(frame: Frame, op: Any) -> Sequence[Atom]:
    return [constrained(frame, frame.read(op.operands[0]), op.attributes["sharding"])]


def _named(shared: Shared, sharding: Any) -> NamedSharding:
    mesh, manual = _mesh(shared, sharding), shared.manual
    if manual is not None:
        mesh = manual.typed
    dimensions = [
        _entry(d) if d.is_closed else PartitionSpec.UNCONSTRAINED
        for d in map(sdy.DimensionShardingAttr, sharding.dimension_shardings)
    ]
    return NamedSharding(mesh, PartitionSpec(*dimensions))


def _mesh(shared: Shared, sharding: Any) -> AbstractMesh:
    if sharding.unreduced_axes:
        raise ModuleError("a value that is still to be summed over devices")
    given = sharding.mesh_or_ref
    if isinstance(given, ir.FlatSymbolRefAttr):
        given = shared.meshes[given.value].attributes["mesh"]
    mesh = sdy.MeshAttr(given)
    axes = [sdy.MeshAxisAttr(axis) for axis in mesh.axes]
    sizes = tuple(axis.size for axis in axes)
    ids = list(mesh.device_ids)
    if ids and ids != list(range(math.prod(sizes))):
        raise ModuleError(f"a mesh whose devices are in another order: {ids}")
    return AbstractMesh(sizes, tuple(axis.name for axis in axes))


def _entry(dimension: Any) -> Any:
    """The axes along which a dimension is split, as an entry of a spec."""
    names = []
    for axis in map(sdy.AxisRefAttr, dimension.axes):
        if axis.sub_axis_info is not None:
            raise ModuleError(f"a part of the axis '{axis.name}' of a mesh")
        names.append(axis.name)
    return None if not names else names[0] if len(names) == 1 else tuple(names)


# Manual computations ------------------------------------------------------------------


@TABLE.converts("sdy.manual_computation")
def _manual_computation(frame: Frame, op: Any) -> Sequence[Atom]:
    named = op.attributes
    axes: list[str] = list(cast("Any", sdy.ManualAxesAttr(named["manual_axes"])))
    into, out = (
        [
            sdy.TensorShardingAttr(each)
            for each in sdy.TensorShardingPerValueAttr(named[name]).shardings
        ]
        for name in ("in_shardings", "out_shardings")
    )
    if not axes or not (into or out):
        raise ModuleError("a manual computation of no axes")
    outer = frame.shared.manual
    mesh = _mesh(frame.shared, (into or out)[0]) if outer is None else outer.typed
    with _within(frame.shared, mesh, axes):
        body = frame.body(op.regions[0])
    function = shard_mapped(
        body.closed,
        mesh=mesh,
        in_specs=(
            *[PartitionSpec()] * len(body.captured),
            *(_spec(sharding, axes) for sharding in into),
        ),
        out_specs=[_spec(sharding, axes) for sharding in out],
        axis_names=frozenset(axes),
    )
    results = _spliced(frame, function, [*body.captured, *frame.operands(op)])
    frame.eqns[-1] = _NAMED(frame.eqns[-1])
    return results


def _named_eqns(body: Jaxpr) -> Jaxpr:
    eqns = list(map(by_name, body.eqns))
    return body.replace(eqns=eqns, debug_info=body.debug_info)


_NAMED = BodyRewriter(_named_eqns)


@contextmanager
def _within(shared: Shared, mesh: AbstractMesh, axes: Sequence[str]) -> Iterator[None]:
    """Functions and regions are raised as what is computed of one shard."""
    outer = shared.manual
    known = outer.axes if outer is not None else frozenset[str]()
    shared.manual = Manual(mesh, known | frozenset(axes))
    try:
        yield
    finally:
        shared.manual = outer


def _spec(sharding: Any, manual: Sequence[str]) -> PartitionSpec:
    """How a value is split along manual axes; where it lies along others is free."""
    entries = []
    for dimension in map(sdy.DimensionShardingAttr, sharding.dimension_shardings):
        entry = _entry(dimension)
        names = () if entry is None else (entry,) if isinstance(entry, str) else entry
        entries.append(tuple(a for a in names if a in manual) or None)
    return PartitionSpec(*entries)


# Collectives --------------------------------------------------------------------------

Collective = Callable[..., Any]

_REDUCTIONS: dict[str, Collective] = {
    "stablehlo.add": lax.psum,
    "stablehlo.maximum": lax.pmax,
    "stablehlo.minimum": lax.pmin,
}


@TABLE.converts("stablehlo.all_reduce")
def _all_reduce(frame: Frame, op: Any) -> Sequence[Atom] | None:
    name, *others = dict.fromkeys(operations_of_body(op.regions[0]))
    reduction = _REDUCTIONS.get(name)
    if others or reduction is None:
        return None
    return _collective(frame, op, reduction)


@TABLE.converts("stablehlo.reduce_scatter")
def _reduce_scatter(frame: Frame, op: Any) -> Sequence[Atom] | None:
    if operations_of_body(op.regions[0]) != ["stablehlo.add"]:
        return None
    axis = integer(op, "scatter_dimension")
    return _collective(
        frame, op, partial(lax.psum_scatter, scatter_dimension=axis, tiled=True)
    )


@TABLE.converts("stablehlo.all_gather")
def _all_gather(frame: Frame, op: Any) -> Sequence[Atom] | None:
    axis = integer(op, "all_gather_dim")
    return _collective(frame, op, partial(lax.all_gather, axis=axis, tiled=True))


@TABLE.converts("stablehlo.all_to_all")
def _all_to_all(frame: Frame, op: Any) -> Sequence[Atom] | None:
    split, joined = integer(op, "split_dimension"), integer(op, "concat_dimension")
    exchange = partial(lax.all_to_all, split_axis=split, concat_axis=joined, tiled=True)
    return _collective(frame, op, exchange)


def _collective(frame: Frame, op: Any, of_axes: Collective) -> Sequence[Atom] | None:
    """A collective of each operand; None where it is along no manual axes."""
    manual = frame.shared.manual
    if manual is None or "channel_handle" not in op.attributes:
        return None
    axes = manual.along(np.array(op.attributes["replica_groups"]))
    if axes is None:
        return None
    of_each = (
        _spliced(frame, partial(of_axes, axis_name=axes), [x])
        for x in frame.operands(op)
    )
    return [result for results in of_each for result in results]


@TABLE.converts("stablehlo.collective_permute")
def _collective_permute(frame: Frame, op: Any) -> Sequence[Atom] | None:
    manual = frame.shared.manual
    pairs = np.array(op.attributes["source_target_pairs"]).reshape(-1, 2)
    found = None if manual is None else manual.permutation(pairs)
    if found is None:
        return None
    axes, places = found
    return _spliced(frame, lambda x: lax.ppermute(x, axes, places), frame.operands(op))


@TABLE.converts("stablehlo.partition_id")
def _partition_id(frame: Frame, op: Any) -> Sequence[Atom] | None:
    manual = frame.shared.manual
    if manual is None or manual.axes != frozenset(manual.mesh.axis_names):
        return None
    names, (aval,) = tuple(manual.mesh.axis_names), frame.avals(op)
    return _spliced(frame, lambda: lax.axis_index(names).astype(aval.dtype), [])


def _spliced(
    frame: Frame, function: Callable[..., Any], operands: Sequence[Atom]
) -> list[Atom]:
    """The results of a function of JAX, whose equations are added."""
    program = traced(function, [x.aval for x in operands], *_around(frame))
    return frame.splice(program, operands)


def _around(frame: Frame) -> tuple[list[tuple[str, int]], AbstractMesh | None]:
    """The manual axes, and the mesh whose they are, around an operation."""
    manual = frame.shared.manual
    return ([], None) if manual is None else (manual.env, manual.typed)
