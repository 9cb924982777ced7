"""One file a record; this module is the public list."""

from lots.models.books import Account, AccountKind, FiscalPeriod, PeriodChange
from lots.models.costs import LotCostEvent, LotCostToPost
from lots.models.history import RecordHistory
from lots.models.items import LineItemCode, Office, RecordType
from lots.models.lots import InventoryLot, LotType
from lots.models.pools import CostPool
from lots.models.preferences import CogsMethod, PostingDate, Preference, PreferenceChange
from lots.models.purchasing import (
    DocumentStatus,
    PostingStatus,
    Purchase,
    PurchaseLine,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)
from lots.models.transactions import InventoryTransaction, SerialMovement

__all__ = [
    "Account",
    "AccountKind",
    "CogsMethod",
    "CostPool",
    "DocumentStatus",
    "FiscalPeriod",
    "InventoryLot",
    "InventoryTransaction",
    "LineItemCode",
    "LotCostEvent",
    "LotCostToPost",
    "LotType",
    "Office",
    "PeriodChange",
    "PostingDate",
    "PostingStatus",
    "Preference",
    "PreferenceChange",
    "Purchase",
    "PurchaseLine",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "Receipt",
    "ReceiptLine",
    "RecordHistory",
    "RecordType",
    "SerialMovement",
]
