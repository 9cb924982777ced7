"""Tests of the allocation engine: no database, no Django, so that they run wherever Python does."""
