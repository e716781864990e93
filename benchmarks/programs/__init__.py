"""The programs that are measured, one file a family."""

from benchmarks.programs import (
    chains,
    convolutional,
    differential,
    perceptron,
    random_field,
    recurrent,
    statistical,
    transformer,
)
from benchmarks.programs.program import Program, Size

__all__ = ["Program", "Size", "equation_chains", "models"]

MODELS = (
    perceptron,
    convolutional,
    transformer,
    recurrent,
    differential,
    statistical,
    random_field,
)


def models(size: Size) -> list[Program]:
    """Every program that somebody would train, fit or control."""
    return [program for family in MODELS for program in family.programs(size)]


def equation_chains(size: Size) -> list[Program]:
    """Programs of a given number of equations."""
    return chains.programs(size)
