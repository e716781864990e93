"""``irad``: what a gradient is at each level, what irad does, where zeros are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click
import jax

from irad.cli.diagnostics import run
from irad.cli.inputs import arrays, program
from irad.comparison import LEVELS, compare
from irad.explanation import explain
from irad.stablehlo import Module
from irad.stablehlo.modules import wide
from irad.stablehlo.transforms import as_function
from irad.transforms.patterns import sparsity


def _positions(_: Any, __: Any, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(i) for i in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r}: numbers are due, such as 0,1") from None


def _levels(_: Any, __: Any, text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(LEVELS):
        raise click.BadParameter(f"{text!r}: some of {','.join(LEVELS)} are due")
    return names


def _subject(command: Callable[..., Any]) -> Callable[..., Any]:
    """What every report is of."""
    for option in (
        click.option("--x64", is_flag=True, help="64-bit types for functions."),
        click.option("--json", "as_json", is_flag=True, help="Print figures as JSON."),
        click.option(
            "--wrt", callback=_positions, metavar="0,1", help="The inputs that move."
        ),
        click.option(
            "--input",
            "inputs",
            multiple=True,
            metavar="TYPE|FILE",
            help="An input, once for each: f32[3,4] (entries are drawn), or a .npy.",
        ),
        click.argument("name", metavar="MODULE:FUNCTION|FILE"),
    ):
        command = option(command)
    return command


@click.group()
def irad() -> None:
    """Looks into derivatives, of functions and of StableHLO modules in files."""


@irad.command("compare")
@_subject
@click.option("--levels", callback=_levels, default=",".join(LEVELS), show_default=True)
@click.option("--seconds", type=float, default=10.0, show_default=True)
def _compare(
    name: str,
    inputs: Sequence[str],
    wrt: tuple[int, ...] | None,
    as_json: bool,
    x64: bool,
    levels: Sequence[str],
    seconds: float,
) -> None:
    """The same gradient taken at each level of IR, counted and timed."""
    fun, given = _given(name, inputs, x64)
    _show(compare(fun, *given, wrt=wrt, levels=levels, seconds=seconds), as_json)


@irad.command("explain")
@_subject
def _explain(
    name: str,
    inputs: Sequence[str],
    wrt: tuple[int, ...] | None,
    as_json: bool,
    x64: bool,
) -> None:
    """Rules in use, inputs that get lost, the plan's reason, what is kept."""
    fun, given = _given(name, inputs, x64)
    _show(explain(fun, *given, wrt=wrt), as_json)


@irad.command("sparsity")
@_subject
def _sparsity(
    name: str,
    inputs: Sequence[str],
    wrt: tuple[int, ...] | None,
    as_json: bool,
    x64: bool,
) -> None:
    """Where the Jacobian may be nonzero."""
    fun, given = _given(name, inputs, x64)
    if isinstance(fun, Module):
        with wide(fun):
            of_module, argnums = as_function(fun, wrt)
            _show(sparsity(of_module, argnums)(*given), as_json)
    else:
        _show(sparsity(fun, 0 if wrt is None else wrt)(*given), as_json)


def _given(
    name: str, inputs: Sequence[str], x64: bool
) -> tuple[Callable[..., Any] | Module, list[Any]]:
    if x64:
        jax.config.update("jax_enable_x64", True)
    fun = program(name)
    return fun, arrays(fun, inputs)


def _show(report: Any, as_json: bool) -> None:
    print(json.dumps(report.to_dict(), indent=1) if as_json else report)


def main(name: str) -> int:
    """Runs the command; gives the exit status."""
    return run(irad, name)
