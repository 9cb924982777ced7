"""Rules about the code itself: who imports whom, migrations, lock files, wiring, templates."""
