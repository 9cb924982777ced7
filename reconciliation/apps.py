from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReconciliationConfig(AppConfig):
    name = "reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        from reconciliation.roles import ensure_after_migrations  # noqa: PLC0415  (needs the models to be loaded)

        post_migrate.connect(ensure_after_migrations, sender=self)
