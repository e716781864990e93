"""What the README and the pages of docs show is what their examples print."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = README + "".join(
    (ROOT / "docs" / name).read_text()
    for name in ("planning.md", "memory.md", "stablehlo.md")
)
NAMES = [
    "gradient",
    "jacobian",
    "plan",
    "kept",
    "limit",
    "unknown length",
    "attached",
    "module",
    "artifact",
]
SHOWN = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", PAGES, re.DOTALL)


@pytest.mark.usefixtures("float32", "standard_promotion")
@pytest.mark.parametrize(("code", "printed"), SHOWN, ids=NAMES)
def test_an_example_prints_what_is_shown(code: str, printed: str) -> None:
    found = io.StringIO()
    with contextlib.redirect_stdout(found):
        exec(compile(code, "a page", "exec"), {})
    assert found.getvalue() == printed


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120
