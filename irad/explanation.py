"""``explain``: what irad does with a function, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import jax.numpy as jnp

from irad._compat import ir
from irad._compat.ir import Jaxpr, JaxprEqn, Var
from irad.accumulate import ENGINE
from irad.derivatives import active_inputs, wanted_outputs
from irad.graph import Inside, Node
from irad.keeping.report import Residuals
from irad.linearization import is_differentiable, linearize
from irad.planning.plans import Plan
from irad.rules import RULES
from irad.rules.registry import Cases, Constant, Jacobian, Replaced, WrittenOut
from irad.stablehlo import Module
from irad.stablehlo.modules import wide
from irad.stablehlo.transforms import as_function
from irad.structure import STRUCTURES
from irad.tables import aligned
from irad.transforms.arguments import (
    Arguments,
    check_callable,
    normalize_argnums,
    select_arguments,
)
from irad.transforms.mixed import plan
from irad.transforms.reports import residuals
from irad_passes import dce, inline
from irad_passes.modules import opaque_p

Wrt = int | Sequence[int] | None


@dataclass(frozen=True)
class RuleUse:
    """A primitive that tangents pass through, and whose rule it is.

    ``uses`` counts the equations, inside loops and branches too; ``source`` is the
    user's line of the first.
    """

    primitive: str
    rule: str
    uses: int
    source: str


@dataclass(frozen=True, eq=False)
class Explanation:
    """What irad does with a function on given arguments, and why.

    Attributes:
        title: The function's name and place.
        rules: The primitives on active paths, and the rule that each uses.
        independent: For each input that no output depends on the reason.
        plan: How a Jacobian would be computed; None unless all values are real.
        residuals: What the gradient keeps; None unless the output is a real scalar.
    """

    title: str
    rules: tuple[RuleUse, ...]
    independent: dict[str, str]
    plan: Plan | None
    residuals: Residuals | None

    def to_dict(self) -> dict[str, Any]:
        """All figures, as numbers and strings."""
        return {
            "program": self.title,
            "rules": [asdict(use) for use in self.rules],
            "independent": dict(self.independent),
            "plan": None if self.plan is None else self.plan.to_dict(),
            "residuals": None if self.residuals is None else self.residuals.to_dict(),
        }

    def __str__(self) -> str:
        """The account in words."""
        lines = [self.title]
        if self.rules:
            rows = [("primitive", "uses", "rule", "first at")]
            rows += [(r.primitive, str(r.uses), r.rule, r.source) for r in self.rules]
            lines += aligned(rows, to_the_right=(1,))
        for name, reason in self.independent.items():
            lines.append(f"No output depends on {name}: {reason}.")
        if self.plan is not None:
            lines.append(f"Jacobian: {self.plan.reason}")
        if self.residuals is not None:
            lines.append(f"Gradient: {self.residuals.summary}")
        return "\n".join(lines)


def explain(
    fun: Callable[..., Any] | Module, *args: Any, wrt: Wrt = None
) -> Explanation:
    """What irad does with a function, and why.

    Args:
        fun: a function of arrays or trees of arrays, or an ``irad.stablehlo.Module``.
        *args: the point. Its numbers do not enter, but for a function that asks.
        wrt: the positional arguments to differentiate in; by default the first, of a
            module every floating-point or complex input.

    Returns:
        An ``Explanation``, which prints: the primitives that tangents pass through and
        whose rule each uses (irad's by kind, the function's own, JAX's), the inputs
        that no output depends on and where they get lost, the reason of the plan for a
        Jacobian, and what a gradient keeps.

    Raises:
        What ``irad.jacobian`` raises.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> f = lambda x, y: jnp.sin(x) * jnp.floor(y)
        >>> found = irad.explain(f, 1.0, 2.0, wrt=(0, 1))
        >>> [(use.primitive, use.rule) for use in found.rules]
        [('sin', 'irad, elementwise'), ('mul', 'irad, elementwise')]
        >>> list(found.independent)
        ['y']
    """
    if isinstance(fun, Module):
        with wide(fun):
            of_module, argnums = as_function(fun, wrt)
            given = select_arguments(of_module, argnums, tuple(fun.checked(args)), {})
            names = [f"input {i}" for i in given.positions]
            return _explained(given, argnums, repr(fun), names)
    check_callable(fun)
    argnums = normalize_argnums(0 if wrt is None else wrt)
    given = select_arguments(fun, argnums, args, {})
    return _explained(given, argnums, ir.function_name(fun), given.names())


def _explained(
    given: Arguments, argnums: Any, title: str, names: Sequence[str]
) -> Explanation:
    fun, args = given.fun, given.args
    captured = given.captured("explain", has_aux=False)
    jaxpr = dce(inline(captured.jaxpr, max_equations=_ALL, keep_shared=False))
    active = active_inputs(jaxpr, captured.num_consts)
    whole = Inside(jaxpr, active, wanted_outputs(jaxpr, captured.num_outputs))
    types = [*captured.in_avals, *captured.out_avals]
    is_real = all(jnp.issubdtype(aval.dtype, jnp.floating) for aval in types)
    is_scalar = is_real and [y.shape for y in captured.out_avals] == [()]
    return Explanation(
        title,
        _uses(whole),
        _independent(whole, captured.num_consts, names),
        plan(fun, argnums)(*args) if is_real else None,
        residuals(fun, argnums)(*args) if is_scalar else None,
    )


_ALL = 1 << 30


# Rules --------------------------------------------------------------------------------

_OWN = {
    ir.custom_jvp_call_p: "the function's own, jvp",
    ir.custom_vjp_call_p: "the function's own, fwd and bwd",
    opaque_p: "yours, by irad.stablehlo.rule",
}


def _uses(whole: Inside) -> tuple[RuleUse, ...]:
    """The primitives on active paths, each once for each rule, in order."""
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for node in _nodes(whole):
        key = _name(node.eqn), _rule_of(node)
        uses, source = found.get(key, (0, ir.source_line(node.eqn)))
        found[key] = uses + 1, source
    return tuple(
        RuleUse(name, rule, uses, source)
        for (name, rule), (uses, source) in found.items()
    )


def _nodes(whole: Inside) -> Iterator[Node]:
    """The equations that tangents pass through, of the programs inside them too."""
    graph = linearize(whole.body, whole.active, whole.wanted, ENGINE)
    for node in graph.nodes:
        if node.local is None:
            continue
        yield node
        look = getattr(node.local, "inside", None)
        part = None if look is None else look()
        if part is not None:
            yield from _nodes(part)


def _name(eqn: JaxprEqn) -> str:
    return eqn.params["name"] if eqn.primitive is opaque_p else eqn.primitive.name


def _rule_of(node: Node) -> str:
    """Whose rule an equation uses, and of what kind it is."""
    eqn = node.eqn
    rule = RULES.get(eqn.primitive)
    if isinstance(rule, Cases):
        avals = [x.aval for x in eqn.invars]
        rule = rule.choose(eqn.params, avals, node.active)
    match rule:
        case Jacobian() | Replaced():
            return f"irad, {rule.kind}"
        case WrittenOut():
            return "irad, written out"
        case None if eqn.primitive in STRUCTURES:
            return _OWN.get(eqn.primitive, "irad, by the program inside")
        case None:
            return "JAX's own"
        case _:
            return "irad, rewritten"


# Inputs that get lost -----------------------------------------------------------------


def _independent(whole: Inside, constants: int, names: Sequence[str]) -> dict[str, str]:
    """The active inputs that no output depends on, by name, and why."""
    _, reaching = ENGINE.activity(whole.body, whole.active, whole.wanted)
    return {
        names[i - constants]: _loss(whole.body, x)
        for i, x in enumerate(whole.body.invars)
        if whole.active[i] and not reaching[i]
    }


def _loss(body: Jaxpr, x: Var) -> str:
    """Where an input gets lost: at one or two equations, or inside of one."""
    carrying, ends, inside = {x}, list[str](), list[str]()
    for eqn in body.eqns:
        if carrying.isdisjoint(y for y in eqn.invars if type(y) is Var):
            continue
        rule = RULES.get(eqn.primitive)
        results = [v for v in eqn.outvars if is_differentiable(v.aval)]
        if isinstance(rule, Constant):
            ends.append(f"{_place(eqn)}: {rule.reason}")
        elif not results:
            ends.append(f"{_place(eqn)}: its results have no tangents")
        else:
            carrying.update(results)
            if rule is None:
                inside.append(f"{_place(eqn)}: its results do not change with it")
    found = list(dict.fromkeys(ends or inside[-1:]))
    return ", and ".join(found[:2]) or "none is computed from it"


def _place(eqn: JaxprEqn) -> str:
    return f"{_name(eqn)} at {ir.source_line(eqn)}"
