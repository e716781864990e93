"""What ``irad-opt`` does to a module, step by step, as its options say."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import click

import irad_passes
from irad import stablehlo
from irad.stablehlo import Module
from irad.stablehlo.modules import wide

Step = Callable[[Module], Module]

TRANSFORMS: dict[str, Callable[..., Module]] = {
    "jvp": stablehlo.jvp,
    "vjp": stablehlo.vjp,
    "grad": stablehlo.grad,
    "value-and-grad": stablehlo.value_and_grad,
    "hvp": stablehlo.hvp,
    "jacobian": stablehlo.jacobian,
}
"""Derivatives by the name of their option."""

PASSES = ("inline", "fold", "cse", "simplify", "dce")


def _positions(text: str) -> tuple[int, ...]:
    return tuple(int(i) for i in text.split(",") if i)


_READ: dict[str, Callable[[str], Any]] = {"wrt": _positions}
"""How the values of a transform's options are read; the others are texts."""


def step(name: str, text: str) -> Step:
    """The step of one option, such as ``vjp`` with ``wrt=0,1 function=main``.

    Raises:
        click.UsageError: the text has what the step does not take.
    """
    return _passes(text) if name == "passes" else _transform(name, text)


def _transform(name: str, text: str) -> Step:
    transform = TRANSFORMS[name]
    known = list(inspect.signature(transform).parameters)[1:]
    options: dict[str, Any] = {}
    for part in text.split():
        key, equals, value = part.partition("=")
        if not equals or key not in known:
            raise click.UsageError(
                f"--{name} takes {', '.join(f'{k}=...' for k in known)}; got {part!r}"
            )
        try:
            options[key] = _READ.get(key, str)(value)
        except ValueError:
            raise click.UsageError(f"--{name}: {part!r}: numbers are due") from None
    return lambda module: transform(module, **options)


def _passes(text: str) -> Step:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in PASSES]
    if unknown or not names:
        raise click.UsageError(
            f"--passes takes some of {', '.join(PASSES)}; got {text!r}"
        )

    def apply(module: Module) -> Module:
        jaxpr = module.jaxpr
        with wide(module):
            for name in names:
                jaxpr = getattr(irad_passes, name)(jaxpr)
        return Module(jaxpr, module.constants, name=module.name, file=module.file)

    return apply
