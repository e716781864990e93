"""The commands: what they write, and what they say of what makes no sense."""

import importlib.util
import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from tests.cli.commands import Outcome, Shell

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

DOT = """func.func @main(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<f32> {
  %s = stablehlo.sine %x : tensor<3xf32>
  %d = stablehlo.dot %s, %y : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  return %d : tensor<f32>
}
"""
MYSTERY = """func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %y = stablehlo.custom_call @mystery(%x) : (tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}
"""
X, Y = np.arange(3, dtype=np.float32), np.ones(3, np.float32)
FUNCTIONS = """
import jax.numpy as jnp

def dot(x, y):
    return jnp.sum(jnp.sin(x) * y)

def products(x):
    return x[1:] * x[:-1]

def broken(x):
    raise RuntimeError("out of luck")

number = 3
"""


@pytest.fixture
def shell(monkeypatch, capfdbinary, tmp_path) -> Shell:
    """A directory with two modules, two arrays and some functions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "shown", raising=False)
    Path("dot.mlir").write_text(DOT)
    Path("mystery.mlir").write_text(MYSTERY)
    Path("shown.py").write_text(FUNCTIONS)
    np.save("x.npy", X)
    np.save("y.npy", Y)
    return Shell(monkeypatch, capfdbinary)


def opt(shell: Shell, *arguments: str, given: bytes = b"") -> Outcome:
    found = shell("irad-opt", arguments, given)
    assert found.status == 0, found.err
    return found


# irad-opt -----------------------------------------------------------------------------


@pytest.mark.parametrize("emit", ["stablehlo", "bytecode", "artifact"])
def test_what_is_emitted_is_read_again(shell, emit):
    written = opt(shell, "dot.mlir", "--grad=wrt=0", "--emit", emit).out
    (gradient,) = irad.stablehlo.load(written)(X, Y)
    np.testing.assert_allclose(gradient, np.cos(X), rtol=1e-6)
    again = opt(shell, "--jvp", given=written).text
    assert len(irad.stablehlo.load(again).inputs) == 4


def test_transforms_and_passes_apply_in_the_order_given(shell):
    first = ["--grad=wrt=0", "--passes=cse,dce", "--jvp=wrt=1", "--passes", "dce"]
    module = irad.stablehlo.load(opt(shell, "dot.mlir", *first).text)
    gradient, tangent = module(X, Y, 2 * Y)
    np.testing.assert_allclose(gradient, np.cos(X), rtol=1e-6)
    np.testing.assert_allclose(tangent, 2 * np.cos(X), rtol=1e-6)
    twice = irad.stablehlo.load(opt(shell, "dot.mlir", "--vjp", "--vjp=wrt=0").text)
    assert [len(twice.inputs), len(twice.outputs)] == [3 + 3, 3 + 1]


def test_other_levels_are_emitted_as_text(shell):
    assert opt(shell, "dot.mlir", "--emit=jaxpr").text.startswith("{ lambda ;")
    written = opt(shell, "dot.mlir", "--grad", "--emit=hlo", "-o", "dot.hlo")
    assert not written.out
    loaded = irad.stablehlo.from_hlo(Path("dot.hlo").read_text())
    np.testing.assert_allclose(loaded(X, Y)[1], np.sin(X), rtol=1e-6)


def test_a_module_is_run_on_arrays(shell):
    ran = opt(shell, "--run", "dot.mlir", "x.npy", "y.npy")
    assert ran.text.splitlines()[0] == "output 0: float32[]"
    opt(shell, "--run", "dot.mlir", "x.npy", "y.npy", "--grad", "-o", "out.npy")
    np.testing.assert_allclose(np.load("out.0.npy"), np.cos(X), rtol=1e-6)
    np.testing.assert_allclose(np.load("out.1.npy"), np.sin(X), rtol=1e-6)


def test_arrays_of_narrow_types_come_back(shell):
    text = "func.func @main(%x: tensor<3xbf16>) -> tensor<3xbf16> "
    text += "{ return %x : tensor<3xbf16> }"
    narrow = np.asarray(X, jnp.bfloat16)
    np.save("narrow.npy", narrow)
    opt(shell, "--run", "-", "narrow.npy", "-o", "same.npy", given=text.encode())
    found = np.load("same.npy").view(jnp.bfloat16)
    np.testing.assert_array_equal(found, narrow)


CUT = DOT[: DOT.index("stablehlo.dot")]


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (["nothing.mlir"], "", "nothing.mlir: error: No such file or directory"),
        ([], CUT, "<stdin>:3:7: error: "),
        ([], "", "irad-opt: error: no function @main in the module"),
        (["mystery.mlir", "--grad"], "", "mystery.mlir:2:8: error: no derivative for"),
        (["-", "--jvp"], MYSTERY, "<stdin>:2:8: error: no derivative for"),
        (["dot.mlir", "--vjp=wrt=2"], "", "irad-opt: error: wrt=(2,): "),
        (["dot.mlir", "--function=f"], "", "irad-opt: error: no function @f"),
        (["dot.mlir", "--run", "x.npy"], "", "irad-opt: error: module main takes 2"),
        (["dot.mlir", "--run", "x.npy", "dot.mlir"], "", "irad-opt: error: dot.mlir "),
        (["x.npy"], "", "x.npy:1:1: error: "),
    ],
)
def test_bad_input_is_one_line_and_status_one(shell, arguments, given, said):
    found = shell("irad-opt", arguments, given.encode())
    assert found.err.startswith(said)
    assert found.status == 1
    assert len(found.err.splitlines()) == 1
    assert not found.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["dot.mlir", "--grad=rounds=3"],
        ["dot.mlir", "--grad=wrt=x"],
        ["dot.mlir", "--passes=polish"],
        ["dot.mlir", "--emit=assembly"],
        ["dot.mlir", "x.npy"],
        ["--colour"],
    ],
)
def test_arguments_that_make_no_sense_are_status_two(shell, arguments):
    found = shell("irad-opt", arguments)
    assert found.status == 2
    assert "Error: " in found.err


# irad ---------------------------------------------------------------------------------


def test_functions_and_modules_are_compared(shell):
    types = ["--input", "f32[3]", "--input", "y.npy", "--seconds", "1e-9"]
    found = shell("irad", ["compare", "shown:dot", *types, "--json"])
    figures = json.loads(found.text)
    assert [x["name"] for x in figures["levels"]] == list(irad.comparison.LEVELS)
    found = shell("irad", ["compare", "dot.mlir", "--seconds=1e-9", "--levels=hlo"])
    assert found.text.splitlines()[2].startswith("hlo")


def test_functions_and_modules_are_explained(shell):
    types = ["--input", "f32[3]", "--input", "f32[3]"]
    found = shell("irad", ["explain", "shown:dot", *types, "--wrt=0,1"])
    assert "sin" in found.text
    found = shell("irad", ["explain", "dot.mlir"])
    assert "dot.mlir:2:8" in found.text


def test_patterns_are_printed(shell):
    found = shell("irad", ["sparsity", "shown:products", "--input", "f32[3]"])
    assert found.text.startswith("2 x 3, 4 nonzeros")
    found = shell("irad", ["sparsity", "dot.mlir", "--wrt=0", "--json"])
    assert json.loads(found.text)["shape"] == [1, 3]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["compare", "shown:broken", "--input=f32[]"], 1, "RuntimeError: out of luck"),
        (["compare", "shown:products", "--input=f32[3]"], 1, "scalar-output"),
        (["compare", "shown:nothing"], 2, "no attribute 'nothing'"),
        (["compare", "nowhere:f"], 2, "No module named 'nowhere'"),
        (["compare", "shown:number"], 2, "is no function"),
        (["compare", "shown"], 2, "is no file, and no module:function"),
        (["compare", "shown:dot"], 2, "a function needs its inputs"),
        (["compare", "shown:dot", "--input=f99[3]"], 2, "no type: f32[3,4]"),
        (["compare", "shown:dot", "--levels=assembly"], 2, "some of frontend,"),
        (["explain", "dot.mlir", "--wrt=a"], 2, "numbers are due"),
    ],
)
def test_a_report_that_cannot_be_is_one_line(shell, arguments, status, said):
    found = shell("irad", arguments)
    assert found.status == status
    assert said in found.err.splitlines()[-1]


def test_inputs_are_drawn_by_type():
    from irad.cli.inputs import array

    draw = np.random.default_rng(0)
    for named, dtype in {"bf16[2,3]": jnp.bfloat16, "c64[]": "complex64"}.items():
        assert array(named, draw).dtype == jax.dtypes.canonicalize_dtype(dtype)
    assert set(array("i32[99]", draw).tolist()) == {0, 1}


def test_without_click_a_command_says_how_to_install_it(shell, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "click" else find(name),
    )
    found = shell("irad-opt", ["dot.mlir"])
    assert found.status == 1
    assert found.err.splitlines()[0].endswith("pip install 'irad[cli]'")
