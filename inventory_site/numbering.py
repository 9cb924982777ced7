"""Document numbers from a locked counter row: plain five-digit sequences per kind, as in the guides (60001, ...)."""

from django.db import connection

FIRST_NUMBER = 60000


def next_numbers(kind: str, count: int = 1) -> range:
    """Reserve `count` numbers of a kind, in one statement; the row lock holds until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inventory_site_numbersequence (kind, last_number) VALUES (%(kind)s, %(first)s)"
            " ON CONFLICT (kind) DO UPDATE SET last_number = inventory_site_numbersequence.last_number + %(count)s"
            " RETURNING last_number",
            {"kind": kind, "first": FIRST_NUMBER + count - 1, "count": count},
        )
        last: int = cursor.fetchone()[0]
    return range(last - count + 1, last + 1)


def continue_after(kind: str, number: int) -> None:
    """Give out only higher numbers from now on: records that came from elsewhere brought theirs along."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inventory_site_numbersequence (kind, last_number) VALUES (%(kind)s, %(number)s)"
            " ON CONFLICT (kind) DO UPDATE"
            " SET last_number = greatest(inventory_site_numbersequence.last_number, excluded.last_number)",
            {"kind": kind, "number": number},
        )
