"""Backpropagation that keeps all, none, some: which activations are in memory when.

Source: Chen et al., Training deep nets with sublinear memory cost (2016).
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

import irad

NAMES = {"all": "keeps all", "none": "keeps none", "sqrt": "keeps some"}
LAYERS = 25
W = np.eye(16, dtype=np.float32)


def net(x: Any) -> Any:
    """Layers one after the other."""
    for _ in range(LAYERS):
        x = jnp.sin(x @ W)
    return jnp.sum(x)


def reports() -> dict[str, irad.Residuals]:
    """What the gradient keeps and computes again, by schedule."""
    x = np.ones((250, 16), np.float32)
    return {name: irad.residuals(net, schedule=name)(x) for name in NAMES}


def draw(found: dict[str, irad.Residuals], path: Path) -> None:
    """Saves the schedules side by side."""
    pyplot = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(1, len(found), figsize=(15, 4), layout="tight")
    for (name, report), ax in zip(found.items(), axes, strict=True):
        report.plot(ax)
        ax.set_title(f"{NAMES[name]}:\n{ax.get_title()}", fontsize=9)
    figure.savefig(path)
    print(f"saved {path}")


def main() -> None:
    """Prints the schedules, and saves a picture if matplotlib is there."""
    found = reports()
    for name, report in found.items():
        held = f"{report.xla_bytes / 1e3:.0f} kB of temporaries by XLA"
        print(f"{NAMES[name]}, {held}:\n{report.picture()}\n")
    if find_spec("matplotlib"):
        draw(found, Path(tempfile.gettempdir(), "schedules.png"))


if __name__ == "__main__":
    main()
