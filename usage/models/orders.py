"""Sales orders, and the shipments that serve them: outgoing, and returns coming in."""

from django.db import models
from django.urls import reverse

from inventory_site.fields import QuantityField
from inventory_site.models import append_only
from lots.models import DocumentStatus, InventoryLot, LineItemCode, Office, PostingStatus, PurchaseOrderLine
from usage.models.usage import InventoryUsage


class Order(models.Model):
    """What a customer wants; the plain number (60007) is what usage and lots call their order."""

    number = models.CharField(max_length=30, unique=True, verbose_name="order")
    customer = models.CharField(max_length=120)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    department = models.CharField(max_length=60, blank=True)
    ordered_at = models.DateTimeField(verbose_name="date")
    reference = models.CharField(max_length=200, blank=True, verbose_name="ref #(s)")
    status = models.CharField(max_length=7, choices=DocumentStatus.choices, default=DocumentStatus.PENDING)
    opened_at = models.DateTimeField(null=True, blank=True, verbose_name="opened")
    closed_at = models.DateTimeField(null=True, blank=True, verbose_name="closed")

    class Meta:
        verbose_name = "order"
        ordering = ("-pk",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["PENDING", "VOID"]) | models.Q(opened_at__isnull=False),
                name="order_open_has_a_moment",
            )
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("usage:order", args=[self.pk])


class OrderLine(models.Model):
    """One code of an order. Shipped and returned sum up posted shipments; `lot` binds a special order to its lot.

    A quantity of 0 was taken off the order, or all of it came back; documents still name the line.
    """

    class Supply(models.TextChoices):
        STOCK = "STOCK", "From stock"
        SPECIAL_ORDER = "SPECIAL_ORDER", "Special order"
        DROP_SHIP = "DROP_SHIP", "Drop ship"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    position = models.IntegerField()
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="+")
    quantity = QuantityField()
    supply = models.CharField(max_length=13, choices=Supply.choices, default=Supply.STOCK)
    quantity_shipped = QuantityField(default=0)
    quantity_returned = QuantityField(default=0)
    # What Demand stands at for this line: at most 0, and 0 once it is served, closed or void.
    demand = QuantityField(default=0)
    # The latest lot that was made for it, by a purchase order or a job; such lots name the order as their parent.
    lot = models.ForeignKey(InventoryLot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = "order line"
        ordering = ("order", "position", "pk")
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gte=0), name="order_line_quantity_not_negative"),
            models.CheckConstraint(
                condition=models.Q(
                    quantity_returned__gte=0, quantity_returned__lte=models.F("quantity_shipped"), demand__lte=0
                ),
                name="order_line_returned_within_shipped",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.position}"

    def get_absolute_url(self) -> str:
        return reverse("usage:order", args=[self.order_id])


class OrderLinePurchase(models.Model):
    """A purchase order line that Procurement made for a line of an order. Append-only."""

    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="purchases")
    purchase_order_line = models.OneToOneField(PurchaseOrderLine, on_delete=models.PROTECT, related_name="made_for")

    class Meta:
        verbose_name = "purchase for an order line"
        ordering = ("pk",)
        triggers = append_only("order_line_purchase")

    def __str__(self) -> str:
        return f"{self.order_line_id} {self.purchase_order_line_id}"

    @property
    def order(self) -> Order:
        return self.order_line.order


class Shipment(models.Model):
    """An outgoing shipment, or an incoming return from a customer (SHIP-60000). One may serve several orders."""

    class Kind(models.TextChoices):
        OUTGOING = "OUTGOING", "Outgoing Shipment"
        INCOMING_RETURN = "INCOMING_RETURN", "Incoming Return"

    number = models.CharField(max_length=30, unique=True, verbose_name="shipment")
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.OUTGOING)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    shipped_at = models.DateTimeField(verbose_name="date")
    reference = models.CharField(max_length=200, blank=True, verbose_name="ref #(s)")
    status = models.CharField(max_length=7, choices=PostingStatus.choices, default=PostingStatus.PENDING)

    class Meta:
        verbose_name = "shipment"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("usage:shipment", args=[self.pk])


class ShipmentLine(models.Model):
    """Units of one order line that went out (or came back). The quantity is positive either way."""

    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="lines")
    position = models.IntegerField()
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="shipment_lines")
    quantity = QuantityField()
    # Of a posted return: how much less the order is for since, because returns reduce orders.
    quantity_reduced = QuantityField(default=0)
    manufacturer_lot = models.CharField(max_length=60, blank=True)
    serials = models.TextField(blank=True, help_text="One per line.")

    class Meta:
        verbose_name = "shipment line"
        ordering = ("shipment", "position", "pk")
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="shipment_line_quantity_positive"),
            models.CheckConstraint(
                condition=models.Q(quantity_reduced__gte=0, quantity_reduced__lte=models.F("quantity")),
                name="shipment_line_reduced_within_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shipment_id}/{self.position}"


class ShipmentUsage(models.Model):
    """The usage that a posted shipment line made: one going out; coming back, one per usage that it returns. A void
    adds the mirrors. Append-only.
    """

    line = models.ForeignKey(ShipmentLine, on_delete=models.PROTECT, related_name="usages")
    usage = models.OneToOneField(InventoryUsage, on_delete=models.PROTECT, related_name="shipment_usage")
    is_void = models.BooleanField(default=False)

    class Meta:
        verbose_name = "usage of a shipment"
        ordering = ("pk",)
        triggers = append_only("shipment_usage")

    def __str__(self) -> str:
        return f"{self.line_id} {self.usage_id}"
