"""``custom_linear_solve``: the derivative of a solution, by another solve.

With ``A(p) x = b``, where ``p`` is what the matrix is made of, the tangent solves
``A dx = db - dA x``. Pulled back, ``w`` solves ``A^T w = c``: it is the cotangent of
``b``, and minus ``w`` is that of ``A(p) x`` read as a function of ``p``. How the user
solves is never differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad._compat import ir
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn, Var
from irad.emitter import Emitter
from irad.graph import Engine, Linearized, SplitProgram
from irad.structure.bodies import code_of, constants, mask, opened, spread


class LinearSolve:
    """The linearization of a ``custom_linear_solve`` equation.

    The operands are what matvec, vecmat, solve and transpose_solve close over, one
    after the other, and then ``b``. Only those of matvec and ``b`` count: the others
    say the same in another way.
    """

    def __init__(
        self,
        eqn: JaxprEqn,
        active: tuple[int, ...],
        wanted: tuple[int, ...],
        engine: Engine,
    ) -> None:
        lengths = eqn.params["const_lengths"]
        self._params = eqn.params
        self._engine = engine
        self._active = active
        self._matvec: ClosedJaxpr = eqn.params["jaxprs"].matvec
        self._num_matrix: int = lengths.matvec
        self._num_closed = sum(lengths)
        self._in_matrix = [i for i in active if i < lengths.matvec]
        size = len(eqn.invars) - self._num_closed
        self._unknowns = [v.aval for v in eqn.outvars[:size]]
        moves = self._in_matrix or any(i >= self._num_closed for i in active)
        self.carries = tuple(j for j in wanted if moves and j < size)
        self._place = ir.source_line(eqn)

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        y: Sequence[Atom] = eqn.outvars
        if x is eqn.invars:
            emit.eqns.append(eqn)
        else:
            y = emit.equation(
                ir.linear_solve_p, x, [v.aval for v in y], eqn.params, eqn.effects
            )
        return y, (x, self._product(emit, x, y, reverse=reverse))

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        x, residuals = kept
        n = self._num_closed
        tangents = dict(zip(self._active, t, strict=True))
        right = [tangents.get(n + j) for j in range(len(self._unknowns))]
        moving = [tangents[i] for i in self._in_matrix]
        pushed = self._pushed(emit, residuals, moving) if moving else {}
        for j, product in pushed.items():
            minus = _negative(emit, product)
            before = right[j]
            right[j] = minus if before is None else emit.add(before, minus)
        solution = self._solve(emit, x[:n], right, self._params)
        return [solution[j] for j in self.carries]

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        x, residuals = kept
        n = self._num_closed
        right = dict(zip(self.carries, c, strict=True))
        closed, params = self._transposed(x[:n])
        given = [right.get(j) for j in range(len(self._unknowns))]
        w = self._solve(emit, closed, given, params)
        pulled = {n + j: w_j for j, w_j in enumerate(w)}
        if self._in_matrix:
            pulled.update(self._pulled(emit, residuals, w))
        return [pulled.get(i) for i in self._active]

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        y, kept = self.forward(emit, eqn, x, reverse=False)
        return y, self.push(emit, kept, t)

    # The product A(p) x as a function of p ------------------------------------------

    def _split(self, *, reverse: bool) -> SplitProgram:
        body = opened(self._matvec)
        active = mask(len(body.invars), self._in_matrix, shift=len(self._matvec.consts))
        split = self._engine.vjp if reverse else self._engine.linearize
        return split(body, active, (True,) * len(body.outvars))

    def _product(
        self, emit: Emitter, x: Sequence[Atom], y: Sequence[Atom], *, reverse: bool
    ) -> list[Any]:
        """The residuals of the product at the solution; the product itself is dead."""
        if not self._in_matrix:
            return []
        split = self._split(reverse=reverse)
        unknowns = y[: len(self._unknowns)]
        leading = constants(emit, self._matvec)
        inputs = [*leading, *x[: self._num_matrix], *unknowns]
        outs = emit.splice(code_of(split.forward), inputs)
        return split.residuals(inputs, outs[len(unknowns) :])

    def _pushed(
        self, emit: Emitter, residuals: Sequence[Any], moving: Sequence[Any]
    ) -> dict[int, Atom]:
        split = self._split(reverse=False)
        outs = emit.splice(code_of(split.linear), [*residuals, *moving])
        products = iter(spread(split, outs))
        found = {j: next(products) for j, on in enumerate(split.carries) if on}
        return {j: product for j, product in found.items() if product is not None}

    def _pulled(
        self, emit: Emitter, residuals: Sequence[Any], w: Sequence[Atom]
    ) -> dict[int, Any]:
        split = self._split(reverse=True)
        pairs = zip(w, split.carries, strict=True)
        minus = [_negative(emit, w_j) for w_j, on in pairs if on]
        outs = emit.splice(code_of(split.linear), [*residuals, *minus])
        return dict(zip(self._in_matrix, spread(split, outs), strict=True))

    # Solves -------------------------------------------------------------------------

    def _solve(
        self,
        emit: Emitter,
        closed: Sequence[Atom],
        right: Sequence[Any],
        params: dict[str, Any],
    ) -> list[Var]:
        """The solution for a right-hand side, in which None is zero."""
        types = [ir.tangent_aval(aval) for aval in self._unknowns]
        filled = [
            emit.zeros(aval) if r is None else r
            for r, aval in zip(right, types, strict=True)
        ]
        solve = params["jaxprs"].solve
        results = [*types, *solve.out_avals[len(types) :]]
        operands = [*closed, *filled]
        effects = solve.effects
        solution = emit.equation(ir.linear_solve_p, operands, results, params, effects)
        return solution[: len(types)]

    def _transposed(self, closed: Sequence[Atom]) -> tuple[list[Atom], dict[str, Any]]:
        """The operands and params of the transposed solve."""
        jaxprs, lengths = self._params["jaxprs"], self._params["const_lengths"]
        if jaxprs.transpose_solve is None:
            raise TypeError(
                "transpose_solve required for backwards mode automatic differentiation "
                f"of custom_linear_solve ({self._place}). Pass transpose_solve, or "
                "symmetric=True where the matrix is symmetric."
            )
        rest = iter(closed)
        parts = lengths._make([next(rest) for _ in range(n)] for n in lengths)
        operands = [x for part in parts.transpose() for x in part]
        params = {
            "jaxprs": jaxprs.transpose(),
            "const_lengths": lengths.transpose(),
        }
        return operands, dict(self._params, **params)


def _negative(emit: Emitter, x: Atom) -> Atom:
    return emit.equation(lax.neg_p, [x], [x.aval], {})[0]


def linear_solve(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``custom_linear_solve`` equation."""
    local = LinearSolve(eqn, active, wanted, engine)
    return local if local.carries else None
