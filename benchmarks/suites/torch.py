"""Gradients beside PyTorch's, in a process of its own for each program.

PyTorch runs a gradient operation by operation (`torch.func.grad`) or compiled
(`torch.compile`), and AOTAutograd keeps no more of a compiled loss than a share of what
its gradient needs (`activation_memory_budget`). All sides of a row run in one process:
`python -m benchmarks.suites.torch PROGRAM SIZE SUBJECT`.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import jax
import numpy as np

from benchmarks.harness.contests import timed
from benchmarks.harness.peers import Peer, peer
from benchmarks.harness.processes import Task, row_of
from benchmarks.harness.tables import (
    Column,
    Row,
    beside,
    interval,
    median,
    milliseconds,
)
from benchmarks.programs import Program, Size, models, tensors
from benchmarks.suites.suite import Suite
from irad.errors import DisagreementError
from irad.instruments.agreement import agree
from irad.instruments.timing import Rounds, Side, call, interleaved, ratio

ROUNDS = Rounds(least=5, most=20, seconds=4.0)
LIBRARY = "torch"
EAGER, COMPILED, BUDGET = "torch", "torch, compiled", "torch, half kept"
SHARE = 0.5
# A loop of Python is compiled step by step: hundreds of steps take minutes.
LOOPS = ("LSTM",)


def tasks(size: Size) -> Sequence[Task]:
    names = tensors.models(size)
    return [Task(program, size) for program in models(size) if program.name in names]


def row(task: Task, peer: Peer) -> Row:
    """What the other process measured."""
    return row_of(__name__, LIBRARY, task.name, task.size, peer.name)


def measured(program: Program, peer: Peer, theirs: dict[str, Callable[[], Any]]) -> Row:
    """Ours, JAX's and PyTorch's in turn.

    Ours that disagrees with JAX's is said in ``wrong``; PyTorch's raises.
    """
    arguments = program.arguments()
    jitted = {
        "jax": jax.jit(jax.grad(program.make(), program.argnums)),
        "ours": jax.jit(peer.grad(program.make(), program.argnums)),
    }
    reference = jitted["jax"](*arguments)
    try:
        agree(jitted["ours"](*arguments), reference, tolerance=program.tolerance)
    except DisagreementError as error:
        return {"wrong": str(error)}
    for side in theirs.values():
        found = jax.tree.map(np.asarray, side())
        agree(found, reference, tolerance=program.tolerance)
    runs = {name: call(side, *arguments) for name, side in jitted.items()}
    timed = interleaved(
        {**runs, **{name: _side(run) for name, run in theirs.items()}}, rounds=ROUNDS
    )
    return {
        "wrong": "",
        "median_s": {name: times.median for name, times in timed.items()},
        "samples_s": {name: times.samples for name, times in timed.items()},
        "beside": {name: asdict(ratio(timed["ours"], timed[name])) for name in theirs},
    }


def _side(run: Callable[[], Any]) -> Side:
    return Side(lambda _: run())


def gradients(program: Program, size: Size) -> dict[str, Callable[[], Any]]:
    """PyTorch's ways to the gradient in the first argument: compiled at full size."""
    torch = importlib.import_module(LIBRARY)
    loss = tensors.models(size)[program.name]
    arguments = jax.tree.map(lambda x: torch.tensor(np.asarray(x)), program.arguments())
    plain = torch.func.grad(loss)
    found = {EAGER: lambda: plain(*arguments)}
    if size == "small" or program.name in LOOPS:
        return found
    compiled = torch.compile(torch.func.grad(loss))
    return {
        **found,
        COMPILED: lambda: compiled(*arguments),
        BUDGET: _within_budget(torch, loss, arguments),
    }


def _within_budget(
    torch: Any, loss: Callable[..., Any], arguments: tuple[Any, ...]
) -> Callable[[], Any]:
    """A compiled loss of which no more is kept than a share, and its gradient."""
    config: Any = importlib.import_module("torch._functorch.config")
    config.activation_memory_budget = SHARE
    made = torch.compile(loss)
    leaves, tree = jax.tree.flatten(arguments[0])
    active = [x.clone().requires_grad_() for x in leaves]

    def gradient() -> Any:
        value = made(jax.tree.unflatten(tree, active), *arguments[1:])
        return jax.tree.unflatten(tree, torch.autograd.grad(value, active))

    return gradient


def main(name: str, size: Any, subject: Any) -> None:
    """Prints the row of one program as JSON."""
    (program,) = (p for p in models(size) if p.name == name)
    print(json.dumps(measured(program, peer(subject), gradients(program, size))))


SUITE = Suite(
    name="torch",
    title="Gradients beside PyTorch's, in a process for each program",
    programs=tasks,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("ms jax", median("jax"), milliseconds),
        Column("ms", median("ours"), milliseconds),
        Column("ms torch", median(EAGER), milliseconds),
        Column("ms compiled", median(COMPILED), milliseconds),
        Column("ms half kept", median(BUDGET), milliseconds),
        Column("ours/torch", beside(EAGER), interval),
        Column("ours/compiled", beside(COMPILED), interval),
        Column("ours/half kept", beside(BUDGET), interval),
    ],
    notes=[
        "torch: torch.func.grad, op by op; compiled: torch.compile of the same;",
        f"  half kept: a compiled loss with activation_memory_budget = {SHARE:g}",
        "compiled at full size only, and no loop of Python: it takes minutes",
    ],
    contests=timed,
)

if __name__ == "__main__":
    main(*sys.argv[1:])
