"""What the site kit keeps: the counters that document numbers come from, and the forms that were sent; and the rule for
append-only tables.
"""

import pgtrigger
from django.db import models
from django.db.models.functions import Now


def append_only(name: str) -> list[pgtrigger.Trigger]:
    """Triggers that make the database itself refuse to update, delete or truncate a table of facts."""
    return [
        pgtrigger.Trigger(
            name=f"{name}_append_only",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
            func="RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP"
            " USING ERRCODE = 'restrict_violation';",
        )
    ]


class NumberSequence(models.Model):
    """The last number given out, per kind of document; read and raised under its row lock."""

    kind = models.CharField(max_length=30, primary_key=True)
    last_number = models.BigIntegerField()

    class Meta:
        verbose_name = "number sequence"

    def __str__(self) -> str:
        return f"{self.kind}: {self.last_number}"


class SentForm(models.Model):
    """A form that made a record. Each page with a form to make one has a token, so that sent twice it makes one."""

    token = models.UUIDField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    # What was made, in the words of its page, and its address.
    made = models.CharField(max_length=120)
    url = models.CharField(max_length=200)

    class Meta:
        verbose_name = "sent form"

    def __str__(self) -> str:
        return f"{self.token}: {self.made}"
