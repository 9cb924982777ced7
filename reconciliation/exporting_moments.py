"""How moments are written in files for machines, in SQL."""

from typing import Final

# What the import reads back as the same moment; fractions of a second only where there are some.
MOMENT: Final = (
    "to_char({0} AT TIME ZONE 'UTC', CASE WHEN extract(microseconds FROM {0})::bigint % 1000000 = 0"
    " THEN 'YYYY-MM-DD HH24:MI:SS' ELSE 'YYYY-MM-DD HH24:MI:SS.US' END)"
)
