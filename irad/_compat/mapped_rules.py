"""Custom rules of functions under ``jax.vmap``, run where the function is called.

Such a rule may close over what is mapped: values that are dead once ``jax.vmap`` has
returned. So it is traced at once, as JAX runs it at once under ``jax.grad``, and what
is recorded is the program it gave. The function itself is not run: its value is the
rule's, and so is the axis that each result is mapped over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax._src import ad_util, core, linear_util
from jax._src.interpreters import ad, batching

__all__ = ["forward_rule", "is_mapped", "jvp_rule"]

Trace = Callable[[Callable[..., Sequence[Any]], Sequence[Any], str], Any]
Pair = tuple[Any, Any]


def is_mapped(rule: Any) -> bool:
    """Whether a rule was called under ``jax.vmap``."""
    return any(
        made_by.__module__ == batching.__name__ for made_by, _ in rule.transforms
    )


def jvp_rule(
    jvp: Any, avals: Sequence[Any], moves: Sequence[bool], symbolic: bool, trace: Trace
) -> Pair:
    """The function and the rule of a ``custom_jvp``, by one trace of the rule.

    The operands that do not move have no tangent; a rule that takes ``symbolic`` zeros
    is told so.
    """
    n = len(avals)
    types = [aval.to_tangent_aval() for aval in avals]
    given = [on or not symbolic for on in moves]
    zeros: list[bool] = []

    def run(*arrays: Any) -> list[Any]:
        present = iter(arrays[n:])
        tangents = [
            next(present) if on else ad_util.SymbolicZero(t)
            for on, t in zip(given, types, strict=True)
        ]
        outs = jvp.call_wrapped(*arrays[:n], *tangents)
        zeros[:] = [isinstance(y, ad_util.SymbolicZero) for y in outs]
        return [y for y, zero in zip(outs, zeros, strict=True) if not zero]

    inputs = [*avals, *(t for t, on in zip(types, given, strict=True) if on)]
    jaxpr, consts = trace(run, inputs, "rule")
    m = len(zeros) // 2
    results = [v.aval.to_tangent_aval() for v in jaxpr.outvars[:m]]

    def pushed(*arrays: Any) -> list[Any]:
        present = [
            _zeros(t.aval) if isinstance(t, ad_util.SymbolicZero) else t
            for t, on in zip(arrays[n:], given, strict=True)
            if on
        ]
        outs = core.eval_jaxpr(jaxpr, consts, *arrays[:n], *present)
        tangents = iter(outs[m:])
        return [
            *outs[:m],
            *(
                ad_util.SymbolicZero(t) if zero else next(tangents)
                for t, zero in zip(results, zeros[m:], strict=True)
            ),
        ]

    wanted = [i < m for i in range(len(jaxpr.outvars))]
    value = _value(jaxpr, consts, n, wanted, jvp)
    return value, program_of(_wrapped(pushed, jvp), jvp, tuple(given))


def forward_rule(
    fwd: Any,
    avals: Sequence[Any],
    moves: Sequence[bool],
    out_trees: Callable[[], tuple[Any, Any, Sequence[int | None]]],
    trace: Trace,
) -> Pair:
    """The function and the ``fwd`` of a ``custom_vjp``, by one trace of ``fwd``."""

    def run(*x: Any) -> list[Any]:
        marked = [part for pair in zip(x, moves, strict=True) for part in pair]
        return list(fwd.call_wrapped(*marked))

    jaxpr, consts = trace(run, avals, "fwd")
    _, residuals, forwarded = out_trees()
    k = residuals.num_leaves - sum(i is not None for i in forwarded)

    def forward(*marked: Any) -> list[Any]:
        return core.eval_jaxpr(jaxpr, consts, *marked[::2])

    wanted = [i >= k for i in range(len(jaxpr.outvars))]
    value = _value(jaxpr, consts, len(avals), wanted, fwd)
    return value, program_of(_wrapped(forward, fwd), fwd, tuple(moves))


@linear_util.transformation2
def program_of(
    program: Callable[..., Sequence[Any]], rule: Any, moves: Sequence[bool], *x: Any
) -> Sequence[Any]:
    """What a ``rule`` gave where some operands move, which tells it from others."""
    del rule, moves
    return program(*x)


def _value(
    jaxpr: Any, consts: Sequence[Any], n: int, wanted: Sequence[bool], rule: Any
) -> Any:
    """The wanted results of a rule's program as a function of its ``n`` operands."""
    zeros = [_zeros(v.aval) for v in jaxpr.invars[n:]]
    outs = [v for v, on in zip(jaxpr.outvars, wanted, strict=True) if on]
    eqns = _needed(jaxpr.eqns, outs)
    needed = jaxpr.replace(eqns=eqns, outvars=outs)

    def value(*x: Any) -> list[Any]:
        return core.eval_jaxpr(needed, consts, *x, *zeros)

    return _wrapped(value, rule)


def _needed(eqns: Sequence[Any], outs: Sequence[Any]) -> list[Any]:
    """The equations that results or effects depend on.

    Not by JAX's own pass, after which the rules inside have no names any more.
    """
    read = {id(v) for v in outs}
    kept = []
    for eqn in reversed(eqns):
        if eqn.effects or any(id(v) in read for v in eqn.outvars):
            read.update(map(id, eqn.invars))
            kept.append(eqn)
    return kept[::-1]


def _zeros(aval: Any) -> Any:
    return ad.instantiate_zeros(ad_util.Zero(aval))


def _wrapped(fun: Callable[..., Any], rule: Any) -> Any:
    return linear_util.wrap_init(fun, debug_info=rule.debug_info)
