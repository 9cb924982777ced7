"""What we own and how it comes in: line item codes, cost pools, inventory lots, and the quantity ledger.

Knows nothing of usage or reconciliation; what consumes a lot, and what it cost, lives above.
"""
