"""What XLA's operations cost, by kind.

Opcodes as XLA prints them; one that is in no table is reported as not counted.
"""

# fmt: off
# One operation an entry, when the entries are floating-point or complex.
ARITHMETIC = frozenset({
    "abs", "add", "ceil", "clamp", "compare", "divide", "floor", "is-finite",
    "maximum", "minimum", "multiply", "negate", "remainder", "round-nearest-afz",
    "round-nearest-even", "sign", "subtract",
})
# The same, and a function to evaluate.
TRANSCENDENTAL = frozenset({
    "acos", "acosh", "asin", "asinh", "atan2", "atanh", "cbrt", "cosh", "cosine",
    "erf", "exponential", "exponential-minus-one", "log", "log-plus-one",
    "logistic", "power", "rsqrt", "sine", "sinh", "sqrt", "tan", "tanh",
})
# No arithmetic on floating-point numbers.
FREE = frozenset({
    "add-dependency", "after-all", "and", "bitcast", "bitcast-convert", "broadcast",
    "complex", "concatenate", "constant", "convert", "copy", "copy-done",
    "copy-start", "count-leading-zeros", "domain", "dynamic-reshape",
    "dynamic-slice", "dynamic-update-slice", "gather", "get-dimension-size",
    "get-tuple-element", "imag", "iota", "not", "opt-barrier",
    "optimization-barrier", "or", "pad", "parameter", "partition-id", "popcnt",
    "real", "reduce-precision", "replica-id", "reshape", "reverse",
    "rng-bit-generator", "rng-get-and-update-state", "select", "shift-left",
    "shift-right-arithmetic", "shift-right-logical", "slice", "stochastic-convert",
    "transpose", "tuple", "xor",
})
# No kernel runs for these.
UNMOVED = frozenset({
    "add-dependency", "after-all", "bitcast", "constant", "domain",
    "get-tuple-element", "opt-barrier", "optimization-barrier", "parameter",
    "partition-id", "replica-id", "tuple",
})
# fmt: on

# Real operations in one on complex entries; 2 for any other.
COMPLEX = {"add": 2, "subtract": 2, "negate": 2, "multiply": 6, "divide": 11}
