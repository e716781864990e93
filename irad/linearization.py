"""The walk: a jaxpr to its linearized graph, one local Jacobian for each equation.

This is the only walk over equations. It decides which equations a tangent passes
through and finds their rules; it emits nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from irad._compat import ir, mesh, references
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Var
from irad.caching import forgettable
from irad.errors import NotDifferentiableError
from irad.graph import Engine, Linearized, LinearizedGraph, Node
from irad.leaf import Kind, Leaf, make_leaf
from irad.rules import RULES
from irad.rules.registry import Cases, Constant
from irad.structure import STRUCTURES, InContext, by_own_rule

_AVAL = attrgetter("aval")
_LEAVES: dict[Any, dict[Any, Leaf]] = forgettable({})
_LEAF_LIMIT = 1 << 16


def linearize(
    jaxpr: Jaxpr, active: Sequence[bool], wanted: Sequence[bool], engine: Engine
) -> LinearizedGraph:
    """Linearizes a jaxpr in its ``active`` inputs, for its ``wanted`` outputs.

    An equation is linearized only if it depends on an active input and a wanted output
    depends on it, so that a primitive without a rule elsewhere is no error.
    """
    needed = _needed(jaxpr, wanted)
    carrying = {v for v, a in zip(jaxpr.invars, active, strict=True) if a}
    leaves = _LEAVES.setdefault(ir.trace_context(), {})
    context = ir.current_equation_context()
    nodes = []
    for eqn in jaxpr.eqns:
        live = _active(eqn.invars, carrying)
        if not live:
            nodes.append(Node(eqn, None, (), ()))
            continue
        results = _wanted(eqn.outvars, needed)
        if eqn.effects and references.touches_references(eqn):
            raise _mutable(eqn)
        local = None
        if results and eqn.ctx is context:
            local = _local(eqn, live, results, engine, leaves)
        elif results:
            local = _local_in_its_context(eqn, live, results, engine)
        if local is None:
            nodes.append(Node(eqn, None, (), ()))
            continue
        narrowed = getattr(local, "carries", None)
        if narrowed is not None:
            results = tuple(j for j in results if j in narrowed)
        outvars = eqn.outvars
        for j in results:
            carrying.add(outvars[j])
        nodes.append(Node(eqn, local, live, results))
    carries = tuple(
        w and type(v) is Var and v in carrying
        for v, w in zip(jaxpr.outvars, wanted, strict=True)
    )
    return LinearizedGraph(jaxpr, nodes, tuple(active), carries)


# Most equations have one or two operands, and one result: no loop is begun for these.


def _active(operands: Sequence[Atom], carrying: set[Var]) -> tuple[int, ...]:
    """The positions of the operands that carry tangents."""
    if len(operands) == 1:
        (x,) = operands
        return (0,) if type(x) is Var and x in carrying else ()
    if len(operands) == 2:
        x, y = operands
        second = type(y) is Var and y in carrying
        if type(x) is Var and x in carrying:
            return (0, 1) if second else (0,)
        return (1,) if second else ()
    pairs = enumerate(operands)
    return tuple([i for i, x in pairs if type(x) is Var and x in carrying])


def _wanted(results: Sequence[Var], needed: set[Var]) -> tuple[int, ...]:
    """The positions of the results whose tangents are needed."""
    if len(results) == 1:
        (v,) = results
        return (0,) if v in needed and is_differentiable(v.aval) else ()
    pairs = enumerate(results)
    return tuple([j for j, v in pairs if v in needed and is_differentiable(v.aval)])


def _mutable(eqn: JaxprEqn) -> NotDifferentiableError:
    return NotDifferentiableError(
        f"'{eqn.primitive}' at {ir.source_line(eqn)} takes a value that is being "
        "differentiated and a mutable array that was made outside the function. Make "
        "the array inside (jax.new_ref), or apply jax.lax.stop_gradient to the value."
    )


@functools.lru_cache(4096)
def is_differentiable(aval: Any) -> bool:
    """Whether values of a type carry tangents: floating-point and complex arrays do.

    So does a result on its way: what it will be depends on what was sent.
    """
    dtype = getattr(aval, "dtype", None)
    if dtype is None:
        return mesh.is_future(aval)
    if ir.is_extended(dtype) and ir.is_extended(ir.tangent_aval(aval).dtype):
        raise NotDifferentiableError(
            f"values of type {aval} have tangents of an extended dtype, which may be "
            "added in a way of their own: irad does not differentiate them"
        )
    return ir.is_inexact(dtype)


def _needed(jaxpr: Jaxpr, wanted: Sequence[bool]) -> set[Var]:
    """The variables whose tangents those of wanted outputs may depend on."""
    needed = {
        v for v, w in zip(jaxpr.outvars, wanted, strict=True) if w and type(v) is Var
    }
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects and references.touches_references(eqn):
            needed.update([x for x in eqn.invars if type(x) is Var])
            continue
        if isinstance(RULES.get(eqn.primitive), Constant):
            continue
        for v in eqn.outvars:
            if v in needed and is_differentiable(v.aval):
                for x in eqn.invars:
                    if type(x) is Var:
                        needed.add(x)
                break
    return needed


def _local(
    eqn: JaxprEqn,
    active: tuple[int, ...],
    wanted: tuple[int, ...],
    engine: Engine,
    leaves: dict[Any, Leaf],
) -> Linearized | None:
    """The local Jacobian of an equation; None where its derivative is zero."""
    primitive = eqn.primitive
    rule = RULES.get(primitive)
    if rule is None:
        structure = STRUCTURES.get(primitive, by_own_rule)
        return structure(eqn, active, wanted, engine)
    try:
        types = map(_AVAL, eqn.invars)
        key = (primitive, active, wanted, *types, *eqn.params.items())
        leaf = leaves.get(key)
    except TypeError:  # params that cannot be hashed: traced anew
        key = leaf = None
    if leaf is not None:
        return leaf
    operands = tuple(map(_AVAL, eqn.invars))
    if isinstance(rule, Cases):
        rule = rule.choose(eqn.params, operands, active)
    if rule is None:
        return by_own_rule(eqn, active, wanted, engine)
    if isinstance(rule, Constant):
        return None
    results = tuple(map(_AVAL, eqn.outvars))
    leaf = make_leaf(
        rule, Kind(primitive, eqn.params, operands, results, active, wanted), engine
    )
    if key is not None:
        if len(leaves) >= _LEAF_LIMIT:
            leaves.clear()
        leaves[key] = leaf
    return leaf


def _local_in_its_context(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """The local Jacobian of an equation of another mesh, device or metadata."""
    with eqn.ctx.manager:
        leaves = _LEAVES.setdefault(ir.trace_context(), {})
        local = _local(eqn, active, wanted, engine, leaves)
    return None if local is None else InContext(local, eqn.ctx)
