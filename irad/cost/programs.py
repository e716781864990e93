"""The cost of a jaxpr: its operations, loops included, and its traffic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from jax import lax

from irad._compat import calls, ir, primitives
from irad.cost.entries import size
from irad.cost.machines import Machine, seconds
from irad.cost.operations import operations
from irad.cost.quantities import Cost
from irad.cost.steps import (
    Program,
    Step,
    program,
    scan_copies,
    with_stacked,
)
from irad.cost.traffic import is_fused, kernels_of
from irad_passes import cse, dce, fold, inline, simplify
from irad_passes.bodies import open_jaxpr


def tidied(jaxpr: ir.Jaxpr) -> ir.Jaxpr:
    """A jaxpr without the redundant work that XLA would remove."""
    return dce(cse(simplify(fold(inline(jaxpr)))))


def cost_of(
    jaxpr: ir.Jaxpr,
    *,
    batch: int = 1,
    batched: Collection[ir.Var] | None = None,
    trips: int | None = None,
    machine: Machine | None = None,
) -> Cost:
    """What a jaxpr costs when XLA has compiled it.

    It is counted as it stands: ``tidied`` removes what XLA would remove (equal and dead
    equations, arithmetic on literals). What does not change from trip to trip of a scan
    is taken out of it, as XLA does. A branch costs as much as the dearest.

    Args:
        jaxpr: An open jaxpr; nothing is traced.
        batch: The size of a leading axis that ``batched`` have beside their types, as
            under ``jax.vmap``. Equations that depend on them cost ``batch`` times as
            much.
        batched: Variables of the jaxpr; by default all of its inputs.
        trips: The trips of a ``while``; unknown by default, which counts the body once
            and says so in ``uncounted``.
        machine: What ``seconds`` are of; they are not worked out without one.

    >>> import jax, jax.numpy as jnp
    >>> made = jax.make_jaxpr(lambda x: jnp.sin(x) * 2)(jnp.ones(10))
    >>> cost_of(made.jaxpr).flops, cost_of(made.jaxpr).transcendentals
    (20, 10)
    """
    marked = jaxpr.invars if batched is None else batched
    copies = [batch if v in marked else 1 for v in (*jaxpr.constvars, *jaxpr.invars)]
    setting = _Setting(batch, trips, machine)
    return setting.cost(program(jaxpr, copies, frozenset(marked), batch))


def equation_cost(
    eqn: ir.JaxprEqn, *, batch: int = 1, batched: Collection[ir.Var] = ()
) -> Cost:
    """What an equation costs alone, when it reads and writes all in memory."""
    read = dict.fromkeys(v for v in eqn.invars if not isinstance(v, ir.Literal))
    alone = ir.make_jaxpr_object([*read], eqn.outvars, [eqn], "equation")
    return cost_of(alone, batch=batch, batched=batched)


@dataclass(frozen=True)
class _Setting:
    """What the cost of an inner program depends on beside its inputs."""

    batch: int
    trips: int | None
    machine: Machine | None
    in_loop: bool = False

    def cost(self, program: Program) -> Cost:
        """The cost of a program, those that its steps run included."""
        costs = {step: self._alone(step) for step in program.steps}
        return kernels_of(program, costs, self.machine)

    def _alone(self, step: Step) -> Cost:
        structure = STRUCTURE.get(step.eqn.primitive)
        return _work(step) if structure is None else structure(self, step)

    def passing(self, stacks: int) -> float:
        """Seconds for the rows of so many bytes to come from where they are, or go.

        Of what is kept they are half the price, which is paid once for both ways.
        """
        if self.machine is None:
            return 0.0
        keeping = self.machine.keeping(stacks, reused=self.in_loop)
        return stacks * max(1 / self.machine.touching(stacks), keeping / 2)

    def body(self, jaxpr: ir.Jaxpr, copies: Sequence[int]) -> Program:
        constants = [1] * len(jaxpr.constvars)
        return program(jaxpr, [*constants, *copies], (), self.batch)


def _work(step: Step) -> Cost:
    """Operations of an equation without a body."""
    found = operations(step.eqn)
    if found is None:
        return Cost(uncounted=frozenset({step.eqn.primitive.name}))
    return found.scaled(step.copies)


def _scan(setting: _Setting, step: Step) -> Cost:
    """The length times what varies, and what does not vary once."""
    eqn = step.eqn
    inputs, _ = scan_copies(eqn, [x.copies for x in step.x], setting.batch)
    jaxpr = open_jaxpr(eqn.params["jaxpr"])
    consts, carries = calls.scan_counts(eqn.params)
    body = with_stacked(setting.body(jaxpr, inputs), carries)
    once, each = _split(body, len(jaxpr.constvars) + consts)
    inside = replace(setting, in_loop=True).cost(each)
    before = setting.cost(once)
    every = inside.scaled(eqn.params["length"])
    total = before + replace(every, looped=every.simple)
    stacks = sum(v.bytes for v in (*step.x[consts + carries :], *step.y[carries:]))
    held = sum(x.bytes for x in once.outputs)
    return replace(
        total,
        peak_bytes=max(before.peak_bytes, held + inside.peak_bytes),
        likely_bytes=max(before.likely_bytes, held + inside.likely_bytes),
        seconds=total.seconds + setting.passing(stacks),
    )


def _split(body: Program, consts: int) -> tuple[Program, Program]:
    """The steps that depend on constants only and do arithmetic, and the others.

    Steps that only move constants count with both: they run inside other kernels.
    """
    fixed = set(body.inputs[:consts])
    once: list[Step] = []
    each: list[Step] = []
    for step in body.steps:
        if all(x in fixed or x.is_literal for x in step.x) and not step.eqn.effects:
            fixed.update(step.y)
            once.append(step)
            if not is_fused(step) or _work(step).flops:
                continue
        each.append(step)
    made = {y for step in once for y in step.y}
    again = {y for step in each for y in step.y}
    read = dict.fromkeys([x for step in each for x in step.x] + [*body.outputs])
    kept = tuple(x for x in read if x in made - again)
    return (
        Program(body.inputs[:consts], tuple(once), kept),
        Program((*body.inputs, *kept), tuple(each), body.outputs),
    )


def _while(setting: _Setting, step: Step) -> Cost:
    """Body and condition for each trip."""
    params, copies = step.eqn.params, [x.copies for x in step.x]
    cond, body = params["cond_nconsts"], params["body_nconsts"]
    carry = [y.copies for y in step.y]
    test = open_jaxpr(params["cond_jaxpr"])
    trip = open_jaxpr(params["body_jaxpr"])
    total = setting.cost(setting.body(test, [*copies[:cond], *carry]))
    total += setting.cost(setting.body(trip, [*copies[cond : cond + body], *carry]))
    total = replace(total, looped=total.simple)
    if setting.trips is not None:
        return total.scaled(setting.trips)
    return replace(total, uncounted=total.uncounted | {"while"})


def _cond(setting: _Setting, step: Step) -> Cost:
    """The dearest branch; all of them where entries of a batch choose differently.

    Of branches for platforms the one for any platform counts.
    """
    copies = [x.copies for x in step.x[1:]]
    branches = step.eqn.params["branches"]
    platforms = step.eqn.params.get("branches_platforms") or (None,) * len(branches)
    costs = [
        setting.cost(setting.body(open_jaxpr(branch), copies))
        for branch, platform in zip(branches, platforms, strict=True)
        if platform is None
    ]
    if step.x[0].copies > 1:
        return sum(costs, start=Cost())
    return max(costs, key=lambda cost: (cost.flops, cost.bytes))


def _shards(setting: _Setting, step: Step) -> Cost:
    """The body, at the sizes of one shard."""
    body = open_jaxpr(step.eqn.params["jaxpr"])
    return setting.cost(setting.body(body, [x.copies for x in step.x]))


def _linear_solve(setting: _Setting, step: Step) -> Cost:
    """The program that solves: its constants stand before those to transpose it."""
    lengths = step.eqn.params["const_lengths"]
    first = lengths.matvec + lengths.vecmat
    copies = [x.copies for x in step.x]
    constants, given = copies[first : first + lengths.solve], copies[sum(lengths) :]
    solve = open_jaxpr(step.eqn.params["jaxprs"].solve)
    return setting.cost(setting.body(solve, [*constants, *given]))


def _reduce(setting: _Setting, step: Step) -> Cost:
    """The computation, once for each entry but those of the results."""
    arrays = len(step.x) // 2
    body = open_jaxpr(step.eqn.params["jaxpr"])
    once = setting.cost(setting.body(body, [1] * len(body.invars)))
    times = step.copies * (size(step.x[0].aval) - size(step.y[0].aval))
    moved = sum(v.bytes for v in (*step.x[:arrays], *step.y))
    total = replace(
        once.scaled(times), bytes=moved, peak_bytes=0, likely_bytes=0, kernels=1
    )
    taken = 0.0 if setting.machine is None else seconds(total, setting.machine)
    return replace(total, seconds=taken)


STRUCTURE: dict[ir.Primitive, Callable[[_Setting, Step], Cost]] = {
    ir.scan_p: _scan,
    ir.while_p: _while,
    ir.cond_p: _cond,
    ir.linear_solve_p: _linear_solve,
    lax.reduce_p: _reduce,
    primitives.shard_map_p: _shards,
}
