"""Equations differentiated by their own JAX rule: ``custom_jvp``, and the unknown.

``by_own_jvp`` traces ``jax.jvp`` of the one-equation program. What a ``custom_jvp``
rule writes is linear in the tangents, so that irad's rules transpose it.
``by_own_rule`` leaves the transposition to JAX as well: it is for primitives that irad
has no rule for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import jax

from irad._compat import custom_rules, ir, tracing
from irad._compat.ir import Atom, Jaxpr, JaxprEqn
from irad.caching import forgettable
from irad.emitter import Emitter, Snippet, snippet
from irad.errors import NoRuleError, NotDifferentiableError, NotLinearError
from irad.graph import Engine, Linearized
from irad.leaf import Code, Linear, Replacement, tidy
from irad.structure.linearity import by_dependence, named, nonlinear_equation

T = TypeVar("T")

NEXT_STEP = (
    "Give it a custom rule (jax.custom_jvp or jax.custom_vjp), or apply "
    "jax.lax.stop_gradient to its operands if it counts as constant."
)
FORWARD_ONLY = (
    "has a derivative in forward mode only: JAX has no linearization of it. Use "
    "forward mode, or give it a custom rule (jax.custom_jvp or jax.custom_vjp)."
)


class OwnRule(Replacement):
    """A leaf whose code is traced from the equation's own rule.

    Forward mode applies the rule in one piece, so that there it need not be linear.
    """

    def __init__(
        self,
        make: Callable[[bool], Code],
        joint: Callable[[], Snippet],
        num_results: int,
        carries: tuple[int, ...],
    ) -> None:
        super().__init__(make, num_results)
        self._joint = joint
        self.carries = carries

    @cached_property
    def _jvp_code(self) -> Snippet:
        return self._joint()

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        outs = emit.splice(self._jvp_code, [*x, *t])
        return outs[: self._num_results], outs[self._num_results :]


# Custom rules -------------------------------------------------------------------------


_SETTLED: OrderedDict[Hashable, Any] = forgettable(OrderedDict())
_MOST_SETTLED = 1 << 12


def by_own_jvp(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """The local Jacobian of an equation by its JVP rule, transposed by irad's rules."""

    def make() -> OwnRule | None:
        return _custom_jvp(eqn, active, wanted, engine)

    return remembered(eqn, active, wanted, make, for_good=True)


def remembered(
    eqn: JaxprEqn,
    active: tuple[int, ...],
    wanted: tuple[int, ...],
    make: Callable[[], T],
    *,
    for_good: bool = False,
) -> T:
    """``make()``, once for equal equations where it is known that the rule is the same.

    A user's rule stays the same within one capture; ``for_good`` remembers those of
    JAX's own that nobody can change. What is made for good must not hold the equation.
    A rule that asks for numbers is another at each occurrence.
    """
    name = custom_rules.rule_name(eqn)
    if name is None:
        return make()
    known = _SETTLED if for_good and name.settled else tracing.rules_of(name.scope)
    if known is None:
        return make()
    operands = tuple([x.aval for x in eqn.invars])
    results = tuple([v.aval for v in eqn.outvars])
    context = (eqn.ctx, ir.trace_context())
    key = (name.key, operands, results, active, wanted, context)
    if key not in known:
        made = make()
        if tracing.rules_ask(name.scope):
            return made
        known[key] = made
        if known is _SETTLED and len(known) > _MOST_SETTLED:
            _SETTLED.popitem(last=False)
    return known[key]


def _custom_jvp(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> OwnRule | None:
    carried, jaxpr, consts = jvp_program(eqn, active, wanted)
    if not carried:
        return None
    n, m = len(eqn.invars), len(eqn.outvars)
    what = f"the rule of {custom_rules.function_name(eqn)}"
    program = Linear(tidy(jaxpr), consts, n, m, (False,) * len(carried), what)
    transposable = replace(program, jaxpr=_without_rules_on_tangents(program.jaxpr, n))

    def make(reverse: bool) -> Code:
        try:
            return transposable.code(engine, reverse=reverse)
        except NotLinearError as error:
            if not reverse:
                return by_dependence(program)
            raise _not_linear(what, jaxpr, n, engine) from error

    return OwnRule(make, lambda: snippet(program.jaxpr, consts), m, carried)


def _without_rules_on_tangents(jaxpr: Jaxpr, n: int) -> Jaxpr:
    """A rule in which what is applied to tangents is the function, without its rule.

    What is applied to a tangent must be linear, so that it is its own derivative; and
    a function that is may say so by calling itself, which would never end.
    """
    moving = set(jaxpr.invars[n:])
    eqns = []
    for eqn in jaxpr.eqns:
        if not moving.isdisjoint(x for x in eqn.invars if type(x) is ir.Var):
            moving.update(eqn.outvars)
            if eqn.primitive is ir.custom_jvp_call_p:
                body = {"call_jaxpr": eqn.params["call_jaxpr"]}
                eqn = eqn.replace(primitive=ir.closed_call_p, params=body)
        eqns.append(eqn)
    return jaxpr.replace(eqns=eqns)


def jvp_program(
    eqn: JaxprEqn, active: Sequence[int], wanted: Sequence[int]
) -> tuple[tuple[int, ...], Jaxpr, Sequence[Any]]:
    """The JVP of one equation by its rule, as a jaxpr with its constants.

    It takes operands and tangents of the active ones; it gives results, and the
    tangents of those wanted results that have one, whose positions come first.
    """
    n = len(eqn.invars)
    carried: list[int] = []

    def rule(*arrays: Any) -> list[Any]:
        y, pushed = ir.jvp_of_equation(eqn, arrays[:n], active, arrays[n:])
        carried[:] = [j for j in wanted if pushed[j] is not None]
        return [*y, *(pushed[j] for j in carried)]

    avals = [x.aval for x in eqn.invars]
    tangents = [ir.tangent_aval(avals[i]) for i in active]
    jaxpr, consts = tracing.trace(rule, [*avals, *tangents], f"rule of {eqn.primitive}")
    return tuple(carried), jaxpr, consts


def _not_linear(what: str, jaxpr: Jaxpr, n: int, engine: Engine) -> NotLinearError:
    moving = [i >= n for i in range(len(jaxpr.invars))]
    culprit = nonlinear_equation(jaxpr, moving, engine, affine=True)
    where = ""
    if culprit is not None:
        where = f": the derivative of {named(culprit)} depends on a tangent"
    return NotLinearError(
        f"{what} is not linear in its tangents{where}. Reverse mode transposes "
        "it: write the tangent as a linear function of the operands' tangents, or use "
        "forward mode."
    )


# Unknown primitives -------------------------------------------------------------------


def by_own_rule(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """The local Jacobian by ``jax.jvp``, ``jax.linearize`` and ``jax.vjp``."""
    del engine
    m = len(eqn.outvars)

    def make(reverse: bool) -> Code:
        with _as_no_rule(eqn):
            return own_code(eqn, active, wanted, jax.vjp if reverse else jax.linearize)

    def joint() -> Snippet:
        with _as_no_rule(eqn):
            carried, jaxpr, consts = jvp_program(eqn, active, wanted)
        zeros = [False] * m + [j not in carried for j in wanted]
        return snippet(tidy(jaxpr), consts, zeros)

    return OwnRule(make, joint, m, wanted)


def own_code(
    eqn: JaxprEqn,
    active: Sequence[int],
    wanted: Sequence[int],
    transform: Callable[..., Any],
) -> Code:
    """Forward and linear code by ``jax.linearize`` or ``jax.vjp`` of one equation.

    What either returns is a pytree; its leaves are the residuals.
    """
    reverse = transform is jax.vjp
    tree: Any = None
    m = len(eqn.outvars)

    def forward(*x: Any) -> list[Any]:
        nonlocal tree
        apply = ir.equation_function(eqn, x, active)
        y, linear = transform(apply, *[x[i] for i in active])
        residuals, tree = jax.tree_util.tree_flatten(linear)
        return [*y, *residuals]

    name = f"rule of {eqn.primitive}"
    made, consts = tracing.trace(forward, [x.aval for x in eqn.invars], name)
    k = len(made.outvars) - m

    def linear(*arrays: Any) -> list[Any]:
        apply = jax.tree_util.tree_unflatten(tree, arrays[:k])
        if not reverse:
            pushed = apply(*arrays[k:])
            return [pushed[j] for j in wanted]
        cotangents = [ir.zero_cotangent(v.aval) for v in eqn.outvars]
        for j, c in zip(wanted, arrays[k:], strict=True):
            cotangents[j] = c
        return list(apply(cotangents))

    given = (
        [ir.cotangent_aval(eqn.outvars[j].aval) for j in wanted]
        if reverse
        else [ir.tangent_aval(eqn.invars[i].aval) for i in active]
    )
    residuals = [x.aval for x in made.outvars[m:]]
    applied, applied_consts = tracing.trace(linear, [*residuals, *given], name)
    return Code(snippet(tidy(made), consts), snippet(tidy(applied), applied_consts))


@contextmanager
def _as_no_rule(eqn: JaxprEqn) -> Generator[None]:
    """Turns JAX's error for a missing rule into one with the line and a next step."""
    try:
        yield
    except ValueError as error:
        why = f"has no derivative: {error} {NEXT_STEP}"
        if str(error).startswith("Linearization failed"):
            why = FORWARD_ONLY
        raise NotDifferentiableError(
            f"primitive '{eqn.primitive}' ({ir.source_line(eqn)}) {why}"
        ) from error
    except NotImplementedError as error:
        raise NoRuleError(
            f"no derivative for primitive '{eqn.primitive}' ({ir.source_line(eqn)}): "
            f"{error}. {NEXT_STEP}"
        ) from error
