"""`python -m tests.stablehlo`: irad on JAX's harnesses, exported to text."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from tests.stablehlo.corpus import programs
from tests.stablehlo.verdicts import CRASH, KINDS, Verdict, verdict_of

LONGEST = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Judges and prints; 1 where a derivative is wrong or irad crashed."""
    parser = argparse.ArgumentParser(prog="python -m tests.stablehlo")
    parser.add_argument("--only", default="", help="programs whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="one program in so many")
    options = parser.parse_args(arguments)
    found: list[Verdict] = []
    for each in _verdicts(options.only, options.every):
        found.append(each)
        if each.why:
            where = " in 64 bits" if each.in_64_bits else ""
            print(f"{each.name[:LONGEST]}: {each.jvp}, {each.vjp}{where}: {each.why}")
            sys.stdout.flush()
    _print_table(found)
    return int(any({v.jvp, v.vjp} & {"wrong", CRASH} for v in found))


def _verdicts(only: str, every: int) -> Iterator[Verdict]:
    """The verdict on each program, in a process of its own: one may crash it."""
    pool = None
    for program in programs(only, every):
        pool = pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        try:
            yield pool.submit(verdict_of, program.name).result()
        except BrokenProcessPool:
            yield Verdict(program.name, program.family, CRASH, CRASH, "XLA crashed")
            pool = None
    if pool is not None:
        pool.shutdown()


def _print_table(found: Sequence[Verdict]) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in found:
        for family in (each.family, "all"):
            counts[family].update([f"jvp {each.jvp}", f"vjp {each.vjp}", "number"])
    columns = [f"{mode} {kind}" for mode in ("jvp", "vjp") for kind in KINDS]
    print(f"\n{'family':28}{'number':>8}" + "".join(f"{c:>12}" for c in columns))
    for family, row in counts.items():
        cells = "".join(f"{row[c] or '':>12}" for c in columns)
        print(f"{family:28}{row['number']:>8}{cells}")


if __name__ == "__main__":
    sys.exit(main())
