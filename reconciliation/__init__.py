"""What usage cost: the allocation engine, runs, and the pages that need all three apps."""
