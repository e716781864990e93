"""From the linearized graph to derivative programs: emission in a chosen order."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from jax import lax

from irad._compat import ir
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Literal, Var
from irad.caching import by_jaxpr
from irad.checkpointing import DEFAULT, Checkpointing
from irad.choices import Choices, Masks
from irad.emitter import Emitter
from irad.graph import (
    Engine,
    JvpProgram,
    LinearizedGraph,
    Mask,
    Node,
    SplitProgram,
)
from irad.linearization import linearize
from irad_passes import dce

Tape = list[tuple[Node, Any]]
_CHOOSE = (lax.select_n_p, ir.jit_p)


def operands(eqn: JaxprEqn, env: dict[Var, Atom]) -> Sequence[Atom]:
    """An equation's operands under a renaming; the same list if nothing is renamed."""
    for x in eqn.invars:
        if type(x) is Var and x in env:
            return [env.get(y, y) if type(y) is Var else y for y in eqn.invars]
    return eqn.invars


def forward_sweep(
    graph: LinearizedGraph, emit: Emitter, env: dict[Var, Atom], *, reverse: bool
) -> Tape:
    """Emits the primal program and the leaves of all maps, in order."""
    tape: Tape = []
    for node in graph.nodes:
        eqn = node.eqn
        x = operands(eqn, env) if env else eqn.invars
        if node.local is None:
            emit.eqns.append(eqn if x is eqn.invars else eqn.replace(invars=list(x)))
            continue
        emit.source, emit.ctx = eqn.source_info, eqn.ctx
        y, kept = node.local.forward(emit, eqn, x, reverse=reverse)
        if y is not eqn.outvars:
            _rename(eqn, y, env)
        tape.append((node, kept))
    return tape


def _rename(eqn: JaxprEqn, y: Sequence[Atom], env: dict[Var, Atom]) -> None:
    pairs = zip(eqn.outvars, y, strict=True)
    env.update({v: atom for v, atom in pairs if atom is not v})


def pull_sweep(
    tape: Tape, emit: Emitter, cotangents: dict[Any, Atom], *, nan_safe: bool
) -> Choices:
    """Emits the pulls in reverse order and fills in ``cotangents``."""
    cotangent = cotangents.get
    choices = Choices(emit)
    for node, kept in reversed(tape):
        eqn = node.eqn
        outvars = eqn.outvars
        c: list[Any]
        if len(node.wanted) == 1:
            c = [cotangent(outvars[node.wanted[0]])]
        else:
            c = [cotangent(outvars[j]) for j in node.wanted]
        some_zero = None in c
        # A user's bwd may return what does not depend on its cotangent: it is run.
        takes_zeros = some_zero and getattr(node.local, "takes_zeros", False)
        if some_zero and not takes_zeros and all(c_j is None for c_j in c):
            continue
        emit.source, emit.ctx = eqn.source_info, eqn.ctx
        if some_zero and not takes_zeros:
            c = [
                emit.zeros(ir.cotangent_aval(outvars[j].aval)) if c_j is None else c_j
                for j, c_j in zip(node.wanted, c, strict=True)
            ]
        if nan_safe and (choices or eqn.primitive in _CHOOSE):
            known = choices.of_results(node, c)
            pulled = node.local.pull(emit, kept, c)  # type: ignore[union-attr]
            of_each = choices.of_operands(node, kept, known)
            for i, c_i, known_i in zip(node.active, pulled, of_each, strict=True):
                if c_i is not None:
                    x = eqn.invars[i]
                    cotangents[x] = choices.added(x, cotangent(x), c_i, known_i)
            continue
        pulled = node.local.pull(emit, kept, c)  # type: ignore[union-attr]
        invars = eqn.invars
        for i, c_i in zip(node.active, pulled, strict=True):
            if c_i is None:
                continue
            x = invars[i]
            before = cotangent(x)
            cotangents[x] = c_i if before is None else emit.add(before, c_i)
    choices.settle(cotangents)
    return choices


def push_sweep(tape: Tape, emit: Emitter, tangents: dict[Any, Atom]) -> None:
    """Emits the pushes in order and fills in ``tangents``."""
    for node, kept in tape:
        eqn = node.eqn
        t = _tangents(node, emit, tangents)
        if t is None:
            continue
        emit.source, emit.ctx = eqn.source_info, eqn.ctx
        pushed = node.local.push(emit, kept, t)  # type: ignore[union-attr]
        _store(node, pushed, tangents)


def _tangents(
    node: Node, emit: Emitter, tangents: dict[Any, Atom]
) -> list[Atom] | None:
    """The tangents of a node's active operands; None when all are zero."""
    invars = node.eqn.invars
    t = [tangents.get(invars[i]) for i in node.active]
    if None not in t:
        return t  # type: ignore[return-value]
    if all(t_i is None for t_i in t):
        return None
    return [
        emit.zeros(ir.tangent_aval(invars[i].aval)) if t_i is None else t_i
        for i, t_i in zip(node.active, t, strict=True)
    ]


def _store(node: Node, pushed: Sequence[Any], tangents: dict[Any, Atom]) -> None:
    outvars = node.eqn.outvars
    for j, t_j in zip(node.wanted, pushed, strict=True):
        if t_j is not None:
            tangents[outvars[j]] = t_j


def jvp_sweep(
    graph: LinearizedGraph,
    emit: Emitter,
    env: dict[Var, Atom],
    tangents: dict[Any, Atom],
) -> None:
    """Emits primal and tangent program together, equation by equation."""
    for node in graph.nodes:
        eqn = node.eqn
        x = operands(eqn, env) if env else eqn.invars
        t = _tangents(node, emit, tangents) if node.local is not None else None
        if t is None:
            emit.eqns.append(eqn if x is eqn.invars else eqn.replace(invars=list(x)))
            continue
        emit.source, emit.ctx = eqn.source_info, eqn.ctx
        y, pushed = node.local.jvp(emit, eqn, x, t)  # type: ignore[union-attr]
        if y is not eqn.outvars:
            _rename(eqn, y, env)
        _store(node, pushed, tangents)


def read(x: Atom, env: dict[Var, Atom]) -> Atom:
    """An atom under a renaming."""
    return x if type(x) is Literal else env.get(x, x)


# Programs: cached on the identity of the jaxpr ----------------------------------------


@by_jaxpr
def jvp(jaxpr: Jaxpr, active: tuple[bool, ...], wanted: tuple[bool, ...]) -> JvpProgram:
    """The forward-mode program of a jaxpr without constants."""
    graph = linearize(jaxpr, active, wanted, ENGINE)
    emit, env = Emitter(), {}
    tangents: dict[Any, Atom] = {
        v: Var(ir.tangent_aval(v.aval))
        for v, a in zip(jaxpr.invars, active, strict=True)
        if a
    }
    given: list[Any] = list(tangents.values())
    jvp_sweep(graph, emit, env, tangents)
    outs = [read(v, env) for v in jaxpr.outvars]
    pushed = []
    carries = []
    for v, carried in zip(jaxpr.outvars, graph.carries, strict=True):
        t = tangents.get(cast("Any", v)) if carried else None
        carries.append(t is not None)
        if t is not None:
            pushed.append(t)
    made = emit.closed([*jaxpr.invars, *given], [*outs, *pushed], "jvp")
    return JvpProgram(made, tuple(carries))


@by_jaxpr
def vjp(
    jaxpr: Jaxpr,
    active: tuple[bool, ...],
    wanted: tuple[bool, ...],
    checkpointing: Checkpointing = DEFAULT,
) -> SplitProgram:
    """The reverse-mode programs of a jaxpr without constants."""
    graph = linearize(jaxpr, active, wanted, engine(checkpointing))
    emit, env = Emitter(), {}
    tape = forward_sweep(graph, emit, env, reverse=True)
    pull = Emitter()
    cotangents: dict[Any, Atom] = {}
    given = []
    for v, carried in zip(jaxpr.outvars, graph.carries, strict=True):
        if carried:
            c = Var(ir.cotangent_aval(v.aval))
            given.append(c)
            cotangents[v] = pull.add(cotangents[v], c) if v in cotangents else c
    choices = pull_sweep(tape, pull, cotangents, nan_safe=checkpointing.nan_safe)
    inputs = [v for v, a in zip(jaxpr.invars, active, strict=True) if a]
    results = [cotangents.get(v) for v in inputs]
    split = _split(jaxpr, graph, emit, env, pull, given, results, "vjp")
    return replace(split, masks=_masks(split, map(choices.masks, inputs)))


@by_jaxpr
def linearized(
    jaxpr: Jaxpr,
    active: tuple[bool, ...],
    wanted: tuple[bool, ...],
    checkpointing: Checkpointing = DEFAULT,
) -> SplitProgram:
    """Forward program and tangent map of a jaxpr without constants."""
    graph = linearize(jaxpr, active, wanted, engine(checkpointing))
    emit, env = Emitter(), {}
    tape = forward_sweep(graph, emit, env, reverse=False)
    push = Emitter()
    tangents: dict[Any, Atom] = {
        v: Var(ir.tangent_aval(v.aval))
        for v, a in zip(jaxpr.invars, active, strict=True)
        if a
    }
    given = list(tangents.values())
    push_sweep(tape, push, tangents)
    results = [
        tangents.get(v)
        for v, carried in zip(jaxpr.outvars, graph.carries, strict=True)
        if carried
    ]
    return _split(jaxpr, graph, emit, env, push, given, results, "linearize")


def _split(
    jaxpr: Jaxpr,
    graph: LinearizedGraph,
    emit: Emitter,
    env: dict[Var, Atom],
    linear: Emitter,
    given: list[Any],
    results: Sequence[Any],
    name: str,
) -> SplitProgram:
    """Forward and linear program, with what passes from one to the other."""
    zeros = tuple(y is None for y in results)
    returned = [y for y in results if y is not None]
    program = dce(linear.jaxpr(given, returned, f"{name} linear part"))
    residuals = free_variables(program)
    program = program.replace(invars=[*residuals, *given])
    number = {v: i for i, v in enumerate(jaxpr.invars)}
    sources = tuple(number.get(v) for v in residuals)
    computed = [v for v in residuals if v not in number]
    outs = [read(v, env) for v in jaxpr.outvars]
    return SplitProgram(
        emit.closed(jaxpr.invars, [*outs, *computed], name),
        ir.closed_jaxpr(program, linear.consts),
        sources,
        graph.carries,
        zeros,
    )


def _masks(
    split: SplitProgram, masks: Iterable[Masks]
) -> tuple[tuple[Mask[int], ...], ...]:
    """Masks by the residuals of a program, without those by anything else."""
    residuals = split.linear.jaxpr.invars[: len(split.sources)]
    number = {id(v): i for i, v in enumerate(residuals)}
    return tuple(
        tuple(
            replace(mask, which=number[id(mask.which)])
            for mask in each
            if id(mask.which) in number
        )
        for each in masks
    )


def free_variables(jaxpr: Jaxpr) -> list[Var]:
    """Variables that a jaxpr reads and does not define, in order of first use."""
    bound = {*jaxpr.invars, *jaxpr.constvars}
    free: dict[Var, None] = {}
    for eqn in jaxpr.eqns:
        for x in eqn.invars:
            if type(x) is Var and x not in bound:
                free[x] = None
        bound.update(eqn.outvars)
    for x in jaxpr.outvars:
        if type(x) is Var and x not in bound:
            free[x] = None
    return list(free)


@by_jaxpr
def activity(
    jaxpr: Jaxpr, active: tuple[bool, ...], wanted: tuple[bool, ...]
) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Which wanted outputs carry tangents, which active inputs reach one of them."""
    graph = linearize(jaxpr, active, wanted, ENGINE)
    reaching = {v for v, c in zip(jaxpr.outvars, graph.carries, strict=True) if c}
    for node in reversed(graph.nodes):
        outvars = node.eqn.outvars
        if any(outvars[j] in reaching for j in node.wanted):
            reaching.update(node.eqn.invars[i] for i in node.active)
    reached = tuple(
        a and v in reaching for v, a in zip(jaxpr.invars, active, strict=True)
    )
    return graph.carries, reached


def _held(checkpointing: Checkpointing, runs: int) -> Engine:
    # Of what a loop runs, only a segment is held fewer times than the loop has steps.
    reused = checkpointing.reused or runs < checkpointing.runs
    return engine(replace(checkpointing, runs=runs, reused=reused))


ENGINE = Engine(jvp, vjp, linearized, activity, DEFAULT, partial(_held, DEFAULT))


@functools.lru_cache(256)
def engine(checkpointing: Checkpointing) -> Engine:
    """The transforms that keep what an option says."""
    if checkpointing == DEFAULT:
        return ENGINE
    return Engine(
        jvp,
        lambda jaxpr, active, wanted: vjp(jaxpr, active, wanted, checkpointing),
        lambda jaxpr, active, wanted: linearized(jaxpr, active, wanted, checkpointing),
        activity,
        checkpointing,
        partial(_held, checkpointing),
    )
