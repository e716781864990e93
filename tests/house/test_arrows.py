"""The house keeps its arrows: who may import whom, read from the source.

``BENEATH`` is the picture of docs/design.md as a table. A part is a module or folder
directly in ``irad``; it may import what is beneath it, what is beneath that, and what
everyone may. A part that does not exist yet is only a line here.
"""

import ast
import graphlib
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IRAD = ROOT / "irad"
PASSES = ROOT / "passes" / "irad_passes"

EVERYONE = {"errors", "_compat"}
BENEATH: dict[str, str] = {
    "errors": "",
    "_compat": "errors",
    "sums": "",
    "linear_map": "sums",
    "cost": "irad_passes",
    "caching": "",
    "tables": "",
    "instruments": "",
    "checkpointing": "cost irad_passes",
    "collection": "",
    "constants": "caching",
    "emitter": "linear_map irad_passes caching",
    "capture": "irad_passes caching constants",
    "rules": "linear_map",
    "graph": "linear_map cost emitter checkpointing",
    "leaf": "graph rules",
    "structure": "leaf checkpointing fingerprint",
    "linearization": "structure",
    "ordering": "",
    "compression": "irad_passes caching",
    "choices": "graph rules",
    "accumulate": "linearization choices",
    "ellpack": "linear_map",
    "planning": "accumulate cost ellpack ordering compression tables",
    "fingerprint": "irad_passes caching",
    "staging": "capture fingerprint",
    "derivatives": "accumulate staging",
    "batches": "emitter cost",
    "seeds": "derivatives batches",
    "attachable": "derivatives",
    "limits": "derivatives",
    "measurements": "fingerprint",
    "keeping": "planning",
    "planned": "seeds planning measurements",
    "operators": "planning",
    "transforms": "collection attachable limits keeping planned operators",
    "memory": "planned",
    "stablehlo": "transforms irad_passes",
    "checking": "transforms",
    "comparison": "stablehlo instruments tables",
    "estimators": "transforms",
    "explanation": "stablehlo tables",
    "cli": "stablehlo checking comparison explanation",
    "__main__": "cli",
    "__init__": "cli estimators memory",
}


def files(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def module_name(path: Path) -> str:
    """The dotted name of a file, ``irad.rules.linalg`` or ``irad_passes.__init__``."""
    top = PASSES.parent if path.is_relative_to(PASSES) else ROOT
    return ".".join(path.relative_to(top).with_suffix("").parts)


def part(name: str) -> str:
    """The part of the house that a dotted name belongs to.

    ``irad.rules.linalg`` is in ``rules``; ``irad`` itself is ``__init__``; what is not
    in ``irad`` is its top-level package.
    """
    top, *rest = name.split(".")
    if top != "irad":
        return top
    return rest[0] if rest else "__init__"


def from_import(node: ast.ImportFrom, importer: str) -> Iterator[str]:
    """What ``from base import a`` reaches: the part ``base.a``, or else ``base``."""
    base = node.module or ""
    if node.level:
        package = importer.split(".")[: -node.level]
        base = ".".join([*package, base] if base else package)
    for alias in node.names:
        full = f"{base}.{alias.name}"
        yield full if base == "jax" or part(full) in BENEATH else base


def imports(tree: ast.AST, importer: str) -> Iterator[tuple[int, str]]:
    """Every import of a module, at any depth of nesting: its line and dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, name) for name in from_import(node, importer))


def touches(tree: ast.AST) -> Iterator[int]:
    """The lines that reach ``jax._src`` as an attribute of ``jax``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "jax._src":
            yield node.lineno


@cache
def allowed(of: str) -> frozenset[str]:
    """The parts that a part may import: the transitive closure of ``BENEATH``."""
    direct = BENEATH.get(of, "").split()
    return frozenset(direct).union(*map(allowed, direct))


def breaches(tree: ast.AST, importer: str) -> list[str]:
    """The imports of a module of ``irad`` that go against an arrow."""
    own = part(importer)
    fine = allowed(own) | {own} | (set() if own in EVERYONE else EVERYONE)
    return [
        f"{importer}:{line} imports {name}, which is not beneath {own}"
        for line, name in imports(tree, importer)
        if name.split(".")[0] in {"irad", "irad_passes"} and part(name) not in fine
    ]


def private(tree: ast.AST, importer: str) -> list[str]:
    """The places in a module that use a private JAX name."""
    lines = [
        line
        for line, name in imports(tree, importer)
        if name == "jax._src" or name.startswith("jax._src.")
    ]
    return [f"{importer}:{line} uses jax._src" for line in [*lines, *touches(tree)]]


def all_of(package: Path) -> list[tuple[str, ast.Module]]:
    return [
        (module_name(path), ast.parse(path.read_text(), path))
        for path in files(package)
    ]


def test_the_arrows_make_no_circle() -> None:
    named = {of: beneath.split() for of, beneath in BENEATH.items()}
    graphlib.TopologicalSorter(named).prepare()
    assert {b for bs in named.values() for b in bs} <= {*named, "irad_passes"}


def test_every_part_has_a_place_in_the_house() -> None:
    strangers = {part(name) for name, _ in all_of(IRAD)} - set(BENEATH)
    assert not strangers, "add them to BENEATH and to docs/design.md"


def test_irad_imports_only_what_is_beneath() -> None:
    assert [b for name, tree in all_of(IRAD) for b in breaches(tree, name)] == []


def test_passes_know_nothing_of_irad() -> None:
    assert [
        f"{name}:{line} imports {imported}"
        for name, tree in all_of(PASSES)
        for line, imported in imports(tree, name)
        if imported.split(".")[0] == "irad"
    ] == []


def test_private_jax_is_only_in_compat() -> None:
    assert [
        use
        for name, tree in [*all_of(IRAD), *all_of(PASSES)]
        if "_compat" not in name.split(".")
        for use in private(tree, name)
    ] == []


def test_no_module_bears_the_name_of_a_public_function() -> None:
    irad = importlib.import_module("irad")
    public = {name for name in irad.__all__ if callable(getattr(irad, name))}
    assert public, "irad offers no function"
    names = {path: {path.stem, path.parent.name} for path in files(IRAD)}
    assert [module_name(path) for path in names if names[path] & public] == []


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("irad.rules.linalg", "from irad.graph import LinearizedGraph"),
        ("irad.rules.linalg", "from irad import graph"),
        ("irad.rules.linalg", "from .. import graph"),
        ("irad.rules.__init__", "from ..graph import LinearizedGraph"),
        ("irad.rules.linalg", "import irad.graph"),
        ("irad.rules.linalg", "def late():\n    from irad.staging import bind"),
        ("irad.graph", "from irad.linearization import linearize"),
        ("irad.structure.loops", "from irad import linearize"),
        ("irad.linear_map", "import irad_passes.dce"),
        ("irad.errors", "from irad._compat import ir"),
    ],
)
def test_an_import_against_an_arrow_is_seen(importer: str, source: str) -> None:
    assert breaches(ast.parse(source), importer)


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("irad.rules.linalg", "from ..linear_map import Scale"),
        ("irad.rules.linalg", "from .registry import linear"),
        ("irad.rules.linalg", "from irad import _compat, errors"),
        (
            "irad.accumulate",
            "from irad.cost import Cost\nimport irad_passes.dce",
        ),
        ("irad.transforms.forward", "import jax, irad.staging"),
    ],
)
def test_an_import_along_the_arrows_is_fine(importer: str, source: str) -> None:
    assert breaches(ast.parse(source), importer) == []


@pytest.mark.parametrize(
    "source",
    [
        "import jax._src.core",
        "from jax import _src",
        "from jax._src import core",
        "from jax._src.core import Jaxpr",
        "import jax\njax._src.core.Jaxpr",
    ],
)
def test_a_private_jax_name_is_seen(source: str) -> None:
    assert private(ast.parse(source), "irad.graph")
