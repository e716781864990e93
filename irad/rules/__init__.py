"""One rule for each leaf primitive; importing a family enters its rules in the table."""

from irad.rules import collective, constant, elementwise, index, random, shape
from irad.rules.registry import RULES

__all__ = [
    "RULES",
    "collective",
    "constant",
    "elementwise",
    "index",
    "random",
    "shape",
]
