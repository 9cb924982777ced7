"""What an invariant is to the ledger check: a name, a title for people, and the statement that finds its culprits."""

from typing import NamedTuple


class Check(NamedTuple):
    """One invariant. The statement selects (what, detail) of every record that breaks it."""

    name: str
    title: str
    statement: str
