"""Migrations: nothing is missing, and each app's stand in one line."""

import io

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

OURS = ["inventory_site", "lots", "usage", "reconciliation"]


@pytest.mark.django_db
def test_the_models_and_the_migrations_agree() -> None:
    said = io.StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=said)
    except SystemExit:
        pytest.fail(said.getvalue())


@pytest.mark.parametrize("app", OURS)
def test_migrations_stand_in_one_line(app: str) -> None:
    graph = MigrationLoader(None).graph
    nodes = {key: graph.node_map[key] for key in graph.nodes if key[0] == app}
    assert len(graph.leaf_nodes(app)) == 1
    for key, node in nodes.items():
        assert len([parent for parent in node.parents if parent.key[0] == app]) <= 1, key


def test_migrations_of_a_lower_app_wait_for_no_higher_one() -> None:
    graph = MigrationLoader(None).graph
    order = OURS
    for key in graph.nodes:
        if key[0] in order:
            for parent in graph.node_map[key].parents:
                lower = parent.key[0] not in order or order.index(parent.key[0]) <= order.index(key[0])
                assert lower, f"{key} depends on {parent.key}"


@pytest.mark.parametrize("app", OURS)
def test_files_are_numbered_without_gaps(app: str) -> None:
    folder = apps.get_app_config(app).path
    names = sorted(name for (label, name) in MigrationLoader(None).disk_migrations if label == app)
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)], folder
