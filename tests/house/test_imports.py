"""What `import irad` brings with it: no library that only some users need."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAZY = {"scipy", "matplotlib", "rich", "lineax"}
PROGRAM = """
import json, sys
import jax
before = set(sys.modules)
import irad
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_import_of_irad_brings_no_library_that_jax_does_not() -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "passes")])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    brought: list[str] = json.loads(run.stdout)
    assert "irad" in brought
    assert [name for name in brought if name.split(".")[0] in LAZY] == []
