"""Modules in place of sources: gradients of what `jax.jit(f).lower` writes.

The module is text, and its gradient is made of that alone; `jax.grad` has the source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from benchmarks.harness.contests import Contest
from benchmarks.harness.peers import Peer, PeerError, failures_of
from benchmarks.harness.tables import Column, Row, count, interval, milliseconds
from benchmarks.programs import Program, Size, modules, perceptron
from benchmarks.programs.operations import Operation
from benchmarks.suites import gradients
from benchmarks.suites.suite import Suite
from irad import stablehlo
from irad.errors import NoRuleError
from irad.instruments.agreement import agree
from irad.instruments.executable import compiled
from irad.instruments.timing import Rounds, Side, interleaved, ratio
from irad_passes import modules as passes
from irad_passes.errors import ModuleError

TRANSFORMED = Rounds(least=10, most=20, seconds=20.0)
LAYERS = 50
RATIO, MIDDLE_S = 1.5, 15e-3
# Second derivatives lose more digits.
SECOND = 10.0


@dataclass(frozen=True, eq=False)
class Lowered:
    """A program with its arguments as leaves, and what it is lowered to."""

    program: Program

    @cached_property
    def leaves(self) -> list[Any]:
        return jax.tree.leaves(self.program.arguments())

    @cached_property
    def wrt(self) -> tuple[int, ...]:
        """The leaves to differentiate in."""
        arguments, argnums = self.program.arguments(), self.program.argnums
        starts = np.cumsum([0, *(len(jax.tree.leaves(x)) for x in arguments)])
        chosen = (argnums,) if isinstance(argnums, int) else argnums
        return tuple(n for i in chosen for n in range(starts[i], starts[i + 1]))

    def flat(self, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        fun, tree = make(), jax.tree.structure(self.program.arguments())
        return lambda *leaves: fun(*jax.tree.unflatten(tree, leaves))

    @cached_property
    def lowered(self) -> Any:
        fun = self.flat(self.program.make)
        return jax.jit(fun, keep_unused=True).lower(*self.leaves)

    @property
    def reference(self) -> Callable[..., Any]:
        """JAX's gradient of the source, or of its twin."""
        make = _twin(self.program) or self.program.make
        return jax.grad(self.flat(make), self.wrt)


def _twin(program: Program) -> Callable[[], Callable[..., Any]] | None:
    return program.twin if isinstance(program, Operation) else None


def row(program: Program, peer: Peer) -> Row:
    if peer.name != "irad":
        raise PeerError(f"{peer.name} differentiates no modules")
    given = Lowered(program)
    reference = compiled(given.reference, given.leaves)
    expected = list(reference.run(*given.leaves))
    with failures_of(peer):
        module = stablehlo.load(given.lowered.as_text())
        gradient = stablehlo.grad(module, given.wrt)
        ours = compiled(gradient, given.leaves)
        reloaded = stablehlo.load(gradient.artifact())(*given.leaves)
    result = ours.run(*given.leaves)
    difference = agree(result, expected, tolerance=program.tolerance)
    agree(reloaded, result, tolerance=program.tolerance)
    return {
        "operations": ours.operations,
        "is_twin": _twin(program) is not None,
        "difference": difference,
        "second": _second(given, module),
        "hlo": of_hlo(given, module.hlo(), expected),
        "optimized": of_hlo(given, _optimized(given.lowered.compile()), expected),
        **gradients.beside(ours, reference, given.leaves),
    }


def _second(given: Lowered, module: stablehlo.Module) -> float:
    """The largest difference of products with the Hessian."""
    tangents = [np.cos(np.asarray(given.leaves[i])) for i in given.wrt]
    reference = given.reference

    def product(leaves: Sequence[Any], tangents: Sequence[Any]) -> Any:
        def moved(*moving: Any) -> Any:
            full = list(leaves)
            for i, x in zip(given.wrt, moving, strict=True):
                full[i] = x
            return reference(*full)

        return jax.jvp(moved, [leaves[i] for i in given.wrt], tangents)[1]

    expected = list(jax.jit(product)(given.leaves, tangents))
    found = stablehlo.hvp(module, given.wrt)(*given.leaves, *tangents)
    return agree(found, expected, tolerance=SECOND * given.program.tolerance)


def _optimized(made: Any) -> str | bytes:
    """XLA's program as text, or its proto where the text leaves constants out."""
    text = made.as_text()
    if "{...}" not in text:
        return text
    (whole,) = made.runtime_executable().hlo_modules()
    return whole.as_serialized_hlo_module_proto()


def of_hlo(given: Lowered, source: str | bytes, expected: Any) -> float | str:
    """The difference of the gradient of HLO, or why there is none."""
    try:
        gradient = stablehlo.grad(stablehlo.from_hlo(source), given.wrt)
    except (ModuleError, NoRuleError) as error:
        return str(error).splitlines()[0]
    return agree(gradient(*given.leaves), expected, tolerance=given.program.tolerance)


def contests(row: Row) -> Sequence[Contest]:
    """What the gradient is held against; a twin is another program, and no rival."""
    return [] if row["is_twin"] else gradients.contests(row)


def _outcome(value: float | str) -> str:
    return "refused" if isinstance(value, str) else f"{value:.0e}"


def _missed_beside(row: Row) -> str:
    return ", ".join(gradients.missed(row)) or "none"


def _summary(rows: Sequence[Row]) -> list[str]:
    return [
        f"{row['program']}, {what}: {row[what]}"
        for row in rows
        for what in ("hlo", "optimized")
        if isinstance(row[what], str)
    ]


SUITE = Suite(
    name="levels",
    title="Gradients of StableHLO text over jax.grad's of the source",
    programs=modules,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("StableHLO", lambda r: r["operations"], count),
        Column("gradient", lambda r: r["difference"], _outcome),
        Column("second order", lambda r: r["second"], _outcome),
        Column("of HLO", lambda r: r["hlo"], _outcome),
        Column("of optimized", lambda r: r["optimized"], _outcome),
        *gradients.BESIDE,
        Column("missed", lambda r: "twin" if r["is_twin"] else _missed_beside(r)),
    ],
    notes=[
        "gradient ...: largest difference to jax.grad's, over the largest entry",
        "second order: products with the Hessian; of HLO: of the text that XLA takes; "
        "of optimized: of the text that it makes",
        "artifacts of the gradients, read again, give the same values",
        "twin: JAX has a masked scan in place of a loop of unknown length",
    ],
    summary=_summary,
    contests=contests,
)


# From text to text --------------------------------------------------------------------


def deep(_: Size) -> list[Program]:
    return [perceptron.deep(LAYERS)]


def transform(program: Program, peer: Peer) -> Row:
    if peer.name != "irad":
        raise PeerError(f"{peer.name} differentiates no modules")
    given = Lowered(program)
    text = given.lowered.as_text()

    def derivative(_: Any) -> stablehlo.Module:
        return stablehlo.grad(stablehlo.load(text), given.wrt)

    def of_source(_: Any) -> str:
        return jax.jit(given.reference).lower(*given.leaves).as_text()

    found = derivative(None)(*given.leaves)
    expected = list(jax.jit(given.reference)(*given.leaves))
    difference = agree(found, expected, tolerance=program.tolerance)
    timed = interleaved(
        {
            "jax": Side(of_source),
            "parse": Side(lambda _: passes.read(text)),
            "derivative": Side(derivative),
            "text": Side(lambda _: derivative(None).text()),
        },
        rounds=TRANSFORMED,
        clock=time.process_time,
    )
    median = {name: side.median for name, side in timed.items()}
    return {
        "operations": count_of(text),
        "difference": difference,
        "median_s": median,
        "samples_s": {name: side.samples for name, side in timed.items()},
        "middle_s": median["derivative"] - median["parse"],
        "lower_s": median["text"] - median["derivative"],
        "ratio": asdict(ratio(timed["jax"], timed["text"])),
    }


def count_of(text: str) -> int:
    """The operations in a module's text, a line each."""
    return sum(" = " in line for line in text.splitlines())


def _missed(row: Row) -> str:
    reached = {
        f"{RATIO}x": row["ratio"]["median"] >= RATIO,
        f"{1e3 * MIDDLE_S:.0f} ms": row["middle_s"] <= MIDDLE_S,
    }
    return ", ".join(name for name, is_reached in reached.items() if not is_reached)


TRANSFORM = Suite(
    name="levels: transform",
    title="From StableHLO text to that of the gradient, CPU ms",
    programs=deep,
    row=transform,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("operations", lambda r: r["operations"], count),
        Column("jax.grad of the source", lambda r: r["median_s"]["jax"], milliseconds),
        Column("text to text", lambda r: r["median_s"]["text"], milliseconds),
        Column("parse", lambda r: r["median_s"]["parse"], milliseconds),
        Column("raise, linearize, passes", lambda r: r["middle_s"], milliseconds),
        Column("lower, print", lambda r: r["lower_s"], milliseconds),
        Column("jax/ours", lambda r: r["ratio"], interval),
        Column("missed", lambda r: _missed(r) or "none"),
    ],
    notes=["jax.grad of the source: traced, lowered and printed"],
)
SUITES = (SUITE, TRANSFORM)
