"""The demo data: the guides' own figures, and a small company around them.

Pure; `seed_demo` imports what this makes.
"""
