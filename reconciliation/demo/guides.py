"""The guides' own figures, as rows in the import format. Sources are named beside the rows.

Of all demo usage only those of the first list stay open after the run ("Understanding Unallocated Inventory Usage"):
totals 1,120 / 3,788.80 / 1,110 / 2,988.90.
"""

from reconciliation.demo.rows import Rows

# "Understanding Unallocated Inventory Usage": codes, rows and figures as printed; estimates follow from them.
UNALLOCATED = Rows(
    items=[
        ("16G-W", "16 Gauge Copper Wire", "1.99"),
        ("TB-LIT102", "The Complete Works of Shakespeare", "79.99"),
        ("TM-FRNCH3", "J'Apprends: I Learn French Teacher's Manual", "74.99"),
    ],
    lots=[
        # The half-allocated row needs a lot that paid for its first ten.
        ("40001", "TB-LIT102", "AI", "2022-07-01 09:00:00", "10", "799.90", "PO-20001"),
    ],
    usage=[
        ("60000", "16G-W", "AI", "2022-07-18 10:00:00", "1000", "SHIP-60000", "60007", "Order #60007", ""),
        ("60002", "16G-W", "AI", "2022-07-18 10:05:00", "100", "SHIP-60000", "60010", "Order #60010", ""),
        ("60003", "TM-FRNCH3", "AI", "2022-07-18 11:30:00", "50", "SHIP-60002", "60011", "Order #60011", ""),
        ("60009", "TB-LIT102", "AI", "2022-07-20 14:00:00", "20", "SHIP-60021", "60029", "Order #60029", ""),
        ("60030", "TM-FRNCH3", "", "2022-07-21 09:00:00", "75", "INVTRYADJ-60001", "", "", ""),
        ("60031", "TM-FRNCH3", "", "2022-07-21 09:10:00", "-125", "INVTRYADJ-60002", "", "", ""),
    ],
)

# "Understanding the Inventory Give-Back Loop": one lot of ten, all of it used before the loop begins.
GIVE_BACK_BEFORE = Rows(
    items=[("Tech-003a", "Tablet, 10-inch, Classroom Edition", "189.00")],
    lots=[("40002", "Tech-003a", "AI", "2022-06-01 09:00:00", "10", "1890.00", "PO-20002")],
    usage=[("59990", "Tech-003a", "AI", "2022-06-15 10:00:00", "10", "SHIP-59990", "59990", "Order #59990", "")],
)
GIVE_BACK_LOOP = Rows(
    usage=[
        ("59991", "Tech-003a", "AI", "2022-07-05 10:00:00", "50", "SHIP-59991", "59991", "Order #59991", ""),
        ("59992", "Tech-003a", "AI", "2022-07-08 16:00:00", "-50", "SHIP-59992", "59991", "Order #59991", ""),
    ],
)

# "Understanding the COGS Reconciliation Process": ten textbooks received at 29.99, ten shipped, 299.90.
WALK_THROUGH = Rows(
    items=[("TB-MTH101", "Algebra I, Student Edition", "29.99")],
    lots=[("40003", "TB-MTH101", "AI", "2022-05-02 09:00:00", "10", "299.90", "PO-20003")],
    usage=[("59980", "TB-MTH101", "AI", "2022-05-09 13:00:00", "10", "SHIP-59980", "59980", "Order #59980", "")],
)
