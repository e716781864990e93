"""Runs a test suite on irad's functions in place of JAX's, and reports what changed.

    python -m tests.parity.swap PATH [--json FILE] [--also PACKAGE] [pytest arguments]

The suite runs twice, in processes of their own: with JAX's functions (the baseline) and
with irad's, in the modules under PATH and in the packages named by ``--also``. Only a
test which passes in the baseline and does not with irad counts against irad. Arguments
that are not listed by ``--help`` go to pytest as they are.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Result:
    """What became of one test."""

    outcome: str
    derivatives: int = 0
    message: str = ""

    @property
    def bad(self) -> bool:
        """Whether the test failed, or began and never ended (a crash)."""
        return self.outcome in ("failed", "crashed")


@dataclass(frozen=True)
class Comparison:
    """A run with the functions under test beside the baseline."""

    functions: str
    passed: list[str] = field(default_factory=list)
    exercised: int = 0
    new_failures: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    failing_in_both: list[str] = field(default_factory=list)
    newly_passing: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the swap changed no outcome for the worse."""
        return not self.new_failures and not self.lost

    def __str__(self) -> str:
        lines = [
            f"{self.functions}: {len(self.passed)} passed "
            f"({self.exercised} of them call a derivative function), "
            f"{len(self.new_failures)} new failures, {len(self.lost)} lost, "
            f"{len(self.failing_in_both)} failing in both, "
            f"{len(self.newly_passing)} newly passing, {len(self.skipped)} skipped"
        ]
        for name, message in self.new_failures.items():
            first = message.strip().splitlines()[0] if message.strip() else ""
            lines.append(f"  {name}: {first[:160]}")
        lines.extend(f"  {name}: not run" for name in self.lost)
        return "\n".join(lines)


def merge(events: Sequence[Mapping[str, object]]) -> dict[str, Result]:
    """One result per test: the worst of its phases, a crash if it never ended."""
    results: dict[str, Result] = {}
    for event in events:
        name = str(event["id"])
        old = results.get(name)
        if event["outcome"] == "started":
            results[name] = Result("crashed", 0, "the process ended in this test")
        elif old is None or old.outcome != "failed":
            derivatives = int(str(event.get("derivatives", 0)))
            text = str(event.get("message", ""))
            results[name] = Result(str(event["outcome"]), derivatives, text)
    return results


def compare(
    functions: str, baseline: Mapping[str, Result], swapped: Mapping[str, Result]
) -> Comparison:
    """Sorts every test by its outcome in both runs."""
    result = Comparison(functions)
    result.lost.extend(
        n for n, r in baseline.items() if r.outcome == "passed" and n not in swapped
    )
    for name, new in swapped.items():
        old = baseline.get(name, Result("absent"))
        if new.bad and old.bad:
            result.failing_in_both.append(name)
        elif new.bad or (new.outcome == "skipped" and old.outcome == "passed"):
            result.new_failures[name] = new.message or new.outcome
        elif new.outcome == "skipped":
            result.skipped.append(name)
        else:
            (result.newly_passing if old.bad else result.passed).append(name)
    used = sum(swapped[name].derivatives > 0 for name in result.passed)
    return replace(result, exercised=used)


def run(
    functions: str, paths: Sequence[str], packages: Sequence[str], rest: Sequence[str]
) -> dict[str, Result]:
    """Runs the suite once, in a fresh process, with the functions of one module."""
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.jsonl"
        found = [str(HERE), os.environ.get("PYTHONPATH", ""), str(ROOT)]
        found.append(str(ROOT / "passes"))
        environment = {
            **os.environ,
            "PARITY_FUNCTIONS": functions,
            "PARITY_PATHS": os.pathsep.join(paths),
            "PARITY_PACKAGES": os.pathsep.join(packages),
            "PARITY_RECORD": str(events),
            "PYTHONPATH": os.pathsep.join(entry for entry in found if entry),
        }
        command = [sys.executable, "-m", "pytest", "-p", "parity_plugin", "-q"]
        command += ["-p", "no:cacheprovider", "--tb=short", *paths, *rest]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if not events.exists():
            tail = (done.stdout + done.stderr)[-3000:]
            raise RuntimeError(f"pytest ran no test with {functions!r}:\n{tail}")
        return merge([json.loads(line) for line in events.read_text().splitlines()])


def cached_baseline(
    file: Path | None,
    paths: Sequence[str],
    packages: Sequence[str],
    rest: Sequence[str],
) -> dict[str, Result]:
    """The run with JAX's own functions, read from ``file`` when it is there."""
    if file is not None and file.exists():
        stored = json.loads(file.read_text())
        return {name: Result(**values) for name, values in stored.items()}
    results = run("jax", paths, packages, rest)
    if file is not None:
        table = {name: asdict(result) for name, result in results.items()}
        file.write_text(json.dumps(table, indent=1))
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs both sides, prints the comparison, and returns 1 if the swap shows."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.parity.swap",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("path", nargs="+", help="test files or folders")
    parser.add_argument("--functions", default="irad", help="module of the functions")
    parser.add_argument("--also", action="append", default=[], help="package to swap")
    parser.add_argument("--json", type=Path, help="where the comparison is written")
    parser.add_argument("--baseline", type=Path, help="file that keeps the baseline")
    options, rest = parser.parse_known_args(arguments)
    baseline = cached_baseline(options.baseline, options.path, options.also, rest)
    if not any(result.outcome == "passed" for result in baseline.values()):
        shown = "\n".join(result.message for result in baseline.values())
        raise RuntimeError(f"no test passes with JAX's own functions:\n{shown[-3000:]}")
    swapped = run(options.functions, options.path, options.also, rest)
    comparison = compare(options.functions, baseline, swapped)
    if options.json:
        options.json.write_text(json.dumps(asdict(comparison), indent=1))
    print(comparison)
    return 0 if comparison.clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
