"""One rule for each leaf primitive; importing a family enters its rules."""

from irad.rules import (
    collective,
    constant,
    contract,
    elementwise,
    fft,
    index,
    linalg,
    random,
    reduce,
    shape,
    sorting,
    spectral,
    window,
)
from irad.rules.registry import RULES

__all__ = [
    "RULES",
    "collective",
    "constant",
    "contract",
    "elementwise",
    "fft",
    "index",
    "linalg",
    "random",
    "reduce",
    "shape",
    "sorting",
    "spectral",
    "window",
]
