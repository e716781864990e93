"""Programs that come as IR: StableHLO modules, differentiated like functions."""

from irad.stablehlo import bodied as bodied  # enters its rules
from irad.stablehlo import known as known  # enters its rules
from irad.stablehlo.exporting import export
from irad.stablehlo.loading import from_hlo, load
from irad.stablehlo.modules import Module
from irad.stablehlo.rules import rule
from irad.stablehlo.transforms import (
    grad,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)

__all__ = [
    "Module",
    "export",
    "from_hlo",
    "grad",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "load",
    "rule",
    "value_and_grad",
    "vjp",
]
