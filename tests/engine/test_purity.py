"""The engine stands apart: nothing of ours, nothing of Django, nothing but the standard library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import reconciliation.engine

ENGINE = Path(reconciliation.engine.__file__).parent
MODULES = sorted(ENGINE.glob("*.py"))


def test_a_fresh_interpreter_loads_the_engine_and_nothing_of_the_site() -> None:
    program = "import sys, reconciliation.engine; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ENGINE.parents[1], capture_output=True, text=True, check=True
    ).stdout.split()
    strangers = {"django", "lots", "usage", "inventory_site", "celery", "psycopg"}
    assert "reconciliation.engine.allocate" in loaded
    assert not [name for name in loaded if name.partition(".")[0] in strangers]
    assert not [
        name for name in loaded if name.startswith("reconciliation.") and not name.startswith("reconciliation.engine")
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_the_standard_library_and_its_neighbours(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            neighbour = node.level == 1 and (ENGINE / f"{node.module or node.names[0].name}.py").exists()
            assert neighbour or (node.level == 0 and (node.module or "").partition(".")[0] in sys.stdlib_module_names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_has_no_clock_no_chance_no_files_and_no_floats(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {
        "time",
        "datetime",
        "random",
        "os",
        "io",
        "pathlib",
        "threading",
        "decimal",
        "math",
        "logging",
    }
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Global | ast.Nonlocal | ast.Div)
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float))
        assert not (isinstance(node, ast.Name) and node.id in {"open", "print", "input", "float", "hash", "id"})


def test_the_public_names_are_there() -> None:
    assert all(hasattr(reconciliation.engine, name) for name in reconciliation.engine.__all__)
