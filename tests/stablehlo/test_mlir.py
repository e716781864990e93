"""Each operation's file: what its derivatives are as text, and as numbers.

A file holds a module, lines for FileCheck on the text of its ``jvp`` (``JVP:``) and
``vjp`` (``VJP:``), and numbers: inputs ``x0``, tangents ``t0`` and cotangents ``c0``,
outputs ``y0``, and what is pushed and pulled, by differences in 64 bits.
"""

import ast
import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import Options
from filecheck.parser import Parser, pattern_for_opts

import irad
from irad.stablehlo import rules
from irad_passes.modules.raising import CONVERTERS

FILES = sorted((Path(__file__).parent / "mlir").glob("*.mlir"))
NAMES = ("x", "t", "c", "y", "pushed", "pulled")
NUMBERS = re.compile(rf"^// ({'|'.join(NAMES)})\d+ = (.*)$", re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_derivatives_of_an_operation_are_what_its_file_says(file: Path) -> None:
    written = file.read_text()
    known: dict[str, list[Any]] = {
        name: [] for name in ["x", "t", "c", "y", "pushed", "pulled"]
    }
    for name, value in NUMBERS.findall(written):
        known[name].append(ast.literal_eval(value))
    module = irad.stablehlo.load(file)
    for prefix, transform, given, derivative in (
        ("JVP", irad.stablehlo.jvp, known["t"], known["pushed"]),
        ("VJP", irad.stablehlo.vjp, known["c"], known["pulled"]),
    ):
        made = transform(module)
        check(file, written, prefix, made.text())
        found = made(*known["x"], *given)
        for value, expected in zip(found, [*known["y"], *derivative], strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)


def check(file: Path, written: str, prefix: str, text: str) -> None:
    """Matches the lines of ``written`` that have a prefix against ``text``."""
    options = Options(str(file), check_prefixes=[prefix])
    parser = Parser(options, io.StringIO(written), *pattern_for_opts(options))
    with contextlib.redirect_stderr(io.StringIO()) as said:
        failed = Matcher(options, FInput(prefix, text), parser).run()
    assert not failed, f"{said.getvalue()}\n{text}"


NONE = """
    chlo.constant chlo.constant_like stablehlo.constant stablehlo.iota: of no operand
    chlo.next_after chlo.zeta: no derivative is known
    stablehlo.partition_id stablehlo.compare stablehlo.is_finite: no numbers
    stablehlo.and stablehlo.count_leading_zeros stablehlo.not stablehlo.or: of bits
    stablehlo.popcnt stablehlo.shift_left stablehlo.shift_right_arithmetic: of bits
    stablehlo.shift_right_logical stablehlo.xor: of bits
    stablehlo.get_tuple_element stablehlo.tuple: around others
    stablehlo.custom_call: a file for each kind of target
    sdy.manual_computation sdy.reshard sdy.sharding_constraint: around others
    mhlo.bitcast mhlo.copy mhlo.erf mhlo.fusion mhlo.topk: spellings of others
"""
"""Operations without a file, and why."""


def test_each_operation_with_a_derivative_has_a_file() -> None:
    pattern = re.compile(r"\b((?:chlo|func|mhlo|sdy|stablehlo)\.[a-z_0-9]+)")
    written = {"func.call" if "call @" in f.read_text() else "" for f in FILES}
    for file in FILES:
        written.update(pattern.findall(file.read_text()))
    known = {*CONVERTERS, *(name for name in rules._RULES if "." in name)}
    without = set(pattern.findall(NONE))
    assert known - written - without == set()
    assert without <= known, "no longer an operation"
