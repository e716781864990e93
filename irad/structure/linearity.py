"""Linearity of a program in some of its inputs, read from its equations.

A program is linear when its derivative does not depend on the inputs and it maps zeros
to zeros. Both are decided equation by equation, so that the first one that breaks the
promise can be named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax import lax

from irad._compat import calls, ir
from irad._compat.ir import Jaxpr, JaxprEqn, Literal, Var
from irad._compat.storing import stored_p
from irad.emitter import snippet
from irad.graph import Engine
from irad.leaf import Code, Linear
from irad.rules import RULES
from irad.rules.registry import Jacobian
from irad.structure.bodies import opened
from irad_passes import dce


def nonlinear_equation(
    jaxpr: Jaxpr, inputs: Sequence[bool], engine: Engine, *, affine: bool = False
) -> JaxprEqn | None:
    """The first equation through which a program is not linear in the marked inputs.

    None where there is none. It is conservative: an equation that it does not know to
    be linear is not. ``affine`` allows constants to be added.
    """
    moving = {v for v, on in zip(jaxpr.invars, inputs, strict=True) if on}
    zero = set(moving)
    for eqn in dce(jaxpr).eqns:
        at = tuple(type(x) is Var and x in moving for x in eqn.invars)
        zeros = _zero_results(eqn, [_is_zero(x, zero) for x in eqn.invars])
        zero.update(v for v, z in zip(eqn.outvars, zeros, strict=True) if z)
        if not any(at):
            continue
        if not (affine or all(zeros)) or not _has_constant_derivative(eqn, at, engine):
            return eqn
        moving.update(eqn.outvars)
    return None


def named(eqn: JaxprEqn) -> str:
    """An equation in a message: ``'clip' at model.py:12 (bwd)``."""
    name = eqn.params.get("name") if eqn.primitive is ir.jit_p else None
    return f"'{name or eqn.primitive}' at {ir.source_line(eqn)}"


def _has_constant_derivative(
    eqn: JaxprEqn, at: tuple[bool, ...], engine: Engine
) -> bool:
    """Whether an equation's derivative does not depend on the marked operands."""
    if not all(map(_is_float, eqn.outvars)):
        return False
    invars: list[Any] = [Var(x.aval) for x in eqn.invars]
    alone = eqn.replace(invars=invars, outvars=[Var(v.aval) for v in eqn.outvars])
    program = ir.make_jaxpr_object(invars, alone.outvars, [alone], "equation")
    split = engine.linearize(program, at, (True,) * len(alone.outvars))
    full = split.forward.jaxpr
    residuals = split.residuals(full.invars, full.outvars[len(alone.outvars) :])
    needed = dce(full.replace(outvars=residuals))
    read = {x for e in needed.eqns for x in e.invars if type(x) is Var}
    read.update(x for x in residuals if type(x) is Var)
    return read.isdisjoint(v for v, on in zip(full.invars, at, strict=True) if on)


# Zeros to zeros -----------------------------------------------------------------------


def _is_zero(x: Any, zero: set[Var]) -> bool:
    if type(x) is Literal:
        return _is_float(x) and not np.any(x.val)
    return x in zero


def _is_float(x: Any) -> bool:
    return ir.is_inexact(x.aval.dtype)


def _zero_results(eqn: JaxprEqn, zero: list[bool]) -> Sequence[bool]:
    """Which results are zero when the marked operands are."""
    row = _ROWS.get(eqn.primitive)
    if row is not None:
        return row(eqn, zero)
    rule = RULES.get(eqn.primitive)
    linear = isinstance(rule, Jacobian) and rule.kind == "linear"
    floats = [z for x, z in zip(eqn.invars, zero, strict=True) if _is_float(x)]
    return [linear and bool(floats) and all(floats)] * len(eqn.outvars)


Row = Callable[[JaxprEqn, list[bool]], Sequence[bool]]


def _any(eqn: JaxprEqn, zero: list[bool]) -> Sequence[bool]:
    """A product: zero when some factor is."""
    return [any(zero)] * len(eqn.outvars)


def _all_from(start: int, stop: int | None = None) -> Row:
    """A sum or a choice: zero when all of these operands are."""

    def row(eqn: JaxprEqn, zero: list[bool]) -> Sequence[bool]:
        return [all(zero[start:stop])] * len(eqn.outvars)

    return row


def _each(eqn: JaxprEqn, zero: list[bool]) -> Sequence[bool]:
    del eqn
    return zero


def _zero_outputs(jaxpr: Jaxpr, zero: Sequence[bool]) -> list[bool]:
    """Which outputs of a jaxpr are zero when the marked inputs are."""
    known = {v for v, z in zip(jaxpr.invars, zero, strict=True) if z}
    for eqn in jaxpr.eqns:
        found = _zero_results(eqn, [_is_zero(x, known) for x in eqn.invars])
        known.update(v for v, z in zip(eqn.outvars, found, strict=True) if z)
    return [_is_zero(x, known) for x in jaxpr.outvars]


def _call(name: str) -> Row:
    def row(eqn: JaxprEqn, zero: list[bool]) -> Sequence[bool]:
        body = ir.closed(eqn.params[name])
        leading = [False] * len(body.consts)
        return _zero_outputs(opened(body), [*leading, *zero])

    return row


def _cond(eqn: JaxprEqn, zero: list[bool]) -> Sequence[bool]:
    """Zero when it is in every branch, and no zero decides which."""
    found = [
        _zero_outputs(opened(b), [*([False] * len(b.consts)), *zero[1:]])
        for b in eqn.params["branches"]
    ]
    return [all(of) for of in zip(*found, strict=True)]


def _scan(eqn: JaxprEqn, zero: list[bool]) -> Sequence[bool]:
    """Zero where a carry starts at zero and stays there."""
    closed = eqn.params["jaxpr"]
    body, k = opened(closed), len(closed.consts)
    a, n = calls.scan_counts(eqn.params)
    zero = list(zero)
    while True:
        found = _zero_outputs(body, [*([False] * k), *zero])
        kept = [z and f for z, f in zip(zero[a : a + n], found, strict=False)]
        if kept == zero[a : a + n]:
            return [*kept, *found[n:]]
        zero[a : a + n] = kept


_ROWS: dict[Any, Row] = {
    lax.mul_p: _any,
    lax.dot_general_p: _any,
    lax.conv_general_dilated_p: _any,
    lax.div_p: _all_from(0, 1),
    lax.linalg.triangular_solve_p: _all_from(1),
    lax.add_p: _all_from(0),
    lax.sub_p: _all_from(0),
    ir.add_any_p: _all_from(0),
    lax.select_n_p: _all_from(1),
    lax.neg_p: _each,
    lax.convert_element_type_p: _each,
    lax.real_p: _each,
    lax.imag_p: _each,
    lax.conj_p: _all_from(0),
    lax.complex_p: _all_from(0),
    lax.copy_p: _each,
    stored_p: _each,
    lax.optimization_barrier_p: _each,
    ir.jit_p: _call("jaxpr"),
    ir.remat_p: _call("jaxpr"),
    ir.closed_call_p: _call("call_jaxpr"),
    ir.custom_jvp_call_p: _call("call_jaxpr"),
    ir.custom_vjp_call_p: _call("call_jaxpr"),
    ir.cond_p: _cond,
    ir.scan_p: _scan,
}


# A tangent program in two, whether linear or not --------------------------------------


def by_dependence(program: Linear) -> Code:
    """A tangent program in two: what does not depend on the tangents, and the rest.

    The rest is applied as it stands, so that it need not be linear.
    """
    jaxpr, n = program.jaxpr, program.num_primals
    moving = set(jaxpr.invars[n:])
    known, rest = [], []
    for eqn in jaxpr.eqns:
        depends = any(type(x) is Var and x in moving for x in eqn.invars)
        (rest if depends else known).append(eqn)
        if depends:
            moving.update(eqn.outvars)
    y = jaxpr.outvars[: program.num_results]
    t = jaxpr.outvars[program.num_results :]
    read = [x for eqn in rest for x in eqn.invars] + list(t)
    inside = moving | set(jaxpr.constvars)
    kept = list(dict.fromkeys(x for x in read if type(x) is Var and x not in inside))
    forward = jaxpr.replace(invars=jaxpr.invars[:n], outvars=[*y, *kept], eqns=known)
    linear = jaxpr.replace(invars=[*kept, *jaxpr.invars[n:]], outvars=t, eqns=rest)
    return Code(snippet(forward, program.consts), snippet(linear, program.consts))
