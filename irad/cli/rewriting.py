"""``irad-opt``: a module in, its derivative or what passes make of it out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from irad.cli.diagnostics import run
from irad.cli.inputs import read
from irad.cli.steps import TRANSFORMS, step
from irad.stablehlo import Module, load

_STEPS = (*TRANSFORMS, "passes")

_EMITTED: dict[str, Callable[[Module], str | bytes]] = {
    "stablehlo": Module.text,
    "bytecode": Module.bytecode,
    "artifact": Module.artifact,
    "jaxpr": lambda module: str(module.jaxpr),
    "hlo": Module.hlo,
}


class _InOrder(click.Command):
    """A command that keeps the order in which its steps were given.

    A transform's options are optional: ``--vjp`` alone is ``--vjp=``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        bare = {f"--{name}" for name in TRANSFORMS}
        args = [f"{arg}=" if arg in bare else arg for arg in args]
        values, _, order = self.make_parser(ctx).parse_args(list(args))
        rest = {name: iter(values.get(_key(name), ())) for name in _STEPS}
        ctx.meta["steps"] = [
            (param.opts[0][2:], next(rest[param.opts[0][2:]]))
            for param in order
            if param.opts[0][2:] in rest
        ]
        return super().parse_args(ctx, args)


def _key(name: str) -> str:
    return name.replace("-", "_")


def _transforms(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of the derivatives."""
    for name in reversed(TRANSFORMS):
        option = click.option(
            f"--{name}",
            multiple=True,
            metavar="[='wrt=0,1 ...']",
            expose_value=False,
            help=(TRANSFORMS[name].__doc__ or "").partition("\n")[0],
        )
        command = option(command)
    return command


@click.command(cls=_InOrder, context_settings={"max_content_width": 100})
@click.argument("file", default="-")
@click.argument("arrays", nargs=-1)
@_transforms
@click.option(
    "--passes",
    multiple=True,
    metavar="NAME,...",
    expose_value=False,
    help="Passes over the program: inline, fold, cse, simplify, dce.",
)
@click.option("--function", help="The function of the module; main by default.")
@click.option(
    "--emit", type=click.Choice(list(_EMITTED)), default="stablehlo", show_default=True
)
@click.option("--run", "runs", is_flag=True, help="Run it on .npy files.")
@click.option("-o", "--output", help="Where to write, in place of standard output.")
@click.pass_context
def opt(
    ctx: click.Context,
    file: str,
    arrays: Sequence[str],
    function: str | None,
    emit: str,
    runs: bool,
    output: str | None,
) -> None:
    """Differentiates and rewrites the StableHLO module in FILE.

    FILE is text, bytecode or a portable artifact; standard input if none is named.
    Derivatives and passes apply in the order in which they are given, such as
    --grad='wrt=0' --jvp --passes=cse,dce. With --run the result is run on ARRAYS, and
    its outputs are printed, or written as .npy files.
    """
    if arrays and not runs:
        raise click.UsageError("arrays are for --run")
    steps = [step(name, text) for name, text in ctx.meta["steps"]]
    source = sys.stdin.buffer.read() if file == "-" else Path(file)
    module = load(source, function)
    for apply in steps:
        module = apply(module)
    if runs:
        _run(module, arrays, output)
    else:
        _write(_EMITTED[emit](module), output)


def _write(made: str | bytes, output: str | None) -> None:
    data = made if isinstance(made, bytes) else f"{made.rstrip()}\n".encode()
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        Path(output).write_bytes(data)


def _run(module: Module, arrays: Sequence[str], output: str | None) -> None:
    """Runs a module on arrays in files, and prints or writes what it returns."""
    like = [*module.inputs, *[None] * len(arrays)]
    given = [read(path, x) for path, x in zip(arrays, like, strict=False)]
    outs = [np.asarray(y) for y in module(*given)]
    for i, y in enumerate(outs):
        if output is None:
            print(f"output {i}: {y.dtype.name}{list(y.shape)}\n{y}")
        else:
            path = Path(output)
            several = path.with_name(f"{path.stem}.{i}{path.suffix}")
            np.save(several if len(outs) > 1 else path, y)


def main(name: str) -> int:
    """Runs the command; gives the exit status."""
    return run(opt, name)
