"""One file a record; this module is the public list."""

from usage.models.usage import InventoryUsage, OpenUsage, UsageLotRestriction

__all__ = ["InventoryUsage", "OpenUsage", "UsageLotRestriction"]
