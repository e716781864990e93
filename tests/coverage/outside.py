"""Public functions that are no rows of the corpus, and why, by module."""

from __future__ import annotations

NO_NUMBERS = "its results are integers, truth values, positions or keys"
NO_ARRAYS = "about types, shapes, files or text"
NO_INPUT = "its results depend on no floating-point argument"
BY_VALUES = "the shape of its result depends on values, so that it cannot be traced"
NO_DERIVATIVE = "JAX has no derivative of it either (see REFUSED)"
NAMED_AXES = "needs a named axis: tests/rules/test_collective.py has it"

OUTSIDE: dict[str, dict[str, str]] = {
    "jax.numpy": {
        NO_NUMBERS: """
            all allclose any argmax argmin argpartition argsort argwhere array_equal
            array_equiv bitwise_and bitwise_count bitwise_invert bitwise_left_shift
            bitwise_not bitwise_or bitwise_right_shift bitwise_xor count_nonzero
            diag_indices diag_indices_from digitize equal flatnonzero gcd greater
            greater_equal indices invert isclose iscomplex isfinite isin isinf isnan
            isneginf isposinf isreal ix_ lcm left_shift less less_equal lexsort
            logical_and logical_not logical_or logical_xor mask_indices nanargmax
            nanargmin nonzero not_equal packbits ravel_multi_index right_shift
            searchsorted signbit tril_indices tril_indices_from triu_indices
            triu_indices_from unpackbits unravel_index
        """,
        NO_ARRAYS: """
            array_repr array_str broadcast_shapes can_cast einsum_path from_dlpack
            frombuffer fromfile fromfunction fromiter frompyfunc fromstring
            get_printoptions iscomplexobj isdtype isrealobj isscalar issubdtype iterable
            load ndim printoptions promote_types result_type save savez set_printoptions
            shape size
        """,
        NO_INPUT: "bartlett blackman empty eye hanning ones ones_like zeros",
        BY_VALUES: """
            intersect1d setdiff1d setxor1d trim_zeros union1d unique unique_all
            unique_counts unique_inverse unique_values
        """,
        NO_DERIVATIVE: "nextafter spacing",
    },
    "jax.numpy.linalg": {NO_NUMBERS: "matrix_rank", NO_DERIVATIVE: "eig"},
    "jax.numpy.fft": {NO_INPUT: "fftfreq rfftfreq"},
    "jax.lax": {
        NO_NUMBERS: """
            argmax argmin bitwise_and bitwise_not bitwise_or bitwise_xor clz eq ge gt
            is_finite le lt mulhi ne population_count reduce_and reduce_or reduce_xor
            rng_bit_generator shift_left shift_right_arithmetic shift_right_logical
        """,
        NO_ARRAYS: """
            ConvGeneralDilatedDimensionNumbers DotDimensionNumbers PrecisionLike
            after_all broadcast_shapes conv_dimension_numbers conv_general_permutations
            conv_general_shape_tuple conv_shape_tuple conv_transpose_shape_tuple
            create_token dtype padtype_to_pads reduce_window_shape_tuple shape_as_value
        """,
        NO_INPUT: "broadcasted_iota empty iota",
        NO_DERIVATIVE: """
            composite igamma_grad_a nextafter rng_uniform scaled_dot scatter_apply zeta
        """,
        NAMED_AXES: """
            all_gather all_to_all axis_index axis_size pbroadcast pcast pmax pmean pmin
            ppermute precv psend pshuffle psum psum_scatter pswapaxes ragged_all_to_all
        """,
    },
    "jax.lax.linalg": {
        NO_NUMBERS: "lu_pivots_to_permutation",
        NO_DERIVATIVE: "hessenberg householder_product ormqr schur tridiagonal",
    },
    "jax.nn": {
        NO_ARRAYS: "get_scaled_dot_general_config",
        NO_DERIVATIVE: "scaled_matmul",
    },
    "jax.random": {
        NO_NUMBERS: """
            PRNGKey bernoulli bits geometric key key_data poisson rademacher randint
        """,
        NO_ARRAYS: "key_dtype key_impl",
    },
    "jax.image": {},
    "jax.ops": {},
    "jax.scipy.special": {},
    "jax.scipy.linalg": {
        NO_INPUT: "dft hadamard helmert hilbert invhilbert invpascal pascal",
        NO_DERIVATIVE: "funm hessenberg qr_multiply schur solve_sylvester sqrtm",
    },
    "jax.scipy.stats": {NO_NUMBERS: "mode rankdata"},
    "jax.scipy.signal": {},
    "jax.scipy.ndimage": {},
    "jax.scipy.integrate": {},
    "jax.scipy.fft": {},
    "jax.scipy.optimize": {},
    "jax.scipy.sparse.linalg": {},
    "jax.scipy.cluster.vq": {},
}
