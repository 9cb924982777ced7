"""What we consumed or got back, and what of it is still unallocated.

Builds on lots; knows nothing of reconciliation.
"""
