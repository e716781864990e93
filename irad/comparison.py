"""``compare``: the same gradient taken at each level of IR, side by side."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from irad._compat import ir, scientific
from irad.errors import DisagreementError
from irad.instruments import hlo
from irad.instruments.agreement import agree
from irad.instruments.executable import Compiled, compiled
from irad.instruments.timing import Rounds, call, interleaved
from irad.stablehlo import Module, from_hlo, load
from irad.stablehlo import grad as module_grad
from irad.stablehlo.modules import wide
from irad.tables import aligned, duration, quantity
from irad.transforms.arguments import (
    check_callable,
    normalize_argnums,
    select_arguments,
)
from irad.transforms.reverse import grad
from irad_passes import modules as passes

LEVELS = ("frontend", "jaxpr", "stablehlo", "hlo")
_OF_SOURCE = ("frontend", "jaxpr")
_MOST_BUILT = 5

Wrt = int | Sequence[int] | None
_Flat = Callable[..., Sequence[Any]]


@dataclass(frozen=True)
class Level:
    """A gradient taken at one level: what its program is, and what it took.

    Flops and bytes are those of XLA's optimized program, with loops; ``uncounted``
    names what in it cannot be counted. Times are medians in seconds. ``same_as`` is the
    first level whose optimized program is the same up to names.
    """

    name: str
    equations: int
    stablehlo_operations: int
    hlo_instructions: int
    flops: int
    bytes: int
    uncounted: tuple[str, ...]
    temp_bytes: int
    transform_s: float
    lower_s: float
    compile_s: float
    run_s: float
    same_as: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """The same gradient taken at several levels of IR.

    Printed, it is a table. ``left_out`` says why a level that was asked for has no row;
    ``difference`` is the largest between two gradients, over the largest entry.
    """

    title: str
    levels: tuple[Level, ...]
    left_out: dict[str, str]
    difference: float

    def to_dict(self) -> dict[str, Any]:
        """All figures, as numbers and strings."""
        return {
            "program": self.title,
            "levels": [asdict(level) for level in self.levels],
            "left_out": dict(self.left_out),
            "difference": self.difference,
        }

    def plot(self, ax: Any = None) -> Any:
        """Draws the times of each level with matplotlib, on given axes or new ones.

        Returns:
            The axes.

        Raises:
            ImportError: matplotlib is not installed.
        """
        ax = scientific.pyplot().gca() if ax is None else ax
        stages = ("transform", "lower", "compile", "run")
        places = np.arange(len(stages))
        width = 0.8 / len(self.levels)
        for i, level in enumerate(self.levels):
            taken = [getattr(level, f"{stage}_s") for stage in stages]
            ax.bar(places + i * width, taken, width, label=level.name)
        ax.set_xticks(places + 0.4 - width / 2, stages)
        ax.set_yscale("log")
        ax.set_ylabel("seconds")
        ax.set_title(self.title)
        ax.legend()
        return ax

    def __str__(self) -> str:
        """The table."""
        lines = aligned([_HEADER, *map(_cells, self.levels)], range(1, len(_HEADER)))
        same = [f"{x.name} = {x.same_as}" for x in self.levels if x.same_as != x.name]
        unknown = sorted({name for x in self.levels for name in x.uncounted})
        if unknown:
            lines.append(f"?: without what cannot be counted ({', '.join(unknown)}).")
        lines += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        if same:
            lines.append(f"The same program for XLA: {', '.join(same)}.")
        if len(self.levels) > 1:
            lines.append(
                f"The gradients agree to {self.difference:.1g} of the largest entry."
            )
        return "\n".join([self.title, *lines])


_HEADER = (
    "level",
    "equations",
    "StableHLO",
    "HLO",
    "flops",
    "moved",
    "temporaries",
    "transform",
    "lower",
    "compile",
    "run",
)


def _cells(level: Level) -> tuple[str, ...]:
    unknown = "?" if level.uncounted else ""
    return (
        level.name,
        str(level.equations),
        str(level.stablehlo_operations),
        str(level.hlo_instructions),
        quantity(level.flops, "") + unknown,
        quantity(level.bytes, "B") + unknown,
        quantity(level.temp_bytes, "B"),
        duration(level.transform_s),
        duration(level.lower_s),
        duration(level.compile_s),
        duration(level.run_s),
    )


def compare(
    fun: Callable[..., Any] | Module,
    *args: Any,
    wrt: Wrt = None,
    levels: Sequence[str] = LEVELS,
    seconds: float = 10.0,
) -> Comparison:
    """The gradient of a scalar function taken at each level of IR, side by side.

    ``frontend`` is ``jax.grad``, ``jaxpr`` is ``irad.grad``. At ``stablehlo`` the
    function is lowered first, and ``irad.stablehlo`` differentiates the text of the
    module; at ``hlo`` it differentiates the text of XLA's HLO of it. Neither has the
    function's source. Each gradient is compiled and run on ``args``.

    Args:
        fun: a function of arrays or trees of arrays whose output is a real scalar, or
            an ``irad.stablehlo.Module`` whose first output is one. A module has no
            source: ``frontend`` and ``jaxpr`` are left out then.
        *args: the point.
        wrt: the positional arguments to differentiate in; by default the first, of a
            module every floating-point input.
        levels: which levels to take, and in which order.
        seconds: how long to measure, roughly: making the programs takes up to as much,
            and running them too. Each is done once more to warm up.

    Returns:
        A ``Comparison``: for each level equations of the gradient's jaxpr, operations
        of its StableHLO module, instructions, flops and bytes of XLA's optimized
        program, temporary memory, and medians of the times to transform (from source
        or text to the gradient's jaxpr), lower, compile and run, taken in turns. A
        level that cannot be taken is left out, with the reason.

    Raises:
        DisagreementError: two levels gave different gradients.
        TypeError: the output is no real scalar, or an input cannot be differentiated.
        ValueError: there is no such level.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> f = lambda x: jnp.sum(jnp.sin(x))
        >>> found = irad.compare(f, jnp.ones(3), seconds=0.1)
        >>> [level.name for level in found.levels]
        ['frontend', 'jaxpr', 'stablehlo', 'hlo']
        >>> found.difference
        0.0
    """
    unknown = [level for level in levels if level not in LEVELS]
    if unknown or not levels:
        raise ValueError(f"levels are some of {', '.join(LEVELS)}, got {levels!r}")
    given = _given(fun, args, wrt)
    with nullcontext() if given.source is None else wide(given.source):
        return _compared(given, tuple(dict.fromkeys(levels)), seconds)


@dataclass(frozen=True, eq=False)
class _Given:
    """What is differentiated: as a function of leaves, or as a module, or both."""

    title: str
    leaves: list[Any]
    wrt: Wrt
    fun: _Flat | None
    argnums: tuple[int, ...] = ()
    source: Module | None = None

    @cached_property
    def text(self) -> str:
        """The module to differentiate, as text."""
        if self.source is not None:
            return self.source.text()
        assert self.fun is not None
        return jax.jit(self.fun, keep_unused=True).lower(*self.leaves).as_text()

    @cached_property
    def hlo(self) -> str:
        """The same as HLO text."""
        return passes.hlo(self.text)


def _given(fun: Callable[..., Any] | Module, args: Sequence[Any], wrt: Wrt) -> _Given:
    if isinstance(fun, Module):
        leaves = fun.checked(args)
        return _Given(f"gradient of {fun!r}", leaves, wrt, None, source=fun)
    check_callable(fun)
    selected = select_arguments(
        fun, normalize_argnums(0 if wrt is None else wrt), tuple(args), {}
    )
    leaves, tree = jax.tree.flatten(tuple(args))
    counts = [len(jax.tree.leaves(x)) for x in args]
    starts = np.cumsum([0, *counts])
    positions = tuple(
        n for i in sorted(selected.positions) for n in range(starts[i], starts[i + 1])
    )

    def flat(*leaves: Any) -> Any:
        return fun(*jax.tree.unflatten(tree, leaves))

    title = f"gradient of {ir.function_name(fun)}"
    return _Given(title, list(map(ir.as_jax_value, leaves)), positions, flat, positions)


def _frontend(given: _Given) -> _Flat:
    assert given.fun is not None
    return jax.grad(given.fun, given.argnums)


def _jaxpr(given: _Given) -> _Flat:
    assert given.fun is not None
    return grad(given.fun, given.argnums)


def _stablehlo(given: _Given) -> _Flat:
    return module_grad(load(given.text), given.wrt)


def _hlo(given: _Given) -> _Flat:
    return module_grad(from_hlo(given.hlo), given.wrt)


MAKERS: dict[str, Callable[[_Given], _Flat]] = {
    "frontend": _frontend,
    "jaxpr": _jaxpr,
    "stablehlo": _stablehlo,
    "hlo": _hlo,
}
"""How the gradient is made at each level."""


@dataclass(frozen=True, eq=False)
class _Built:
    """A gradient made and compiled once, and the seconds to its jaxpr."""

    compiled: Compiled
    transform_s: float


def _built(given: _Given, level: str) -> _Built:
    started = time.perf_counter()
    fun = MAKERS[level](given)
    made_s = time.perf_counter() - started
    found = compiled(fun, given.leaves)
    return _Built(found, made_s + found.trace_s)


def _compared(given: _Given, levels: Sequence[str], seconds: float) -> Comparison:
    first, left_out = _first(given, levels)
    difference = _difference(given, first)
    built = _built_in_turns(given, first, seconds)
    runs = {name: call(b.compiled.run, *given.leaves) for name, b in first.items()}
    timed = interleaved(runs, rounds=Rounds(least=5, most=20, seconds=seconds))
    digests: dict[str | None, str] = {}
    rows: list[Level] = []
    for name, b in first.items():
        digest = hlo.digest(b.compiled.module)
        same_as = name if digest is None else digests.setdefault(digest, name)
        rows.append(_level(name, built[name], timed[name].median, same_as))
    return Comparison(given.title, tuple(rows), left_out, difference)


def _first(
    given: _Given, levels: Sequence[str]
) -> tuple[dict[str, _Built], dict[str, str]]:
    """Every level built once, and why some are not; an error where none is."""
    built: dict[str, _Built] = {}
    left_out: dict[str, str] = {}
    error: Exception | None = None
    for level in levels:
        if given.fun is None and level in _OF_SOURCE:
            left_out[level] = "a module has no source"
            continue
        try:
            built[level] = _built(given, level)
        except (NotImplementedError, ValueError) as raised:
            error = raised
            left_out[level] = str(raised).splitlines()[0]
    if not built:
        raise error or ValueError(f"levels={levels!r}: a module has no source")
    return built, left_out


def _difference(given: _Given, built: dict[str, _Built]) -> float:
    """The largest difference of a gradient to the first; an error if they disagree."""
    first, *others = built
    expected = built[first].compiled.run(*given.leaves)
    tolerance = max((float(jnp.finfo(c.dtype).eps) ** 0.5 for c in expected), default=0)
    worst = 0.0
    for name in others:
        found = built[name].compiled.run(*given.leaves)
        try:
            apart = agree(list(found), list(expected), tolerance=tolerance)
        except DisagreementError as error:
            raise DisagreementError(
                f"{given.title}: {name} and {first} disagree: {error}"
            ) from None
        worst = max(worst, apart)
    return worst


def _built_in_turns(
    given: _Given, first: dict[str, _Built], seconds: float
) -> dict[str, list[_Built]]:
    """Every level built again and again, in turns."""
    built: dict[str, list[_Built]] = {name: [] for name in first}
    started = time.perf_counter()
    for done in range(_MOST_BUILT):
        if done and time.perf_counter() - started > seconds:
            break
        gc.collect()
        for name, found in built.items():
            found.append(_built(given, name))
    return built


def _level(name: str, built: Sequence[_Built], run_s: float, same_as: str) -> Level:
    one = built[0].compiled
    return Level(
        name,
        one.equations,
        one.operations,
        one.module.instructions,
        one.work.flops,
        one.work.bytes,
        tuple(sorted(one.work.uncounted)),
        one.temp_bytes,
        float(np.median([b.transform_s for b in built])),
        float(np.median([b.compiled.lower_s for b in built])),
        float(np.median([b.compiled.compile_s for b in built])),
        run_s,
        same_as,
    )
