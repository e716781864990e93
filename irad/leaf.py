"""Leaf equations: from a rule to code that is spliced, traced once for each kind.

A rule is ``lax`` code over arrays. For one kind of equation (primitive, params, types,
activity) it is traced into snippets: ``forward`` computes the leaves of the maps,
``push`` and ``pull`` apply them. Only what the direction at hand needs is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax

from irad._compat import ir, tracing
from irad._compat.ir import Atom, Jaxpr, JaxprEqn
from irad.emitter import Emitter, Snippet, snippet
from irad.errors import NotLinearError
from irad.graph import Engine, SplitProgram
from irad.linear_map import Blocks, Joint, Params
from irad.rules.registry import (
    Constant,
    Equation,
    Jacobian,
    Replaced,
    Rewritten,
    Rule,
    WrittenOut,
)
from irad_passes import dce, inline, simplify


@dataclass(frozen=True, eq=False)
class Kind:
    """What the code for an equation depends on."""

    primitive: Any
    params: dict[str, Any]
    operands: tuple[Any, ...]
    results: tuple[Any, ...]
    active: tuple[int, ...]
    wanted: tuple[int, ...]

    @property
    def tangents(self) -> list[Any]:
        """The types of the active operands' tangents."""
        return [ir.tangent_aval(self.operands[i]) for i in self.active]

    @property
    def cotangents(self) -> list[Any]:
        """The types of the wanted results' cotangents."""
        return [ir.cotangent_aval(self.results[j]) for j in self.wanted]


@dataclass(frozen=True, eq=False)
class Code:
    """Two snippets: ``forward`` makes what ``linear`` needs beside its tangents.

    ``forward`` takes operands and results, or only the operands where the rule computes
    the results itself, and then returns the results first.
    """

    forward: Snippet
    linear: Snippet


class Leaf:
    """The local Jacobian of a leaf equation, as snippets made on demand."""

    computes_results = False

    def __init__(self, make: Callable[[bool], Code], num_results: int) -> None:
        self._make = make
        self._num_results = num_results

    @cached_property
    def _push_code(self) -> Code:
        return self._make(False)

    @cached_property
    def _pull_code(self) -> Code:
        return self._make(True)

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        code = self._pull_code if reverse else self._push_code
        y = eqn.outvars
        emit.eqns.append(eqn if x is eqn.invars else eqn.replace(invars=list(x)))
        kept = emit.splice(code.forward, [*x, *y]) if code.forward.outs else ()
        return y, kept

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        return emit.splice(self._push_code.linear, [*kept, *t])

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        return emit.splice(self._pull_code.linear, [*kept, *c])

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        y, kept = self.forward(emit, eqn, x, reverse=False)
        return y, self.push(emit, kept, t)


class Replacement(Leaf):
    """A leaf whose code computes the results too: a custom rule, a small function."""

    computes_results = True

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        code = self._pull_code if reverse else self._push_code
        outs = emit.splice(code.forward, x)
        return outs[: self._num_results], outs[self._num_results :]


def make_leaf(rule: Rule, kind: Kind, engine: Engine) -> Leaf:
    """The leaf of an equation by its rule."""

    def make(reverse: bool) -> Code:
        match rule:
            case WrittenOut():
                return _written_out(rule, kind, engine, reverse=reverse)
            case Rewritten():
                return _rewritten(rule, kind, engine, reverse=reverse)
            case Jacobian() | Replaced():
                return _blocks(rule, kind, reverse=reverse)
            case Constant():
                raise AssertionError(f"{kind.primitive} has no Jacobian")

    leaf = Replacement if isinstance(rule, Rewritten | Replaced) else Leaf
    return leaf(make, len(kind.results))


def _blocks(rule: Jacobian | Replaced, kind: Kind, *, reverse: bool) -> Code:
    """The code of a rule that gives maps: trace the leaves, then the maps over them."""
    n = len(kind.operands)
    computed = len(kind.results) if isinstance(rule, Replaced) else 0
    tree: Any = None

    def leaves(*arrays: Any) -> list[Any]:
        nonlocal tree
        eqn = Equation(
            kind.primitive, arrays[:n], arrays[n:], Params(kind.params), kind.active
        )
        y, J = rule.make(eqn) if isinstance(rule, Replaced) else ((), rule.make(eqn))
        flat, tree = _flatten(J)
        return [*y, *flat]

    given = kind.operands if computed else [*kind.operands, *kind.results]
    forward, consts = tracing.trace(leaves, given, f"{kind.primitive} leaves")
    kept = [v.aval for v in forward.outvars[computed:]]
    zeros: list[bool] = []

    def apply(*arrays: Any) -> list[Any]:
        k = len(kept)
        J = _unflatten(tree, arrays[:k])
        if reverse:
            cotangents: list[Any] = [None] * len(kind.results)
            for j, c in zip(kind.wanted, arrays[k:], strict=True):
                cotangents[j] = c
            outs = J.pull(cotangents)
        else:
            pushed = J.push(arrays[k:])
            outs = [pushed[j] for j in kind.wanted]
        zeros[:] = [y is None for y in outs]
        return [y for y in outs if y is not None]

    given = kind.cotangents if reverse else kind.tangents
    linear, linear_consts = tracing.trace(
        apply, [*kept, *given], f"{kind.primitive} maps"
    )
    return _code(forward, consts, linear, linear_consts, tuple(zeros), computed)


def _flatten(J: Blocks | Joint) -> tuple[list[Any], Any]:
    if isinstance(J, Joint):
        flat = [x for x in J.others if x is not None]
        return flat, J
    return jax.tree_util.tree_flatten(J.rows)


def _unflatten(tree: Any, leaves: Sequence[Any]) -> Blocks | Joint:
    if isinstance(tree, Joint):
        rest = iter(leaves)
        others = tuple(None if x is None else next(rest) for x in tree.others)
        return dataclasses.replace(tree, others=others)
    return Blocks(jax.tree_util.tree_unflatten(tree, leaves))


def _code(
    forward: Jaxpr,
    consts: Sequence[Any],
    linear: Jaxpr,
    linear_consts: Sequence[Any],
    zeros: tuple[bool, ...],
    keep: int = 0,
) -> Code:
    """Snippets of both programs, without the leaves that ``linear`` does not read.

    The first ``keep`` outputs of ``forward`` are results and stay.
    """
    linear = tidy(linear)
    residuals = len(forward.outvars) - keep
    read = {x for eqn in linear.eqns for x in eqn.invars if type(x) is ir.Var}
    read.update(x for x in linear.outvars if type(x) is ir.Var)
    used = [v in read for v in linear.invars[:residuals]]
    kept = [v for v, u in zip(linear.invars, used, strict=False) if u]
    linear = linear.replace(invars=[*kept, *linear.invars[residuals:]])
    forward = tidy(dce(forward, [True] * keep + used))
    return Code(snippet(forward, consts), snippet(linear, linear_consts, zeros))


def tidy(jaxpr: Jaxpr) -> Jaxpr:
    """A traced template without inner calls, dead code and trivial equations."""
    return dce(simplify(inline(jaxpr)))


def _written_out(
    rule: WrittenOut, kind: Kind, engine: Engine, *, reverse: bool
) -> Code:
    """The code of a rule that writes out the tangent."""
    n, m = len(kind.operands), len(kind.results)
    is_zero: list[bool] = []

    def tangent(*arrays: Any) -> list[Any]:
        x, y, ts = arrays[:n], arrays[n : n + m], arrays[n + m :]
        t: list[Any] = [None] * n
        for i, t_i in zip(kind.active, ts, strict=True):
            t[i] = t_i
        multiple = kind.primitive.multiple_results
        out = rule.tangent(y if multiple else y[0], x, tuple(t), **kind.params)
        outs = list(out) if multiple else [out]
        is_zero[:] = [outs[j] is None for j in kind.wanted]
        return [outs[j] for j in kind.wanted if outs[j] is not None]

    avals = [*kind.operands, *kind.results, *kind.tangents]
    jaxpr, consts = tracing.trace(tangent, avals, f"{kind.primitive} tangent")
    program = Linear(tidy(jaxpr), consts, n + m, 0, tuple(is_zero), str(kind.primitive))
    return program.code(engine, reverse=reverse)


def _rewritten(rule: Rewritten, kind: Kind, engine: Engine, *, reverse: bool) -> Code:
    """The code of a rule that writes the primitive with others: of their tangents."""

    def program(*x: Any) -> list[Any]:
        y = rule.program(*x, **kind.params)
        return list(y) if kind.primitive.multiple_results else [y]

    name = f"{kind.primitive} rewritten"
    jaxpr, consts = tracing.trace(program, kind.operands, name)
    k = len(consts)
    opened = tidy(ir.with_constants_as_inputs(jaxpr))
    active = tuple(i - k in kind.active for i in range(len(opened.invars)))
    wanted = tuple(j in kind.wanted for j in range(len(opened.outvars)))
    made = engine.jvp(opened, active, wanted)
    is_zero = tuple(not made.carries[j] for j in kind.wanted)
    linear = Linear(
        tidy(ir.with_constants_as_inputs(made.jaxpr.jaxpr)),
        [*made.jaxpr.consts, *consts],
        len(kind.operands),
        len(kind.results),
        is_zero,
        name,
    )
    return linear.code(engine, reverse=reverse)


@dataclass(frozen=True, eq=False)
class Linear:
    """A program that is linear in its inputs from ``num_primals`` on.

    ``consts`` are the values of its constvars, or of inputs before all others. Its
    first ``num_results`` outputs do not depend on the tangents; the others are
    tangents. ``is_zero`` marks, among all wanted tangents, those it does not return.
    """

    jaxpr: Jaxpr
    consts: Sequence[Any]
    num_primals: int
    num_results: int
    is_zero: tuple[bool, ...]
    what: str

    def code(self, engine: Engine, *, reverse: bool) -> Code:
        """The program in two: what does not depend on the tangents, and the rest."""
        opened = ir.with_constants_as_inputs(self.jaxpr)
        primals = len(self.consts) + self.num_primals
        active = tuple(i >= primals for i in range(len(opened.invars)))
        wanted = tuple(j >= self.num_results for j in range(len(opened.outvars)))
        split = (engine.vjp if reverse else engine.linearize)(opened, active, wanted)
        consts = [*split.forward.consts, *self.consts]
        forward = ir.with_leading_constants(self._forward(split, primals), consts)
        linear, zeros = self._linear(split, reverse=reverse)
        return _code(
            forward,
            consts,
            linear,
            split.linear.consts,
            zeros,
            self.num_results,
        )

    def _forward(self, split: SplitProgram, primals: int) -> Jaxpr:
        """Results and residuals, from the primal inputs alone."""
        full = split.forward.jaxpr
        computed = full.outvars[len(self.jaxpr.outvars) :]
        residuals = split.residuals(full.invars, computed)
        keep = [*full.outvars[: self.num_results], *residuals]
        jaxpr = dce(full.replace(outvars=keep))
        read = {x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is ir.Var}
        read.update(x for x in keep if type(x) is ir.Var)
        if not read.isdisjoint(jaxpr.invars[primals:]):
            raise NotLinearError(
                f"{self.what} is not linear in its tangents: a value that multiplies a "
                "tangent, or a result, depends on a tangent. Write the tangent as a "
                "linear function of the operands' tangents."
            )
        return jaxpr.replace(invars=jaxpr.invars[:primals])

    def _linear(
        self, split: SplitProgram, *, reverse: bool
    ) -> tuple[Jaxpr, tuple[bool, ...]]:
        """The linear part; in reverse it takes a cotangent for every wanted tangent."""
        linear = split.linear.jaxpr
        present = iter(split.carries[self.num_results :])
        r = len(split.sources)
        if not reverse:
            left = iter(split.zeros)
            return linear, tuple(
                z or not next(present) or next(left) for z in self.is_zero
            )
        given = iter(linear.invars[r:])
        cotangents = [
            ir.Var(_UNREAD) if z or not next(present) else next(given)
            for z in self.is_zero
        ]
        return linear.replace(invars=[*linear.invars[:r], *cotangents]), split.zeros


# The type of a cotangent that the code does not read.
_UNREAD = ir.ShapedArray((), "float32")
