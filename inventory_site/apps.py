from django.apps import AppConfig


class InventorySiteConfig(AppConfig):
    name = "inventory_site"
    verbose_name = "Site"

    def ready(self) -> None:
        from inventory_site import checks  # noqa: F401, PLC0415  (registers itself; needs the settings)
