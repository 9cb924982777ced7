from django.apps import AppConfig


class InventorySiteConfig(AppConfig):
    name = "inventory_site"
    verbose_name = "Site"
