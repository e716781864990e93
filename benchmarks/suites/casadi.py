"""Whole derivatives of programs of scalars beside CasADi's.

CasADi runs an expression graph operation by operation, or as C that it writes and a
compiler of the machine makes a library of. Both are called through the buffers of its
``Function``, which copies nothing, and compute in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import jax
import numpy as np
from scipy import sparse

from benchmarks.harness.contests import timed
from benchmarks.harness.derivatives import library, ready, subject
from benchmarks.harness.matrices import agree_by_rows, matrix
from benchmarks.harness.peers import Library, Peer, PeerError, better_mode, failures_of
from benchmarks.harness.tables import (
    Column,
    Row,
    beside,
    interval,
    median,
    microseconds,
)
from benchmarks.programs import Derivative, Size, hessians, jacobians
from benchmarks.programs.expressions import EXPRESSIONS
from benchmarks.suites.suite import Suite
from irad.errors import DisagreementError
from irad.instruments.executable import compiled
from irad.instruments.timing import Rounds, Side, call, interleaved, ratio

ROUNDS = Rounds(least=5, most=20, seconds=4.0)
LIBRARY = "casadi"
C = "C"
CODE: dict[str, Any] = {
    "jit": True,
    "compiler": "shell",
    "jit_options": {"flags": ["-O3"]},
}
# Compilers of C take minutes for functions of more entries.
ENTRIES = 4000


@dataclass(frozen=True)
class Evaluated:
    """CasADi's derivative, with its input at hand: a call, and where its result is.

    ``kept`` is what the call reads and writes, which must live as long as it does.
    """

    run: Callable[[], object]
    values: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    kept: tuple[Any, ...]

    def matrix(self, shape: tuple[int, int], dtype: Any) -> sparse.csr_array:
        entries = self.values.astype(dtype), (self.rows, self.columns)
        return sparse.coo_array(entries, shape).tocsr()


def programs(size: Size) -> Sequence[Derivative]:
    every = [*jacobians(size), *hessians(size)]
    return [program for program in every if program.name in EXPRESSIONS]


def row(program: Derivative, peer: Peer) -> Row:
    arguments = program.arguments()
    shape = program.shape(arguments)
    form = "bcoo" if program.pattern and "bcoo" in peer.formats else "dense"
    ours = ready(subject(peer, form), program, arguments)
    mode = better_mode if program.order == 1 else jax.hessian
    theirs = compiled(mode(program.make()), arguments)
    reference = matrix(theirs.run(*arguments), shape)
    agree_by_rows(matrix(ours.result, shape), reference, tolerance=program.tolerance)
    found, left_out = _expressions(program, arguments, reference)
    sides = {
        "ours": call(ours.compiled.run, *arguments),
        "jax": call(theirs.run, *arguments),
        **{name: _side(side) for name, side in found.items()},
    }
    timed = interleaved(sides, rounds=ROUNDS)
    return {
        "format": form,
        "left_out": left_out,
        "median_s": {name: times.median for name, times in timed.items()},
        "samples_s": {name: times.samples for name, times in timed.items()},
        "beside": {name: asdict(ratio(timed["ours"], timed[name])) for name in found},
    }


def _side(evaluated: Evaluated) -> Side:
    return Side(lambda _: evaluated.run())


def _expressions(
    program: Derivative, arguments: tuple[Any, ...], reference: sparse.csr_array
) -> tuple[dict[str, Evaluated], str]:
    """CasADi's sides, which agree with JAX, and why C takes no part."""
    with failures_of(Library(LIBRARY)):
        found = {LIBRARY: evaluated(program, arguments)}
        left_out = ""
        if (size := found[LIBRARY].values.size) > ENTRIES:
            left_out = f"C of {size:,} entries"
        else:
            found[f"{LIBRARY}, {C}"] = evaluated(program, arguments, **CODE)
    for name, side in found.items():
        side.run()
        try:
            made = side.matrix(program.shape(arguments), reference.dtype)
            agree_by_rows(made, reference, tolerance=program.tolerance)
        except DisagreementError as error:
            raise PeerError(f"{name}: {error}") from error
    return found, left_out


def evaluated(
    program: Derivative, arguments: tuple[Any, ...], **options: Any
) -> Evaluated:
    """The derivative in all entries of CasADi's expression for the program."""
    ca = library(LIBRARY)
    x = ca.SX.sym("x", arguments[0].size)
    made = EXPRESSIONS[program.name](ca, x)
    whole = ca.jacobian(made, x) if program.order == 1 else ca.hessian(made, x)[0]
    fun = ca.Function("derivative", [x], [whole], options)
    given = np.asarray(arguments[0], np.float64).ravel()
    values = np.zeros(fun.nnz_out(0))
    buffers, run = fun.buffer()
    buffers.set_arg(0, given.data)
    buffers.set_res(0, values.data)
    rows, columns = map(np.asarray, fun.sparsity_out(0).get_triplet())
    return Evaluated(run, values, rows, columns, (fun, buffers, given))


SUITE = Suite(
    name="casadi",
    title="Whole derivatives of scalar programs beside CasADi's, microseconds a call",
    programs=programs,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("format", lambda r: r["format"]),
        Column("jax", median("jax"), microseconds),
        Column("ours", median("ours"), microseconds),
        Column("casadi", median(LIBRARY), microseconds),
        Column("casadi, C", median(f"{LIBRARY}, {C}"), microseconds),
        Column("ours/casadi", beside(LIBRARY), interval),
        Column("ours/casadi, C", beside(f"{LIBRARY}, {C}"), interval),
        Column("left out", lambda r: r["left_out"]),
    ],
    notes=[
        "jax: jacfwd or jacrev by the shape, or hessian: dense",
        "casadi: jacobian or hessian of an SX expression, sparse, in float64, where",
        "  irad and JAX compute in float32; C: as its option 'jit' compiles it, -O3",
        "its calls are through buffers: no array is made, and no dispatch is paid",
    ],
    contests=timed,
)
