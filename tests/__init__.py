"""The suite. Fixtures and how to use them: see the top of conftest.py."""
