"""Master data that the demo company's documents are about: it began to sell desks that it makes itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User

from lots.item_master import code_create
from lots.models import Account, AccountKind, LineItemCode, RecordType

FURNITURE, PARTS, LABORATORY = "Furniture", "Furniture Parts", "Laboratory"

SHRINKAGE, WAGES = "5110", "6010"

# Accounts beside those that every copy begins with.
ACCOUNTS = (
    ("1220", "Inventory, Furniture", AccountKind.ASSET),
    ("1230", "Inventory, Laboratory", AccountKind.ASSET),
    ("4010", "Sales, Furniture", AccountKind.SALES),
    ("5010", "Cost of Goods Sold, Furniture", AccountKind.COST_OF_SALES),
    ("5020", "Cost of Goods Sold, Laboratory", AccountKind.COST_OF_SALES),
    (SHRINKAGE, "Shrinkage", AccountKind.COST_OF_SALES),
    (WAGES, "Workshop Wages Applied", AccountKind.EXPENSE),
)
# Of these categories codes have accounts of their own: revenue, cost, inventory.
_ACCOUNTS_OF: Mapping[str, tuple[str, str, str]] = {
    FURNITURE: ("4010", "5010", "1220"),
    LABORATORY: ("", "5020", "1230"),
}


@dataclass(frozen=True)
class Article:
    """A code as it is entered once."""

    code: str
    description: str
    category: str
    est_unit_cost: str
    weight: str = "0"
    record_type: RecordType = RecordType.INVENTORIED_ITEM
    is_serialized: bool = False
    is_tracked_by_manufacturer_lot: bool = False


ARTICLES = (
    Article("OAK", "Oak Board, 1 in x 10 in x 4 ft", PARTS, "18.50", "7"),
    Article("GLUE", "Wood Glue, 16 oz bottle", PARTS, "6.40", "1.2"),
    Article("BRASS", "Brass Fittings, mixed box", PARTS, "96.00", "11"),
    Article("HINGE", "Brass Hinge", PARTS, "1.90", "0.2"),
    Article("KNOB", "Brass Knob", PARTS, "2.60", "0.1"),
    Article("LAMP", "Reading Lamp, Brass", FURNITURE, "24.00", "3.5"),
    Article("DESK", "Reading Desk, Oak", FURNITURE, "112.00", "34", RecordType.INVENTORIED_ASSEMBLY_ITEM),
    Article("DESKSET", "Reading Desk with Lamp", FURNITURE, "140.00", "38", RecordType.INVENTORIED_ASSEMBLY_ITEM),
    Article("MICRO-40", "Student Microscope, 40x to 400x", LABORATORY, "185.00", "9", is_serialized=True),
    Article(
        "STAIN-MB", "Methylene Blue, 100 ml", LABORATORY, "7.20", "0.4", is_tracked_by_manufacturer_lot=True
    ),
    Article("SETUP", "Delivery and Set-Up, per hour", "Services", "0", record_type=RecordType.TIME),
)  # fmt: skip


def make_catalog(*, by: User | None, at: datetime) -> None:
    """Enter the accounts and the codes, but those that are there already."""
    for number, name, kind in ACCOUNTS:
        Account.objects.get_or_create(number=number, defaults={"name": name, "kind": kind})
    for article in ARTICLES:
        if LineItemCode.objects.filter(code__iexact=article.code).exists():
            continue
        revenue, cost, inventory = _ACCOUNTS_OF.get(article.category, ("", "", ""))
        code_create(
            code=article.code,
            by=by,
            at=at,
            record_type=article.record_type,
            est_unit_cost=Decimal(article.est_unit_cost),
            description=article.description,
            category=article.category,
            unit_weight=Decimal(article.weight),
            is_serialized=article.is_serialized,
            is_tracked_by_manufacturer_lot=article.is_tracked_by_manufacturer_lot,
            account_revenue=revenue,
            account_cost=cost,
            account_inventory=inventory,
        )
