"""``custom_vjp``: the user's forward program, and the backward one as the pull.

``bwd`` is code like any other: it is written into the derivative program, and higher
orders differentiate it. Forward mode, which JAX refuses, transposes ``bwd`` where it is
linear in the cotangent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from irad._compat import custom_rules, ir, tracing
from irad._compat.ir import Atom, Jaxpr, JaxprEqn
from irad.emitter import Emitter, Snippet, snippet
from irad.errors import NotLinearError
from irad.graph import Engine, Linearized
from irad.leaf import Code, Linear, tidy
from irad.structure.linearity import named, nonlinear_equation
from irad.structure.own_rule import remembered


@dataclass(frozen=True, eq=False)
class Backward:
    """``bwd`` as a program: residuals and cotangents to cotangents.

    It takes the cotangents of the results that have one, and returns those of the
    active operands that ``zeros`` does not mark, in the operands' dtypes.
    """

    jaxpr: Jaxpr
    consts: Sequence[Any]
    zeros: tuple[bool, ...]


class CustomVJP:
    """The linearization of a ``custom_vjp`` equation."""

    # ``bwd`` may ask which cotangents are zero, so it is traced for each pattern.
    takes_zeros = True

    def __init__(
        self,
        eqn: JaxprEqn,
        active: tuple[int, ...],
        wanted: tuple[int, ...],
        engine: Engine,
    ) -> None:
        self._rule = custom_rules.CustomVJP(eqn, active)
        self._name = custom_rules.function_name(eqn)
        self._operands = [x.aval for x in eqn.invars]
        self._results = [v.aval for v in eqn.outvars]
        self._active = active
        self._wanted = wanted
        self._engine = engine
        self._backwards: dict[tuple[bool, ...], Backward] = {}
        self._pulls: dict[tuple[bool, ...], Snippet] = {}
        self._made = self._trace_forward()

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        outs = emit.splice(self._forward_code, x)
        n = len(self._results)
        residuals = outs[n:]
        if not reverse:
            residuals = emit.splice(self._push_code.forward, residuals)
        return outs[:n], residuals

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        present = tuple(c_j is not None for c_j in c)
        code = self._pull_code(present)
        return emit.splice(code, [*kept, *(c_j for c_j in c if c_j is not None)])

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        zeros = self._backward((True,) * len(self._wanted)).zeros
        moving = [t_i for t_i, zero in zip(t, zeros, strict=True) if not zero]
        return emit.splice(self._push_code.linear, [*kept, *moving])

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        y, kept = self.forward(emit, eqn, x, reverse=False)
        return y, self.push(emit, kept, t)

    # Programs ----------------------------------------------------------------------

    def _trace_forward(self) -> tuple[Jaxpr, Sequence[Any]]:
        """``fwd``: operands to results and residuals."""

        def run(*x: Any) -> list[Any]:
            y, residuals = self._rule.forward(x)
            return [*y, *residuals]

        return tracing.trace(run, self._operands, f"fwd of {self._name}")

    def _backward(self, present: tuple[bool, ...]) -> Backward:
        found = self._backwards.get(present)
        if found is None:
            found = self._backwards[present] = self._trace_backward(present)
        return found

    def _trace_backward(self, present: tuple[bool, ...]) -> Backward:
        """``bwd`` for the wanted results whose cotangents are present."""
        k = len(self._made[0].outvars) - len(self._results)
        live = [j for j, on in zip(self._wanted, present, strict=True) if on]
        zeros: list[bool] = []

        def run(*arrays: Any) -> list[Any]:
            c: list[Any] = [None] * len(self._results)
            for j, c_j in zip(live, arrays[k:], strict=True):
                c[j] = c_j
            pulled = self._rule.backward(arrays[:k], c)
            found = [pulled[i] for i in self._active]
            zeros[:] = [c_i is None for c_i in found]
            return [
                ir.as_dtype(c_i, expected)
                for c_i, expected in zip(found, types, strict=True)
                if c_i is not None
            ]

        types = [ir.cotangent_aval(self._operands[i]) for i in self._active]
        given = [ir.cotangent_aval(self._results[j]) for j in live]
        name = f"bwd of {self._name}"
        jaxpr, consts = self._rule.trace_backward(run, given, self._made, name)
        return Backward(jaxpr, consts, tuple(zeros))

    @cached_property
    def _forward_code(self) -> Snippet:
        jaxpr, consts = self._made
        return snippet(tidy(jaxpr), consts)

    def _pull_code(self, present: tuple[bool, ...]) -> Snippet:
        code = self._pulls.get(present)
        if code is None:
            made = self._backward(present)
            code = snippet(tidy(made.jaxpr), made.consts, made.zeros)
            self._pulls[present] = code
        return code

    @cached_property
    def _push_code(self) -> Code:
        """``bwd`` transposed: residuals and tangents to tangents."""
        backward = self._backward((True,) * len(self._wanted))
        jaxpr = backward.jaxpr
        k = len(jaxpr.invars) - len(self._wanted)
        moving = [i >= k for i in range(len(jaxpr.invars))]
        self._check_linear(jaxpr, moving)
        present = (False,) * len(jaxpr.outvars)
        what = f"the bwd rule of {self._name}"
        program = Linear(tidy(jaxpr), backward.consts, k, 0, present, what)
        return program.code(self._engine, reverse=True)

    def _check_linear(self, jaxpr: Jaxpr, moving: Sequence[bool]) -> None:
        culprit = nonlinear_equation(jaxpr, moving, self._engine)
        if culprit is None:
            return
        raise NotLinearError(
            f"forward mode through the custom_vjp function {self._name} transposes its "
            f"bwd rule, which is not linear in the cotangent: {named(culprit)}. "
            "Write bwd as a linear function of the cotangent, give the function a rule "
            "by jax.custom_jvp, or use reverse mode."
        )


def custom_vjp(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``custom_vjp`` equation; one rule is traced once for equal equations."""

    def make() -> CustomVJP:
        return CustomVJP(eqn, active, wanted, engine)

    return remembered(eqn, active, wanted, make)
