"""Purchase orders, incoming shipments and returns to vendors, and purchases (vendor invoices)."""

from django.db import models
from django.urls import reverse

from inventory_site.fields import MoneyField, QuantityField, UnitCostField
from lots.models.items import LineItemCode, Office
from lots.models.lots import InventoryLot


class DocumentStatus(models.TextChoices):
    """Pending moves nothing. Void is for ever: what it had moved is mirrored, never deleted."""

    PENDING = "PENDING", "Pending"
    OPEN = "OPEN", "Open"
    CLOSED = "CLOSED", "Closed"
    VOID = "VOID", "Void"


class PostingStatus(models.TextChoices):
    """Of documents that move stock or books at one moment: receipts, shipments, invoices, adjustments."""

    PENDING = "PENDING", "Pending"
    POSTED = "POSTED", "Posted"
    VOID = "VOID", "Void"


class PurchaseOrder(models.Model):
    """What a vendor is expected to deliver; the number is its transaction ID (PO-60000). Opening it makes the lots."""

    number = models.CharField(max_length=30, unique=True, verbose_name="purchase order")
    vendor = models.CharField(max_length=120)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ordered_on = models.DateField(verbose_name="date")
    reference = models.CharField(max_length=200, blank=True, verbose_name="ref #(s)")
    # The number of the sales order that asked for it; its lots name it as their parent.
    parent_order = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=7, choices=DocumentStatus.choices, default=DocumentStatus.PENDING)
    opened_at = models.DateTimeField(null=True, blank=True, verbose_name="opened")
    closed_at = models.DateTimeField(null=True, blank=True, verbose_name="closed")

    class Meta:
        verbose_name = "purchase order"
        ordering = ("-pk",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["PENDING", "VOID"]) | models.Q(opened_at__isnull=False),
                name="purchase_order_open_has_a_moment",
            )
        ]
        indexes = [models.Index(fields=["parent_order"], name="purchase_orders_of_an_order")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("lots:purchase_order", args=[self.pk])


class PurchaseOrderLine(models.Model):
    """One code of a purchase order. Received and purchased figures stand on its lot, which opening the order makes.

    A quantity of 0 was taken off the order, and is still named by documents that are void.
    """

    purchase_order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="lines")
    position = models.IntegerField()
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="+")
    quantity = QuantityField()
    unit_cost = UnitCostField(verbose_name="unit cost")
    lot = models.OneToOneField(
        InventoryLot, on_delete=models.PROTECT, null=True, blank=True, related_name="purchase_order_line"
    )

    class Meta:
        verbose_name = "purchase order line"
        ordering = ("purchase_order", "position", "pk")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0, unit_cost__gte=0), name="purchase_order_line_quantity_and_cost"
            )
        ]

    def __str__(self) -> str:
        return f"{self.purchase_order_id}/{self.position}"


class Receipt(models.Model):
    """An incoming shipment against a purchase order, or an outgoing return to its vendor (SHIP-60000)."""

    class Kind(models.TextChoices):
        INCOMING = "INCOMING", "Incoming Shipment"
        OUTGOING_RETURN = "OUTGOING_RETURN", "Outgoing Return"

    number = models.CharField(max_length=30, unique=True, verbose_name="shipment")
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.INCOMING)
    purchase_order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="receipts")
    received_at = models.DateTimeField(verbose_name="date")
    reference = models.CharField(max_length=200, blank=True, verbose_name="ref #(s)")
    # Of a return: the vendor sends other goods instead, so they are on order again.
    is_replacement_expected = models.BooleanField(default=False, verbose_name="replacement expected")
    status = models.CharField(max_length=7, choices=PostingStatus.choices, default=PostingStatus.PENDING)

    class Meta:
        verbose_name = "incoming shipment"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("lots:receipt", args=[self.pk])


class ReceiptLine(models.Model):
    """Units received (or returned) of one purchase order line; one line per manufacturer lot."""

    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="lines")
    position = models.IntegerField()
    purchase_order_line = models.ForeignKey(PurchaseOrderLine, on_delete=models.PROTECT, related_name="receipt_lines")
    quantity = QuantityField()
    # Of a return: how much the lot no longer held, which became usage against other lots.
    quantity_short = QuantityField(default=0)
    manufacturer_lot = models.CharField(max_length=60, blank=True)
    serials = models.TextField(blank=True, help_text="One per line.")

    class Meta:
        verbose_name = "incoming shipment line"
        ordering = ("receipt", "position", "pk")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0, quantity_short__gte=0, quantity_short__lte=models.F("quantity")),
                name="receipt_line_quantity_positive",
            )
        ]

    def __str__(self) -> str:
        return f"{self.receipt_id}/{self.position}"


class Purchase(models.Model):
    """A vendor invoice (PUR-60000): what hits accounts payable. Negative lines are credits for returned goods."""

    class FreightBy(models.TextChoices):
        VALUE = "VALUE", "Value"
        QUANTITY = "QUANTITY", "Quantity"
        WEIGHT = "WEIGHT", "Weight"

    number = models.CharField(max_length=30, unique=True, verbose_name="purchase")
    vendor = models.CharField(max_length=120)
    invoice_number = models.CharField(max_length=60, blank=True)
    invoiced_at = models.DateTimeField(verbose_name="date")
    freight = MoneyField(default=0, verbose_name="total freight charge")
    freight_by = models.CharField(
        max_length=8, choices=FreightBy.choices, default=FreightBy.VALUE, verbose_name="allocate by"
    )
    status = models.CharField(max_length=7, choices=PostingStatus.choices, default=PostingStatus.PENDING)

    class Meta:
        verbose_name = "purchase"
        ordering = ("-pk",)
        constraints = [models.CheckConstraint(condition=models.Q(freight__gte=0), name="purchase_freight_not_negative")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("lots:purchase", args=[self.pk])


class PurchaseLine(models.Model):
    """What was billed of one purchase order line, and its share of the freight. A freight bill has no quantities."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="lines")
    position = models.IntegerField()
    purchase_order_line = models.ForeignKey(PurchaseOrderLine, on_delete=models.PROTECT, related_name="purchase_lines")
    quantity = QuantityField(default=0)
    value = MoneyField(default=0)
    freight = MoneyField(default=0)

    class Meta:
        verbose_name = "purchase line"
        ordering = ("purchase", "position", "pk")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0, value__gte=0, freight__gte=0)
                | models.Q(quantity__lte=0, value__lte=0, freight=0),
                name="purchase_line_quantity_and_value_agree_in_sign",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id}/{self.position}"
