"""What is no module, or none that irad can read: an error of one line."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from irad.stablehlo import Module, load
from irad_passes.errors import ModuleError
from tests.stablehlo.exported import exported

X = np.linspace(0.1, 1.0, 6, dtype=np.float32).reshape(2, 3)


def program(x: Any) -> Any:
    return jax.lax.scan(lambda c, a: (jnp.sin(c + a), c), x[0], x)[1].sum()


def outcome(source: Any) -> str:
    """The kind of what loading gives; an error's message is one line."""
    try:
        load(source)
    except (ModuleError, TypeError) as error:
        lines = len(str(error).splitlines())
        return type(error).__name__ if lines == 1 else f"{lines} lines"
    return "module"


def test_a_truncated_module_is_refused() -> None:
    module = exported(program, X)
    text, artifact = module.text(), module.artifact()
    lines = text.index("\n", text.index("module"))  # less may be a path
    for whole, start in ((text, lines + 1), (artifact, 0)):
        kinds = {outcome(whole[:i]) for i in range(start, len(whole) - 40, 7)}
        assert kinds == {"ModuleError"}


def function(body: str, kind: str = "tensor<2xf32>") -> str:
    return f"func.func @main(%x: {kind}) -> {kind} {{\n{body}\nreturn %x : {kind}\n}}"


REFUSED: dict[str, Any] = {
    "nothing": "",
    "no bytes": b"",
    "NUL": "\0\0",
    "noise": bytes(range(256)),
    "a number": 3,
    "none": None,
    "no function": "module {}",
    "two functions": "func.func @f() { return }\nfunc.func @g() { return }",
    "calls itself": function("%0 = call @main(%x) : (tensor<2xf32>) -> tensor<2xf32>"),
    "undefined": function("%0 = stablehlo.sine %y : tensor<2xf32>"),
    "foreign": function('%0 = "foo.bar"(%x) : (tensor<2xf32>) -> tensor<2xf32>'),
    "no tensor": function("", "f32"),
    "odd elements": function("", "tensor<2xi7>"),
    "unranked": function("", "tensor<*xf32>"),
    "a missing resource": function(
        "%0 = stablehlo.constant dense_resource<blob> : tensor<2xf32>"
    ),
    "a resource of another size": function(
        "%0 = stablehlo.constant dense_resource<blob> : tensor<2xf32>"
    )
    + '\n{-# dialect_resources: {builtin: {blob: "0x04000000%s"}} #-}'
    % (3 * "00000000"),
    "a comment alone": "// The derivative of",
    "a region without an end": function(
        "%z = stablehlo.constant dense<0.0> : tensor<f32>\n"
        '%0 = "stablehlo.reduce"(%x, %z) ({ ^bb0(%a: tensor<f32>, %b: tensor<f32>): '
        "%c = stablehlo.add %a, %b : tensor<f32> }) {dimensions = array<i64: 0>} : "
        "(tensor<2xf32>, tensor<f32>) -> tensor<f32>"
    ),
    "a transform of other lengths": function(
        "%0 = stablehlo.fft %x, type = FFT, length = [3] : "
        "(tensor<2xcomplex<f32>>) -> tensor<2xcomplex<f32>>",
        "tensor<2xcomplex<f32>>",
    ),
    "jumps": function("cf.br ^bb1\n^bb1:"),
    "quantized": function(
        "%0 = stablehlo.uniform_quantize %x : (tensor<2xf32>) -> "
        "tensor<2x!quant.uniform<i8:f32, 0.5:0>>"
    ),
    "a name that is no text": function("") + ' loc("\\FF")',
    "factorization without options": function(
        "%0:2 = stablehlo.custom_call @lapack_spotrf_ffi(%x) {"
        "operand_layouts = [dense<[0, 1]> : tensor<2xindex>], "
        "result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<> : tensor<0xindex>]"
        "} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<i32>)",
        "tensor<2x2xf32>",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(name: str) -> None:
    assert outcome(REFUSED[name]) in ("ModuleError", "TypeError")


@pytest.mark.parametrize("name", [b"sine", b"builtin", b"main"])
def test_bytes_with_a_name_that_is_no_text_are_refused(name: bytes) -> None:
    """The bindings end the process at one; here a bit of its last letter is flipped."""
    module = exported(program, X)
    flipped = name[:-1] + bytes([name[-1] ^ 0x80])
    for written in (module.bytecode(), module.artifact()):
        assert name in written
        with pytest.raises(ModuleError, match="is not UTF-8"):
            load(written.replace(name, flipped))


def test_an_artifact_of_a_newer_version_is_refused() -> None:
    artifact = exported(program, X).artifact()
    newer = re.sub(rb"StableHLO_v1\.", b"StableHLO_v9.", artifact)
    assert outcome(newer) == "ModuleError"


@pytest.mark.parametrize(
    "target",
    ["xla_python_cpu_callback", "xla_ffi_python_cpu_callback"],
)
def test_a_callback_into_python_is_refused(target: str) -> None:
    call = f"%0 = stablehlo.custom_call @{target}(%x)"
    with pytest.raises(ModuleError, match=r"<text>:2:\d+: error: .*Python"):
        load(function(f"{call} : (tensor<2xf32>) -> tensor<2xf32>"))


def test_a_call_that_xla_does_not_know_is_refused_when_it_runs() -> None:
    call = "%0 = stablehlo.custom_call @nobody(%x) {has_side_effect = true}"
    module = load(
        function(f"{call} : (tensor<2xf32>) -> tensor<2xf32>").replace(
            "return %x", "return %0"
        )
    )
    with pytest.raises(ModuleError, match="cannot be run"):
        module(np.ones(2, np.float32))


def differentiated(module: Module) -> list[Any]:
    """What the reverse derivative of a module gives for ones."""
    pull = irad.stablehlo.vjp(module)
    return load(pull.artifact())(*[np.ones(x.shape, x.dtype) for x in pull.inputs])


@pytest.mark.parametrize(
    ("text", "results"),
    [
        (function("", "tensor<0x3xf32>"), 2),
        (function("", "tensor<3xi32>"), 1),
        ("func.func @main(%x: tensor<f32>) { return }", 1),
        ("func.func @other() { return }", 0),
    ],
    ids=["zero-sized", "integers", "no results", "no inputs"],
)
def test_odd_modules_have_derivatives(text: str, results: int) -> None:
    assert len(differentiated(load(text))) == results


def test_a_constant_behind_the_module_is_read() -> None:
    blob = "04000000" + np.array([1, 2], np.float32).tobytes().hex()
    text = function(
        "%c = stablehlo.constant dense_resource<blob> : tensor<2xf32>\n"
        "%0 = stablehlo.add %x, %c : tensor<2xf32>"
    ).replace("return %x", "return %0")
    behind = f'{{-# dialect_resources: {{ builtin: {{ blob: "0x{blob}" }} }} #-}}'
    (y,) = load(f"{text}\n{behind}")(np.zeros(2, np.float32))
    assert y.tolist() == [1, 2]


def test_open_shapes_are_given_when_a_module_is_loaded(tmp_path: Path) -> None:
    rows, columns = jax.export.symbolic_shape("b, c")

    def f(x: Any) -> Any:
        return jnp.sum(jnp.sin(x @ x.T).reshape(-1) ** 2)

    struct = jax.ShapeDtypeStruct((rows, columns), np.float32)
    export = jax.export.export(jax.jit(f))(struct)
    with pytest.raises(ModuleError, match="load it with the shapes"):
        load(export)
    path = tmp_path / "program"
    path.write_bytes(export.mlir_module_serialized)
    gradient = irad.stablehlo.grad(load(path, shapes=[X.shape]))
    np.testing.assert_allclose(gradient(X)[0], jax.grad(f)(X), rtol=1e-5, atol=1e-6)
    for shapes in ([X.shape, X.shape], [(2,)]):
        with pytest.raises(ModuleError, match=r"shape|rank"):
            load(path, shapes=shapes)


def test_what_a_module_asserts_of_its_shapes_is_checked() -> None:
    rows, columns = jax.export.symbolic_shape("b, c", constraints=["b >= 3", "c <= 4"])
    struct = jax.ShapeDtypeStruct((rows, columns), np.float32)
    text = jax.export.export(jax.jit(jnp.sin))(struct).mlir_module()
    assert load(text, shapes=[(3, 4)]).inputs[0].shape == (3, 4)
    for shape in ((2, 4), (3, 5)):
        with pytest.raises(ModuleError, match="do not match") as raised:
            load(text, shapes=[shape])
        assert len(str(raised.value).splitlines()) == 1


def test_constants_without_elements_are_read_of_every_type() -> None:
    for name in ("bf16", "f32", "f8E4M3FN", "complex<f32>", "i1", "ui4"):
        kind = f"tensor<0x2x{name}>"
        text = f"""func.func @main() -> {kind} {{
          %0 = stablehlo.constant dense<> : {kind}
          return %0 : {kind}
        }}"""
        assert load(text)()[0].shape == (0, 2)


def test_a_module_for_several_platforms_takes_the_platform_first() -> None:
    def f(x: Any) -> Any:
        return jnp.linalg.cholesky(x @ x.T + jnp.eye(2, dtype=x.dtype)).sum()

    platforms = ("cpu", "cuda")
    module = load(jax.export.export(jax.jit(f), platforms=platforms)(X))
    (gradient,) = irad.stablehlo.grad(module, wrt=1)(0, X)
    np.testing.assert_allclose(gradient, jax.grad(f)(X), rtol=1e-5, atol=1e-6)
