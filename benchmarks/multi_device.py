"""Derivatives spread over devices: `python -m benchmarks.multi_device`.

The gradient of a loss whose examples are spread over a mesh, and a Jacobian whose
columns are, both by `shard_map` on virtual CPU devices and held against one device.
Virtual devices share the cores of one machine: what counts is that the values are
right, and how the operations are shared out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AxisType, Mesh, PartitionSpec

import irad
from benchmarks.harness.tables import quantity
from benchmarks.programs import grids, perceptron
from irad.errors import DisagreementError
from irad.instruments.agreement import agree
from irad.instruments.executable import compiled

DEVICES = 4
AXIS = "devices"
ROWS, EXAMPLES = 64, 256
SPREAD, WHOLE = PartitionSpec(AXIS), PartitionSpec()


@dataclass(frozen=True)
class Pair:
    """A derivative on one device, the same spread over many, and its arguments."""

    name: str
    alone: Callable[..., Any]
    spread: Callable[..., Any]
    arguments: tuple[Any, ...]


def mesh() -> Mesh:
    """The first devices in a row; XLA may move what is not said to be anywhere."""
    devices = jax.devices()[:DEVICES]
    return jax.make_mesh((DEVICES,), (AXIS,), (AxisType.Auto,), devices=devices)


def gradient(mesh: Mesh) -> Pair:
    """Of the mean loss of a perceptron, each device having some of the examples."""
    program = perceptron.of_batch(EXAMPLES)
    loss = program.make()

    def mean_of_parts(*arguments: Any) -> jax.Array:
        return lax.pmean(loss(*arguments), AXIS)

    spread = jax.shard_map(
        mean_of_parts, mesh=mesh, in_specs=(WHOLE, SPREAD, SPREAD), out_specs=WHOLE
    )
    arguments = program.arguments()
    return Pair("gradient", irad.grad(loss), irad.grad(spread), arguments)


def jacobian(mesh: Mesh) -> Pair:
    """Of Burgers' equation, each device pushing some of the columns."""
    program = grids.line(ROWS, "on a mesh")
    fun = program.make()

    def columns(x: jax.Array, axes: jax.Array) -> jax.Array:
        def push(t: jax.Array) -> jax.Array:
            return irad.jvp(fun, (x,), (t,))[1]

        return jax.vmap(push, in_axes=1, out_axes=1)(axes)

    by_columns = PartitionSpec(None, AXIS)
    pushed = jax.shard_map(
        columns, mesh=mesh, in_specs=(WHOLE, by_columns), out_specs=by_columns
    )

    def spread(x: jax.Array) -> jax.Array:
        return pushed(x, jnp.eye(x.size, dtype=x.dtype))

    return Pair("Jacobian", irad.jacfwd(fun), spread, program.arguments())


def report(pair: Pair) -> str:
    """How the work is shared out.

    Raises:
        DisagreementError: the values are not those of one device.
    """
    alone = compiled(pair.alone, pair.arguments)
    spread = compiled(pair.spread, pair.arguments)
    result, reference = (side.run(*pair.arguments) for side in (spread, alone))
    apart = agree(result, reference, tolerance=2e-4)
    return (
        f"{pair.name}: {quantity(spread.work.flops)} flops on each of {DEVICES} "
        f"devices, {quantity(alone.work.flops)} on one alone; values {apart:.1g} apart"
    )


def main() -> int:
    """Prints a line for each derivative; 1 when values differ."""
    try:
        for make in (gradient, jacobian):
            print(report(make(mesh())))
    except DisagreementError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", DEVICES)
    sys.exit(main())
