"""One file a record; this module is the public list."""

from usage.models.adjustments import AdjustmentLine, AdjustmentRecord, InventoryAdjustment
from usage.models.feeds import LotFeed, LotRecost
from usage.models.jobs import Job, JobComponent, JobCost, JobOutput, JobUsage
from usage.models.orders import Order, OrderLine, OrderLinePurchase, Shipment, ShipmentLine, ShipmentUsage
from usage.models.usage import InventoryUsage, OpenUsage, RestrictionRelease, UsageLotRestriction

__all__ = [
    "AdjustmentLine",
    "AdjustmentRecord",
    "InventoryAdjustment",
    "InventoryUsage",
    "Job",
    "JobComponent",
    "JobCost",
    "JobOutput",
    "JobUsage",
    "LotFeed",
    "LotRecost",
    "OpenUsage",
    "Order",
    "OrderLine",
    "OrderLinePurchase",
    "RestrictionRelease",
    "Shipment",
    "ShipmentLine",
    "ShipmentUsage",
    "UsageLotRestriction",
]
