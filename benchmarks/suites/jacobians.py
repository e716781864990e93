"""Whole Jacobians and Hessians beside JAX's modes, sparse libraries and by hand."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from jax.experimental.sparse import BCOO
from scipy import sparse

from benchmarks.harness.contests import Contest, counted
from benchmarks.harness.derivatives import HAND, Ready, ready, ways
from benchmarks.harness.matrices import agree_by_rows, matrix
from benchmarks.harness.peers import Peer, PeerError
from benchmarks.harness.tables import (
    Column,
    Row,
    digits,
    interval,
    milliseconds,
    quantity,
)
from benchmarks.programs import hessians, jacobians, versions
from benchmarks.programs.derivative import Derivative
from benchmarks.suites.suite import Suite
from irad.errors import DisagreementError
from irad.instruments import hlo
from irad.instruments.timing import Rounds, Times, call, interleaved, ratio

ROUNDS = Rounds(least=5, most=20, seconds=4.0)
# A call takes seconds for some models, and there are four shapes of each.
MODEL_ROUNDS = Rounds(least=3, most=20, seconds=4.0)
WAYS = {"jacfwd": "forward", "jacrev": "reverse"}
"""The modes of JAX, and what irad calls the same way."""

MODES = tuple(WAYS)
PEERS = ("asdex", "sparsejac")
# Slack for a difference of nothing but noise.
NEVER_SLOWER = 1.05


@dataclass(frozen=True)
class Targets:
    """The largest ratios that a row may show, and the most seconds of set-up.

    ``modes`` is the dense time over the better of JAX's modes, ``peers`` that in BCOO
    over the sparse libraries; ``hand`` and ``flops`` are over by hand, of the values
    where the program has a pattern.
    """

    modes: float = NEVER_SLOWER
    flops: float | None = None
    hand: float | None = None
    peers: float | None = None
    setup_s: float | None = None


STRUCTURED = Targets(modes=1.0, flops=1.1)
SPARSE = Targets(hand=1.5, peers=1.0)
TARGETS: dict[str, Targets] = {
    "bottleneck": Targets(modes=0.1, flops=1.1),
    "deep bottleneck": Targets(modes=0.1, flops=1.1),
    "layered widths": Targets(modes=1 / 3, flops=1.1),
    "square network": Targets(setup_s=0.5),
    "Lorenz": Targets(setup_s=0.5),
    "elementwise": STRUCTURED,
    "tridiagonal": STRUCTURED,
    "independent blocks": STRUCTURED,
    "diagonal + rank 1": STRUCTURED,
    "arrow": SPARSE,
    "Burgers": SPARSE,
    "Bratu": SPARSE,
    "bundle adjustment": Targets(peers=1.0, setup_s=2.0),
    "Rosenbrock": SPARSE,
    "neighbour-exponential": SPARSE,
}


def row(program: Derivative, peer: Peer, *, rounds: Rounds | None = None) -> Row:
    """All sides of a program: made, compared, counted, timed in turn."""
    arguments = program.arguments()
    sides: dict[str, Ready] = {}
    left_out: dict[str, str] = {}
    for way in ways(program, peer):
        try:
            sides[way.name] = ready(way, program, arguments)
        except PeerError as error:
            left_out[way.name] = str(error)
    differences, wrong = _compare(program, sides, peer)
    sides = {name: side for name, side in sides.items() if name not in wrong}
    runs = {name: call(side.compiled.run, *arguments) for name, side in sides.items()}
    timed = interleaved(runs, rounds=rounds or ROUNDS)
    ours = _ours(program, peer)
    return {
        "shape": program.shape(arguments),
        "nnz": len(program.pattern().rows) if program.pattern else None,
        "ours": ours,
        "sides": {
            name: _figures(side, differences[name], timed[name])
            for name, side in sides.items()
        },
        "left_out": left_out | wrong,
        "better_mode": _better_mode(timed),
        "beside": _beside(sides, timed, ours),
    }


def _ours(program: Derivative, peer: Peer) -> dict[str, str]:
    """For each other side that of ours which gives the same: array, BCOO or values."""
    lean = "values" if program.pattern else "dense"
    return {
        **dict.fromkeys(MODES, f"{peer.name} dense"),
        **dict.fromkeys(PEERS, f"{peer.name} bcoo"),
        HAND: f"{peer.name} {lean}",
    }


def _compare(
    program: Derivative, sides: dict[str, Ready], peer: Peer
) -> tuple[dict[str, float], dict[str, str]]:
    """How far each side lies from JAX's, or from by hand where JAX's is too large.

    A disagreement of ours or of by hand is an error; any other is returned.
    """
    shape = program.shape(program.arguments())
    pattern = program.pattern() if program.pattern else None

    def entries(side: Ready) -> sparse.csr_array:
        result = side.result
        if side.way.places:
            found = sides[side.way.places].result
            result = BCOO((result, found.indices), shape=found.shape)
        return matrix(result, shape, pattern if side.way.has_pattern else None)

    reference = entries(sides[next(name for name in (*MODES, HAND) if name in sides)])
    differences: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for name, side in sides.items():
        try:
            differences[name] = agree_by_rows(
                entries(side), reference, tolerance=program.tolerance
            )
        except DisagreementError as error:
            if name == HAND or name.startswith(f"{peer.name} "):
                raise DisagreementError(f"{name}: {error}") from error
            wrong[name] = str(error)
    return differences, wrong


def _figures(side: Ready, difference: float, times: Times) -> Row:
    return {
        **side.compiled.row(),
        "setup_s": side.setup_s,
        "how": side.how,
        "difference": difference,
        "median_s": times.median,
        "spread": times.spread,
        "samples_s": times.samples,
    }


def _better_mode(timed: dict[str, Times]) -> str:
    """Which of JAX's modes is faster; nothing where none takes part."""
    modes = [name for name in MODES if name in timed]
    return min(modes, key=lambda name: timed[name].median, default="")


def _beside(
    sides: dict[str, Ready], timed: dict[str, Times], ours: dict[str, str]
) -> dict[str, Row]:
    """Our time over each other side's, and whether both are the same program."""
    digests = {name: hlo.digest(side.compiled.module) for name, side in sides.items()}
    return {
        name: {
            **asdict(ratio(timed[ours[name]], times)),
            "same_program": digests[name] in {digests[ours[name]]} - {None},
            "same_mode": _is_same_mode(sides[ours[name]], name, sides[name]),
        }
        for name, times in timed.items()
        if ours.get(name) in timed
    }


def _is_same_mode(ours: Ready, name: str, side: Ready) -> bool:
    """Whether ours goes the way of a mode of JAX, with no more operations."""
    if ours.how != WAYS.get(name):
        return False
    return ours.compiled.work.flops <= side.compiled.work.flops


def missed(row: Row) -> dict[str, list[str]]:
    """Which targets a row does not reach, by the side that shows it."""
    families = (name for name in TARGETS if row["program"].startswith(name))
    targets = TARGETS.get(next(families, ""), Targets())
    found: dict[str, list[str]] = defaultdict(list)
    for name in _absent(row):
        found[name].append("absent")
    for name, limit in _times(targets).items():
        if limit and _is_beyond(row["beside"].get(name), limit):
            found[name].append(f"time {limit:.2g}")
    lean, hand = row["ours"][HAND], row["sides"].get(HAND)
    ours = row["sides"].get(lean)
    most = targets.flops and hand and targets.flops * hand["flops"]
    if ours and most and ours["flops"] > most:
        found[HAND].append(f"flops {targets.flops:g}")
    if ours and targets.setup_s and ours["setup_s"] > targets.setup_s:
        found[lean].append(f"set-up {targets.setup_s:g} s")
    return dict(found)


def _absent(row: Row) -> set[str]:
    """Formats of ours without a side where there is another to compare with."""
    wanted = {row["ours"][name] for name in row["sides"] if name in row["ours"]}
    return wanted - row["sides"].keys()


def _times(targets: Targets) -> dict[str, float | None]:
    """The largest ratio of our time to that of each side."""
    return {
        **dict.fromkeys(MODES, targets.modes),
        **dict.fromkeys(PEERS, targets.peers),
        HAND: targets.hand,
    }


def _is_beyond(beside: Row | None, limit: float) -> bool:
    """Whether even the low end of the interval is above the limit."""
    if not beside:
        return False
    is_equal = beside["same_program"] or beside["same_mode"]
    return limit < (1.0 if is_equal else beside["low"])


def contests(row: Row) -> list[Contest]:
    """Each side beside that of ours which gives the same."""
    return [
        Contest(
            name,
            None if beside["same_program"] else beside,
            counted(row["sides"][row["ours"][name]], row["sides"][name]),
        )
        for name, beside in row["beside"].items()
    ]


def lines(row: Row) -> list[Row]:
    """One line for each side; the first ones say what the program is."""
    rows, columns = row["shape"]
    head = [row["program"], f"  {rows:,} x {columns:,}"]
    if row["nnz"]:
        head.append(f"  {row['nnz']:,} entries")
    misses, hand = missed(row), row["sides"].get(HAND, {}).get("flops")
    sides = [
        {
            **side,
            "side": f"{name} (better)" if name == row["better_mode"] else name,
            "beside": row["beside"].get(name),
            "flops_ratio": side["flops"] / hand if hand else None,
            "missed": misses.get(name, ()),
        }
        for name, side in row["sides"].items()
    ]
    absent = [
        {"side": name, "missed": [f"left out: {why}", *misses.get(name, ())]}
        for name, why in row["left_out"].items()
    ]
    cells = itertools.chain(head, itertools.repeat(""))
    return [
        {**line, "program": cell}
        for line, cell in zip([*sides, *absent], cells, strict=False)
    ]


def _value(key: str) -> Callable[[Row], Any]:
    return lambda line: line.get(key)


def _time(beside: Row) -> str:
    if beside["same_program"]:
        return "1.00 same HLO"
    return interval(beside) + (" same way" if beside["same_mode"] else "")


COLUMNS = [
    Column("program", _value("program")),
    Column("side", _value("side")),
    Column("how", _value("how")),
    Column("set-up ms", _value("setup_s"), milliseconds),
    Column("compile ms", _value("compile_s"), milliseconds),
    Column("run ms", _value("median_s"), milliseconds),
    Column("ours/side", _value("beside"), _time),
    Column("flops", _value("flops"), quantity),
    Column("/by hand", _value("flops_ratio"), digits),
    Column("bytes", _value("bytes"), quantity),
    Column("temp", _value("temp_bytes"), quantity),
    Column("missed", _value("missed"), ", ".join),
]
NOTES = [
    "set-up: from a new function to the lowered program, pattern and plan included",
    "ours/side: median of the paired time ratios and its 95% interval; dense beside",
    "  jacfwd and jacrev, BCOO beside asdex and sparsejac, values (or dense) beside",
    "  by hand; values are the entries of the BCOO without its indices",
    "(better): the faster of JAX's modes; same way: ours is that mode, and takes no",
    "  more operations, which counts as 1",
    "missed: the largest ratio of our time or flops to this side's that was allowed",
]

JACOBIANS = Suite(
    name="jacobians",
    title="Whole Jacobians, all sides interleaved",
    programs=jacobians,
    row=row,
    columns=COLUMNS,
    notes=NOTES,
    lines=lines,
    contests=contests,
)
MODELS = Suite(
    name="modes",
    title="Whole Jacobians of the models in four shapes, beside both modes of JAX",
    programs=versions,
    row=partial(row, rounds=MODEL_ROUNDS),
    columns=COLUMNS,
    notes=NOTES,
    lines=lines,
    contests=contests,
)
HESSIANS = Suite(
    name="hessians",
    title="Whole Hessians, all sides interleaved",
    programs=hessians,
    row=row,
    columns=COLUMNS,
    notes=NOTES,
    lines=lines,
    contests=contests,
)
