"""Bodies that JAX does not write, as text: their values, and central differences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import irad
from tests.stablehlo.agreement import check_differences, primitives

Arrays = Sequence[Any]


def numbers(*shape: int) -> Any:
    """Numbers between 0.5 and 2.5, no two equal."""
    return 1.5 + np.sin(np.arange(np.prod(shape)) * 1.7 + 0.3).reshape(shape)


X, Y, U = numbers(3, 4), numbers(3, 4)[::-1].copy(), numbers(3, 2)
ROWS = np.array([[2], [0], [2]])


@dataclass(frozen=True)
class Case:
    """A program of one operation, its arguments, and what it computes."""

    name: str
    primitive: str
    text: str
    args: Arrays
    expected: Callable[..., Any]


def program(operation: str, args: Arrays, results: str, count: int = 1) -> str:
    """A function of ``%x0, %x1, ...`` that returns what one operation does."""
    given = ", ".join(f"%x{i}: {typed(x)}" for i, x in enumerate(args))
    names = "%y" if count == 1 else ", ".join(f"%y#{i}" for i in range(count))
    many = "" if count == 1 else f":{count}"
    return f"""func.func @main({given}) -> ({results}) {{
      %zero = stablehlo.constant dense<0.0> : tensor<f64>
      %two = stablehlo.constant dense<2.0> : tensor<f64>
      %low = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
      %y{many} = {operation}
      return {names} : {results}
    }}"""


def typed(x: Any) -> str:
    element = "f64" if x.dtype == np.float64 else "i64"
    return "tensor<" + "".join(f"{n}x" for n in x.shape) + f"{element}>"


def body(lines: str, *results: str, count: int = 2) -> str:
    """A region of ``count`` scalars ``%a, %b, ...``."""
    arguments = ", ".join(f"%{'abcd'[i]}: tensor<f64>" for i in range(count))
    kinds = ", ".join("tensor<i1>" if r == "%p" else "tensor<f64>" for r in results)
    return f"""({{
      ^bb0({arguments}):
        {lines}
        stablehlo.return {", ".join(results)} : {kinds}
    }})"""


def binary(name: str, result: str, left: str, right: str) -> str:
    return f"{result} = stablehlo.{name} {left}, {right} : tensor<f64>\n"


def compare(direction: str, left: str, right: str) -> str:
    kinds = "(tensor<f64>, tensor<f64>) -> tensor<i1>"
    return f"%p = stablehlo.compare {direction}, {left}, {right} : {kinds}"


GREATER = body(compare("GT", "%c", "%d"), "%p", count=4)
SQUARES = binary("multiply", "%s", "%b", "%b") + binary("add", "%r", "%a", "%s")
NESTED = binary("multiply", "%s", "%a", "%b") + binary("subtract", "%r", "%s", "%b")
T34 = "tensor<3x4xf64>"


def reduction(region: str, start: str = "%zero", dims: str = "1") -> str:
    return f""""stablehlo.reduce"(%x0, {start}) {region} {{
      dimensions = array<i64: {dims}>
    }} : ({T34}, tensor<f64>) -> tensor<3xf64>"""


def folded(f: Callable[[Any, Any], Any], start: float = 0.0) -> Any:
    """A fold of rows, first element first."""

    def of_rows(x: Any) -> Any:
        y = np.full(3, start)
        for column in x.T:
            y = f(y, column)
        return y

    return of_rows


def reduced(name: str, region: str, of: Any, primitive: str, **how: Any) -> Case:
    text = program(reduction(region, **how), [X], "tensor<3xf64>")
    return Case(name, primitive, text, [X], of)


REDUCTIONS = [
    reduced(
        "in order",
        body(SQUARES, "%r"),
        folded(lambda a, b: a + b * b),
        "reduce",
    ),
    reduced(
        "neither associative nor commutative",
        body(NESTED, "%r"),
        folded(lambda a, b: a * b - b, 2.0),
        "reduce",
        start="%two",
    ),
    reduced(
        "operands exchanged",
        body(binary("add", "%r", "%b", "%a"), "%r"),
        lambda x: x.sum(1),
        "reduce_sum",
    ),
    reduced(
        "a sum from two",
        body(binary("add", "%r", "%a", "%b"), "%r"),
        lambda x: 2 + x.sum(1),
        "reduce",
        start="%two",
    ),
    reduced(
        "the maximum with two",
        body(binary("maximum", "%r", "%a", "%b"), "%r"),
        lambda x: np.maximum(2, x.max(1)),
        "reduce_max",
        start="%two",
    ),
    reduced("the last", body("", "%b"), lambda x: x[:, -1], "reduce"),
    Case(
        "a product from an argument",
        "reduce",
        program(
            reduction(body(binary("multiply", "%r", "%a", "%b"), "%r"), "%x1"),
            [X, np.array(0.7)],
            "tensor<3xf64>",
        ),
        [X, np.array(0.7)],
        lambda x, start: start * x.prod(1),
    ),
    Case(
        "a sum and a maximum",
        "reduce_max",
        program(
            f""""stablehlo.reduce"(%x0, %x1, %zero, %low) {
                body(
                    binary("add", "%r", "%a", "%c")
                    + binary("maximum", "%s", "%b", "%d"),
                    "%r",
                    "%s",
                    count=4,
                )
            } {{dimensions = array<i64: 1>}}
              : ({T34}, {T34}, tensor<f64>, tensor<f64>)
              -> (tensor<3xf64>, tensor<3xf64>)""",
            [X, Y],
            "tensor<3xf64>, tensor<3xf64>",
            2,
        ),
        [X, Y],
        lambda x, y: (x.sum(1), y.max(1)),
    ),
]


def sorted_by_second(x: Any, y: Any) -> Any:
    order = np.argsort(-y, 1)
    return np.take_along_axis(x, order, 1), np.take_along_axis(y, order, 1)


SORTING = [
    Case(
        "descending by the second operand",
        "sort_by",
        program(
            f""""stablehlo.sort"(%x0, %x1) <{{dimension = 1 : i64, is_stable = true}}>
              {GREATER} : ({T34}, {T34}) -> ({T34}, {T34})""",
            [X, Y],
            f"{T34}, {T34}",
            2,
        ),
        [X, Y],
        sorted_by_second,
    )
]


def scatter(region: str, unique: bool, numbers: str) -> str:
    return f""""stablehlo.scatter"(%x0, %x1, %x2) <{{
      indices_are_sorted = false, unique_indices = {str(unique).lower()},
      scatter_dimension_numbers = #stablehlo.scatter<{numbers}>
    }}> {region} : ({T34}, tensor<3x1xi64>, tensor<3x2xf64>) -> {T34}"""


INTO_ROWS = (
    "update_window_dims = [1], inserted_window_dims = [0], "
    "scatter_dims_to_operand_dims = [0], index_vector_dim = 1"
)


def updated(f: Callable[[Any, Any], Any]) -> Any:
    def of_updates(x: Any, rows: Any, u: Any) -> Any:
        x = x.copy()
        for row, window in zip(rows[:, 0], u, strict=True):
            if 0 <= row < 3:
                x[row, :2] = f(x[row, :2], window)
        return x

    return of_updates


def scattering(name: str, region: str, f: Any, primitive: str, at: Any = ROWS) -> Case:
    unique = len(np.unique(at)) == at.size
    args = [X, at, U]
    text = program(scatter(region, unique, INTO_ROWS), args, T34)
    return Case(name, primitive, text, args, updated(f))


SCATTERS = [
    scattering(
        "by any function",
        body(NESTED, "%r"),
        lambda a, b: a * b - b,
        "scatter_by",
        np.array([[2], [0], [9]]),
    ),
    scattering(
        "by any function, in order",
        body(NESTED, "%r"),
        lambda a, b: a * b - b,
        "scatter_by",
    ),
    scattering(
        "by a product, twice",
        body(binary("multiply", "%r", "%a", "%b"), "%r"),
        lambda a, b: a * b,
        "scatter-mul",
    ),
    scattering(
        "by a difference",
        body(binary("subtract", "%r", "%a", "%b"), "%r"),
        lambda a, b: a - b,
        "scatter-sub",
    ),
    Case(
        "of two operands",
        "scatter_by",
        program(
            f""""stablehlo.scatter"(%x0, %x3, %x1, %x2, %x2) <{{
              unique_indices = false,
              scatter_dimension_numbers = #stablehlo.scatter<{INTO_ROWS}>
            }}> {
                body(
                    binary("add", "%r", "%a", "%d")
                    + binary("multiply", "%s", "%b", "%c"),
                    "%r",
                    "%s",
                    count=4,
                )
            } : ({T34}, {T34}, tensor<3x1xi64>, tensor<3x2xf64>, tensor<3x2xf64>)
              -> ({T34}, {T34})""",
            [X, ROWS, U, Y],
            f"{T34}, {T34}",
            2,
        ),
        [X, ROWS, U, Y],
        lambda x, rows, u, y: (
            updated(lambda a, b: a + b)(x, rows, u),
            updated(lambda a, b: a * b)(y, rows, u),
        ),
    ),
]

GATHERS = [
    Case(
        "along the first axis of indices",
        "gather",
        program(
            f""""stablehlo.gather"(%x0, %x1) <{{
              dimension_numbers = #stablehlo.gather<collapsed_slice_dims = [0, 1],
                start_index_map = [1, 0], index_vector_dim = 0>,
              slice_sizes = array<i64: 1, 1>
            }}> : ({T34}, tensor<2x3xi64>) -> tensor<3xf64>""",
            [X, np.array([[3, 9, 0], [2, 1, -1]])],
            "tensor<3xf64>",
        ),
        [X, np.array([[3, 9, 0], [2, 1, -1]])],
        lambda x, i: x[np.clip(i[1], 0, 2), np.clip(i[0], 0, 3)],
    ),
    Case(
        "without an axis of vectors",
        "gather",
        program(
            f""""stablehlo.gather"(%x0, %x1) <{{
              dimension_numbers = #stablehlo.gather<offset_dims = [1],
                collapsed_slice_dims = [0], start_index_map = [0],
                index_vector_dim = 1>,
              slice_sizes = array<i64: 1, 2>
            }}> : ({T34}, tensor<3xi64>) -> tensor<3x2xf64>""",
            [X, ROWS[:, 0]],
            "tensor<3x2xf64>",
        ),
        [X, ROWS[:, 0]],
        lambda x, i: x[i, :2],
    ),
]


def select_and_scatter(select: str, region: str, padding: str, source: str) -> str:
    return f""""stablehlo.select_and_scatter"(%x0, %x1, %two) <{{
      padding = dense<{padding}> : tensor<2x2xi64>,
      window_dimensions = array<i64: 2, 2>, window_strides = array<i64: 1, 2>
    }}> ({{
      ^bb0(%a: tensor<f64>, %b: tensor<f64>):
        {compare(select, "%a", "%b")}
        stablehlo.return %p : tensor<i1>
    }}, {region[1:]} : ({T34}, {source}, tensor<f64>) -> {T34}"""


def selected(f: Any, largest: bool, pad: int) -> Any:
    """Windows of 2 by 2, two columns apart, from ``pad`` rows above."""

    def of_source(x: Any, source: Any) -> Any:
        y = np.full_like(x, 2.0)
        best = max if largest else min
        for i in range(source.shape[0]):
            for j in range(source.shape[1]):
                rows = [r for r in (i - pad, i - pad + 1) if 0 <= r < 3]
                places = [(r, s) for r in rows for s in (2 * j, 2 * j + 1)]
                at = best(places, key=lambda place: x[place])
                y[at] = f(y[at], source[i, j])
        return y

    return of_source


WINDOWS = [
    Case(
        "windows beyond the operand",
        "select_and_scatter_by",
        program(
            select_and_scatter(
                "GE",
                body(binary("add", "%r", "%a", "%b"), "%r"),
                "[[1, 0], [0, 0]]",
                "tensor<3x2xf64>",
            ),
            [X, U],
            T34,
        ),
        [X, U],
        selected(lambda a, b: a + b, True, 1),
    ),
    Case(
        "a product to the least",
        "select_and_scatter_by",
        program(
            select_and_scatter(
                "LT",
                body(binary("multiply", "%r", "%a", "%b"), "%r"),
                "0",
                "tensor<2x2xf64>",
            ),
            [X, U[:2]],
            T34,
        ),
        [X, U[:2]],
        selected(lambda a, b: a * b, False, 0),
    ),
    Case(
        "a fold of windows",
        "reduce_window",
        program(
            f""""stablehlo.reduce_window"(%x0, %zero) <{{
              window_dimensions = array<i64: 1, 3>
            }}> {body(SQUARES, "%r")} : ({T34}, tensor<f64>) -> tensor<3x2xf64>""",
            [X],
            "tensor<3x2xf64>",
        ),
        [X],
        lambda x: np.stack([(x[:, j : j + 3] ** 2).sum(1) for j in range(2)], 1),
    ),
]

OTHERS = [
    Case(
        "map",
        "mul",
        program(
            f""""stablehlo.map"(%x0, %x1) <{{dimensions = array<i64: 0, 1>}}> {
                body(NESTED + binary("add", "%s2", "%r", "%two"), "%s2")
            } : ({T34}, {T34}) -> {T34}""",
            [X, Y],
            T34,
        ),
        [X, Y],
        lambda x, y: x * y - y + 2,
    ),
    Case(
        "a convolution with its window reversed",
        "rev",
        program(
            """stablehlo.convolution(%x0, %x1)
              dim_numbers = [b, f, 0]x[o, i, 0]->[b, f, 0],
              window = {pad = [[1, 0]], reverse = [true]}
              {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
              : (tensor<1x1x4xf64>, tensor<1x1x2xf64>) -> tensor<1x1x4xf64>""",
            [X[:1, None], U[:1, None]],
            "tensor<1x1x4xf64>",
        ),
        [X[:1, None], U[:1, None]],
        lambda x, k: np.convolve(x[0, 0], k[0, 0])[None, None, :4],
    ),
]

CASES = [*REDUCTIONS, *SORTING, *SCATTERS, *GATHERS, *WINDOWS, *OTHERS]


def test_operands_take_the_dtype_of_the_body() -> None:
    region = body(binary("add", "%r", "%a", "%b"), "%r")
    text = program(reduction(region), [X], "tensor<3xf64>")
    module = irad.stablehlo.load(text.replace(T34, "tensor<3x4xf32>"))
    x, t = X.astype(np.float32), Y.astype(np.float32)
    y, tangent = irad.stablehlo.jvp(module)(x, t)
    np.testing.assert_allclose(y, x.astype(np.float64).sum(1), 1e-14)
    np.testing.assert_allclose(tangent, t.astype(np.float64).sum(1), 1e-14)
    (_, cotangent) = irad.stablehlo.vjp(module)(x, np.ones(3))
    assert cotangent.dtype == np.float32


LOOP = """func.func @main(
  %x: tensor<3xf64>, %n: tensor<i64>, %s: tensor<3xf64>
) -> tensor<3xf64> {
  %zero = stablehlo.constant dense<0> : tensor<i64>
  %one = stablehlo.constant dense<1> : tensor<i64>
  %two = stablehlo.constant dense<2> : tensor<i64>
  %table = stablehlo.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf64>
  %r:2 = stablehlo.while(%i = %zero, %c = %x) : tensor<i64>, tensor<3xf64>
    cond {
      %p = stablehlo.compare LT, %i, %n : (tensor<i64>, tensor<i64>) -> tensor<i1>
      stablehlo.return %p : tensor<i1>
    } do {
      %j = stablehlo.add %i, %one : tensor<i64>
      %p = stablehlo.compare LT, %i, %two : (tensor<i64>, tensor<i64>) -> tensor<i1>
      %d = "stablehlo.if"(%p) ({
        %t = stablehlo.multiply %c, %s : tensor<3xf64>
        %k = stablehlo.convert %i : (tensor<i64>) -> tensor<i32>
        %u = "stablehlo.case"(%k) ({
          %v = stablehlo.sine %t : tensor<3xf64>
          stablehlo.return %v : tensor<3xf64>
        }, {
          %v = stablehlo.add %t, %table : tensor<3xf64>
          stablehlo.return %v : tensor<3xf64>
        }) : (tensor<i32>) -> tensor<3xf64>
        stablehlo.return %u : tensor<3xf64>
      }, {
        stablehlo.return %s : tensor<3xf64>
      }) : (tensor<i1>) -> tensor<3xf64>
      stablehlo.return %j, %d : tensor<i64>, tensor<3xf64>
    }
  return %r#1 : tensor<3xf64>
}"""


@pytest.mark.parametrize("steps", [0, 2, 3])
def test_regions_within_regions_read_what_is_around_them(steps: int) -> None:
    module = irad.stablehlo.load(LOOP)
    x, s = X[0, :3], Y[0, :3]
    expected = [x, np.sin(x * s), np.sin(x * s) * s + [1, 2, 3], s][steps]
    args = [x, np.array(steps), s]
    np.testing.assert_allclose(module(*args)[0], expected, 1e-14)
    check_differences(module, args)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_body_computes_and_is_differentiated(case: Case) -> None:
    module = irad.stablehlo.load(case.text)
    assert case.primitive in primitives(module)
    expected = case.expected(*case.args)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for y, known in zip(module(*case.args), expected, strict=True):
        np.testing.assert_allclose(y, known, 1e-12)
    check_differences(module, case.args)
