"""A block of a module while it is raised: what its values have become so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from jax import lax

from irad_passes._compat import Jaxpr, Literal, Primitive, Var, jit_p
from irad_passes._compat.mlir import (
    ClosedJaxpr,
    Effects,
    JaxprEqn,
    ShapedArray,
    equation,
    jit_params,
    named_source,
    no_effects,
    scalar,
)
from irad_passes._compat.mlir import jaxpr_object as _jaxpr_object
from irad_passes.effects import union_of_effects
from irad_passes.errors import ModuleError
from irad_passes.modules.places import place_of
from irad_passes.modules.types import aval_of

Atom = Var | Literal
Value = Atom | tuple[Atom, ...]
"""What stands for a value of a module: an atom, or those of a tuple's elements."""


@dataclass(frozen=True, eq=False)
class Function:
    """A function of a module, raised: its array constants are its first inputs."""

    name: str
    jaxpr: ClosedJaxpr
    constants: tuple[np.ndarray[Any, Any], ...]


class Avals:
    """JAX types by type of a module; each is worked out once."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def __getitem__(self, type_: Any) -> Any:
        found = self._known.get(type_)
        if found is None:
            found = self._known[type_] = aval_of(type_)
        return found


@dataclass(eq=False)
class Shared:
    """What all blocks of a module have in common while it is raised."""

    function: Callable[[str], Function]
    convert: Callable[[Frame, Any], Sequence[Atom]]
    symbols: dict[str, Any]
    avals: Avals
    ctx: Any
    file: str
    meshes: dict[str, Any] = field(default_factory=dict)
    manual: Any = None
    """The mesh and its axes along which one shard is computed; None outside of that."""
    expansions: dict[Any, None] = field(default_factory=dict)
    """The functions of whose expansions a constant was met."""


class Frame:
    """The equations of one block, and the atoms that stand for its values.

    A region may read values of the blocks around it. Each becomes an input of the
    region's body, which ``captured`` lists by the atom outside that it stands for.
    """

    def __init__(self, shared: Shared, outer: Frame | None = None) -> None:
        self.shared = shared
        self.outer = outer
        self.eqns: list[JaxprEqn] = []
        self.source: Any = named_source("")
        self.captured: dict[Var, Var] = {}
        self.constants: list[np.ndarray[Any, Any]] = []
        self.constvars: list[Var] = []
        self._constvar_of: dict[int, Var] = {}
        self.powers: dict[Any, tuple[Atom, int]] = {}
        self._env: dict[Any, Value] = {}
        self._early: set[Any] = set()

    # Values ---------------------------------------------------------------------------

    def define(self, value: Any, atom: Atom) -> None:
        """Lets an atom stand for a value of the module."""
        self._env[value] = atom

    def define_early(self, value: Any, atom: Atom) -> None:
        """Lets an atom stand for a result of an operation that is still to come.

        The operation, which has no other result, is then passed over.
        """
        self._env[value] = atom
        self._early.add(value)

    def read(self, value: Any) -> Atom:
        """The atom of a value, of this block or of one around it."""
        found = self._read(value)
        if isinstance(found, tuple):
            raise ModuleError(f"a value of type {value.type} is no array")
        return found

    def elements(self, value: Any) -> tuple[Atom, ...]:
        """The atoms of a tuple."""
        return cast("tuple[Atom, ...]", self._read(value))

    def _read(self, value: Any) -> Value:
        found = self._env.get(value)
        if found is None:
            assert self.outer is not None, f"{value} is used before it is defined"
            outside = self.outer._read(value)
            found = self._env[value] = (
                tuple(map(self._capture, outside))
                if isinstance(outside, tuple)
                else self._capture(outside)
            )
        return found

    def operands(self, op: Any) -> list[Atom]:
        """The atoms of an operation's operands."""
        return [self.read(value) for value in op.operands]

    def aval(self, value: Any) -> Any:
        """The JAX type of a value of the module."""
        return self.shared.avals[value.type]

    def avals(self, op: Any) -> list[Any]:
        """The JAX types of an operation's results."""
        return [self.shared.avals[value.type] for value in op.results]

    def constant(self, array: np.ndarray[Any, Any]) -> Atom:
        """An array that the module holds: a literal for a scalar."""
        if array.ndim == 0:
            return scalar(array, array.dtype)
        if self.outer is not None:
            return self._capture(self.outer.constant(array))
        var = self._constvar_of.get(id(array))
        if var is None:
            var = Var(ShapedArray(array.shape, array.dtype))
            self._constvar_of[id(array)] = var
            self.constants.append(array)
            self.constvars.append(var)
        return var

    def _capture(self, outside: Atom) -> Atom:
        if isinstance(outside, Literal):
            return outside
        inside = self.captured.get(outside)
        if inside is None:
            inside = self.captured[outside] = Var(outside.aval)
        return inside

    # Equations ------------------------------------------------------------------------

    def equation(
        self,
        primitive: Primitive,
        operands: Sequence[Atom],
        avals: Sequence[Any],
        **params: Any,
    ) -> list[Atom]:
        """Adds an equation and gives its results."""
        return self.effectful(no_effects, primitive, operands, avals, **params)

    def effectful(
        self,
        effects: Effects,
        primitive: Primitive,
        operands: Sequence[Atom],
        avals: Sequence[Any],
        **params: Any,
    ) -> list[Atom]:
        """Adds an equation that may have effects, and gives its results."""
        ctx = self.shared.ctx
        eqn = equation(primitive, operands, avals, params, self.source, ctx, effects)
        self.eqns.append(eqn)
        return cast("list[Atom]", eqn.outvars)

    def broadcast(self, x: Atom, shape: tuple[int, ...]) -> Atom:
        """A value repeated along leading axes, so that it has a shape."""
        of_value = shape_of(x)
        if shape == of_value:
            return x
        (made,) = self.equation(
            lax.broadcast_in_dim_p,
            [x],
            [ShapedArray(shape, dtype_of(x))],
            shape=shape,
            broadcast_dimensions=tuple(range(len(shape) - len(of_value), len(shape))),
            sharding=None,
        )
        return made

    def reshaped(self, x: Atom, shape: tuple[int, ...]) -> Atom:
        """A value in another shape of as many elements."""
        (made,) = self.equation(
            lax.reshape_p,
            [x],
            [ShapedArray(shape, dtype_of(x))],
            new_sizes=shape,
            dimensions=None,
            sharding=None,
        )
        return made

    def converted(self, x: Atom, dtype: Any) -> list[Atom]:
        """A value in another dtype."""
        return self.equation(
            lax.convert_element_type_p,
            [x],
            [ShapedArray(shape_of(x), dtype)],
            new_dtype=dtype,
            weak_type=False,
            sharding=None,
        )

    def promoted(self, xs: Sequence[Atom], avals: Sequence[Any]) -> list[Atom]:
        """Operands in the dtypes of the results that a body makes of them."""
        return [
            x if dtype_of(x) == aval.dtype else self.converted(x, aval.dtype)[0]
            for x, aval in zip(xs, avals, strict=True)
        ]

    def call(self, function: Function, operands: Sequence[Atom]) -> list[Atom]:
        """Adds a call of a function of the module."""
        constants = [self.constant(array) for array in function.constants]
        params = jit_params(function.jaxpr, function.name)
        from_call = [*constants, *operands]
        closed = function.jaxpr
        return self.effectful(
            closed.effects, jit_p, from_call, closed.out_avals, **params
        )

    def splice(self, program: ClosedJaxpr, operands: Sequence[Atom]) -> list[Atom]:
        """Adds the equations of a program without constants, and gives its results."""
        jaxpr = program.jaxpr
        known: dict[Any, Atom] = dict(zip(jaxpr.invars, operands, strict=True))

        def found(x: Any) -> Atom:
            return x if isinstance(x, Literal) else known[x]

        for eqn in jaxpr.eqns:
            results = self.effectful(
                eqn.effects,
                eqn.primitive,
                list(map(found, eqn.invars)),
                [y.aval for y in eqn.outvars],
                **eqn.params,
            )
            known.update(zip(eqn.outvars, results, strict=True))
        return list(map(found, jaxpr.outvars))

    def raise_block(self, block: Any) -> list[Atom]:
        """Adds the equations of a block and gives the atoms that it returns.

        Its arguments have been defined.
        """
        operations = list(block.operations)
        for op in operations[:-1]:
            op = op.operation
            if self._early and any(value in self._early for value in op.results):
                continue
            self.source = named_source(place_of(op, self.shared.file))
            results = self.shared.convert(self, op)
            for value, atom in zip(op.results, results, strict=True):
                self._env[value] = atom
        return self.operands(operations[-1].operation)

    def body(self, region: Any) -> Body:
        """A region of one block as a jaxpr, with what it reads of blocks around it."""
        (block,) = region.blocks
        inside = Frame(self.shared, self)
        inside.source = self.source
        given = list(block.arguments)
        invars = [Var(self.aval(v)) for v in given]
        for value, var in zip(given, invars, strict=True):
            inside.define(value, var)
        outs = inside.raise_block(block)
        made = jaxpr_of([*inside.captured.values(), *invars], outs, inside.eqns)
        return Body(made, list(inside.captured))


@dataclass(frozen=True, eq=False)
class Body:
    """A region as a jaxpr: first what it captured, whose atoms outside are given."""

    jaxpr: Jaxpr
    captured: list[Atom]

    @property
    def closed(self) -> ClosedJaxpr:
        """The jaxpr with its constants, of which it has none."""
        return ClosedJaxpr(self.jaxpr, ())


def dtype_of(x: Atom) -> Any:
    """The dtype of an atom."""
    aval: Any = x.aval
    return aval.dtype


def shape_of(x: Atom) -> tuple[int, ...]:
    """The shape of an atom."""
    aval: Any = x.aval
    return aval.shape


def jaxpr_of(
    invars: Sequence[Var], outs: Sequence[Atom], eqns: list[JaxprEqn]
) -> Jaxpr:
    """A jaxpr of given equations."""
    return _jaxpr_object(invars, outs, eqns, union_of_effects(eqns))
