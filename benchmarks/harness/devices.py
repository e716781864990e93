"""Where programs run: a CPU, a GPU, or a TPU that is only lowered for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import jax

from benchmarks.programs import Size

Name: TypeAlias = Literal["cpu", "gpu", "tpu"]


SETTING = "jax_default_device"


class AbsentError(Exception):
    """There is no such device here."""


@dataclass(frozen=True)
class Device:
    """What is measured on it by default, and whether anything runs there.

    Without ``suites`` it is all of them.
    """

    size: Size
    suites: Sequence[str] = ()
    runs: bool = True


DEVICES: dict[Name, Device] = {
    "cpu": Device("small"),
    # CPU time is not what a GPU takes, and small programs measure its launches.
    "gpu": Device(
        "full",
        (
            "gradients",
            "memory-wall",
            "jacobians",
            "hessians",
            "laplacian",
            "scaling",
        ),
    ),
    "tpu": Device("small", ("lowering",), runs=False),
}


def use(name: Name) -> None:
    """Makes it the device that arrays are put on.

    Raises:
        AbsentError: JAX finds no such device.
    """
    if not DEVICES[name].runs:
        return
    try:
        found = jax.devices(name)
    except RuntimeError as error:
        here = ", ".join(sorted({device.platform for device in jax.devices()}))
        raise AbsentError(f"no {name} here: JAX finds {here}") from error
    jax.config.update(SETTING, found[0])


def in_use() -> Any:
    """The device that arrays are put on."""
    return getattr(jax.config, SETTING) or jax.devices()[0]
