"""Who may import whom: reconciliation -> usage -> lots -> inventory_site, and downwards inside each app."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# An app may import itself and what stands to its right.
APPS = ["reconciliation", "usage", "lots", "inventory_site"]

# Inside an app, by module name; a module may import its own layer and those below. Modules not named here are pure or
# belong to the services; they import no door.
LAYERS = [
    {"urls", "admin"},
    {"views", "tasks", "management"},
    {"forms", "filtersets", "tables"},
]
# The composition root names apps by dotted string only, so it has nothing to hide.
ROOT_MODULES = {"settings", "settings_test", "urls", "celery", "wsgi", "launcher", "supervisor"}

# Arrows that are wanted although they point the wrong way: (importer, imported): reason.
INTENTIONAL: dict[tuple[str, str], str] = {}


class Arrow(NamedTuple):
    """One import between modules of ours."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules(app: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((BASE_DIR / app).rglob("*.py")):
        if "migrations" not in path.parts:
            yield ".".join(path.relative_to(BASE_DIR).with_suffix("").parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(BASE_DIR).parts[: -node.level]) if node.level else ""
            source = ".".join(filter(None, [package, node.module]))
            for alias in node.names:
                yield f"{source}.{alias.name}", node.lineno


ARROWS = [
    Arrow(name, imported, line)
    for app in APPS
    for name, path in modules(app)
    for imported, line in imports(path)
    if imported.split(".")[0] in APPS and (name, imported) not in INTENTIONAL
]


def app_of(module: str) -> str:
    return module.split(".")[0]


def layer_of(module: str) -> int:
    part = module.split(".")[1] if "." in module else ""
    # run_views, home_urls: a door that was too long for one file.
    return next((index for index, names in enumerate(LAYERS) if part.split("_")[-1] in names), len(LAYERS))


def test_apps_import_in_one_direction() -> None:
    wrong = [str(arrow) for arrow in ARROWS if APPS.index(app_of(arrow.imported)) < APPS.index(app_of(arrow.importer))]
    assert not wrong, "\n".join(wrong)


def test_inside_an_app_imports_point_downwards() -> None:
    wrong = [
        str(arrow)
        for arrow in ARROWS
        if app_of(arrow.importer) == app_of(arrow.imported)
        and not (app_of(arrow.importer) == "inventory_site" and arrow.importer.split(".")[-1] in ROOT_MODULES)
        and layer_of(arrow.imported) < layer_of(arrow.importer)
        # The kit's own base classes (views, tables, filtersets) are what other layers build on.
        and app_of(arrow.importer) != "inventory_site"
    ]
    assert not wrong, "\n".join(wrong)


def test_doors_of_one_app_are_not_used_by_another() -> None:
    """A view, task or command of another app is not a function to call: the service behind it is."""
    wrong = [
        str(arrow)
        for arrow in ARROWS
        if app_of(arrow.importer) != app_of(arrow.imported) != "inventory_site"
        and layer_of(arrow.imported) < 2
        # Base classes of the admin are shared.
        and not arrow.importer.endswith(".admin")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sorted((BASE_DIR / "reconciliation" / "engine").rglob("*.py")), ids=lambda p: p.name)
def test_the_engine_imports_the_standard_library_only(path: Path) -> None:
    roots = {name.split(".")[0] for name, _ in imports(path) if not name.startswith("reconciliation.engine")}
    assert roots <= sys.stdlib_module_names, roots - sys.stdlib_module_names


def test_packages_above_the_engine_are_empty() -> None:
    tree = ast.parse((BASE_DIR / "reconciliation" / "__init__.py").read_text())
    assert all(isinstance(node, ast.Expr) for node in tree.body), "a docstring at most: the engine imports through here"


def test_the_exceptions_are_still_needed() -> None:
    present = {(name, imported) for app in APPS for name, path in modules(app) for imported, _ in imports(path)}
    assert set(INTENTIONAL) <= present
