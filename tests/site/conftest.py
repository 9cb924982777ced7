"""People and rows for the kit's tests."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from lots.models import LineItemCode, Office
from usage.models import InventoryUsage, OpenUsage
from usage.services import usage_record

Maker = Callable[..., InventoryUsage]


@pytest.fixture
def reader(_some_database: None) -> Client:
    """Somebody who may look at usage and offices, and at nothing else."""
    client = Client()
    user = User.objects.create_user("reader")
    allow(user)
    client.force_login(user)
    return client


def allow(user: User) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_inventoryusage", "view_office"]))


@pytest.fixture
def used(_some_database: None) -> Maker:
    """Record usages by code and quantity; `closed=True` takes what is open of one away."""

    def used(
        code: str,
        quantity: str,
        *,
        office: str = "",
        reference: str = "",
        cost: str = "2.00",
        day: int = 1,
        closed: bool = False,
    ) -> InventoryUsage:
        item, _ = LineItemCode.objects.get_or_create(
            code=code, defaults={"est_unit_cost": Decimal(cost), "description": f"About {code}"}
        )
        place = Office.objects.get_or_create(code=office)[0] if office else None
        moment = datetime(2025, 3, day, 23, 30, tzinfo=UTC)
        usage = usage_record(code=item, quantity=Decimal(quantity), used_at=moment, office=place, reference=reference)
        if closed:
            OpenUsage.objects.filter(usage=usage).delete()
        return usage

    return used
