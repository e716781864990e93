"""Laplacians of wavefunctions: irad's ways beside JAX's and folx."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import jax

from benchmarks.harness.contests import Contest, counted
from benchmarks.harness.laplacians import Way, ways
from benchmarks.harness.peers import Peer, PeerError, failures_of
from benchmarks.harness.tables import Column, Row, interval, milliseconds, quantity
from benchmarks.programs import Program, Size, wavefunctions
from benchmarks.suites.suite import Suite
from irad.errors import DisagreementError
from irad.instruments import hlo
from irad.instruments.agreement import agree
from irad.instruments.executable import Compiled, compiled
from irad.instruments.timing import Rounds, call, interleaved, ratio

ROUNDS = Rounds(least=5, most=20, seconds=8.0)


def programs(size: Size) -> Sequence[Program]:
    return wavefunctions.programs(size)


def row(program: Program, peer: Peer) -> Row:
    """All sides made, held against the first, timed in turn."""
    arguments = program.arguments()
    sides, left_out = _sides(program, peer)
    ours = [way.name for way in ways(peer) if way.is_ours and way.name in sides]
    if not ours:
        raise PeerError("; ".join(left_out.values()))
    runs = {name: call(side.run, *arguments) for name, side in sides.items()}
    timed = interleaved(runs, rounds=ROUNDS)
    best = min(ours, key=lambda name: timed[name].median)
    digests = {name: hlo.digest(side.module) for name, side in sides.items()}
    return {
        "ours": ours,
        "best": best,
        "sides": {
            name: {
                **side.row(),
                "median_s": timed[name].median,
                "spread": timed[name].spread,
                "samples_s": timed[name].samples,
                "beside": {
                    **asdict(ratio(timed[best], timed[name])),
                    "same_program": digests[name] in {digests[best]} - {None},
                },
            }
            for name, side in sides.items()
        },
        "left_out": left_out,
    }


def _sides(program: Program, peer: Peer) -> tuple[dict[str, Compiled], dict[str, str]]:
    """Those that agree with the first, and why others take no part."""
    arguments = program.arguments()
    sides: dict[str, Compiled] = {}
    left_out: dict[str, str] = {}
    reference: Any = None
    for way in ways(peer):
        try:
            with failures_of(way) if way.is_ours or way.is_peer else nullcontext():
                made = compiled(_batched(way, program), arguments)
                result = made.run(*arguments)
            reference = result if reference is None else reference
            _check(way, result, reference, program)
        except PeerError as error:
            left_out[way.name] = str(error)
        else:
            sides[way.name] = made
    return sides, left_out


def _batched(way: Way, program: Program) -> Callable[..., jax.Array]:
    """The Laplacian at every walker."""
    fun = program.make()

    def laplacian(x: jax.Array, *rest: Any) -> jax.Array:
        return jax.vmap(way.laplacian(lambda x: fun(x, *rest)))(x)

    return laplacian


def _check(way: Way, result: Any, reference: Any, program: Program) -> None:
    """A library beside irad and JAX that is wrong is left out; else it is an error."""
    try:
        agree(result, reference, tolerance=program.tolerance)
    except DisagreementError as error:
        if way.is_peer:
            raise PeerError(str(error)) from error
        raise DisagreementError(f"{way.name}: {error}") from error


def contests(row: Row) -> list[Contest]:
    """The fastest of irad's ways beside every other library's."""
    best = row["sides"][row["best"]]
    return [
        Contest(
            name,
            None if side["beside"]["same_program"] else side["beside"],
            counted(best, side),
        )
        for name, side in row["sides"].items()
        if name not in row["ours"]
    ]


def lines(row: Row) -> list[Row]:
    """One line for each side."""
    sides = [
        {**side, "side": f"{name} *" if name == row["best"] else name}
        for name, side in row["sides"].items()
    ]
    absent = [
        {"side": name, "left_out": f"left out: {why}"}
        for name, why in row["left_out"].items()
    ]
    first = {"program": row["program"]}
    return [
        {"program": "", **line, **(first if not i else {})}
        for i, line in enumerate([*sides, *absent])
    ]


def _value(key: str) -> Callable[[Row], Any]:
    return lambda line: line.get(key)


def _time(beside: Row) -> str:
    return "1.00 same HLO" if beside["same_program"] else interval(beside)


SUITE = Suite(
    name="laplacian",
    title="Laplacians of wavefunctions at all walkers, all sides interleaved",
    programs=programs,
    row=row,
    columns=[
        Column("program", _value("program")),
        Column("side", _value("side")),
        Column("flops", _value("flops"), quantity),
        Column("bytes", _value("bytes"), quantity),
        Column("temp", _value("temp_bytes"), quantity),
        Column("compile ms", _value("compile_s"), milliseconds),
        Column("ms", _value("median_s"), milliseconds),
        Column("ours/side", _value("beside"), _time),
        Column("left out", lambda line: line.get("left_out", "")),
    ],
    notes=[
        "*: the fastest of irad's ways, whose time stands over that of each side",
        "all are held against the trace of jax.hessian",
    ],
    lines=lines,
    contests=contests,
)
