"""One file a record; this module is the public list."""

from lots.models.items import LineItemCode, Office, RecordType
from lots.models.lots import InventoryLot, LotType
from lots.models.pools import CostPool
from lots.models.preferences import CogsMethod, Preference, PreferenceChange
from lots.models.transactions import InventoryTransaction

__all__ = [
    "CogsMethod",
    "CostPool",
    "InventoryLot",
    "InventoryTransaction",
    "LineItemCode",
    "LotType",
    "Office",
    "Preference",
    "PreferenceChange",
    "RecordType",
]
