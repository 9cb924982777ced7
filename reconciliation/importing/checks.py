"""What only all rows together, and the records that are there, can tell: doubles, references, sums. All in SQL.

Every check selects (row, column, value, message) of the rows that break it; rows with a bad cell are left out where
the missing cell would be blamed twice.
"""

from datetime import datetime
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper

from reconciliation.importing.columns import ITEMS, KEYS, KINDS, LOTS, USAGE
from reconciliation.importing.problems import PROBLEMS_KEPT, Problem, Problems, shown

# Which identifiers a file has more than once, and where each stands first: usually none.
_AGAIN = """
CREATE TEMPORARY TABLE import_{kind}_again ON COMMIT DROP AS
SELECT "{key}", min(row) AS row FROM import_{kind} WHERE "{key}" IS NOT NULL GROUP BY "{key}" HAVING count(*) > 1;
ANALYZE import_{kind}_again;
"""

# The records that are there already, each with the columns in which the row says something else. A lot is compared as
# it was recorded: what adjustments added to it since is not in its file.
_PRESENT = {
    ITEMS: """
CREATE TEMPORARY TABLE import_items_present ON COMMIT DROP AS
SELECT staged.row, present.id, array_remove(ARRAY[
    CASE WHEN staged.description <> present.description THEN 'description' END,
    CASE WHEN staged.est_unit_cost <> present.est_unit_cost THEN 'est_unit_cost' END], NULL) AS differs
FROM import_items AS staged JOIN lots_lineitemcode AS present ON present.code = staged.code
""",
    LOTS: """
CREATE TEMPORARY TABLE import_lots_present ON COMMIT DROP AS
SELECT staged.row, present.id, array_remove(ARRAY[
    CASE WHEN staged.code <> code.code THEN 'code' END,
    CASE WHEN staged.office <> coalesce(office.code, '') THEN 'office' END,
    CASE WHEN staged.received_at IS DISTINCT FROM coalesce(opening.at, present.first_received_at)
        THEN 'received_at' END,
    CASE WHEN staged.quantity <> coalesce(opening.quantity, present.quantity_received) THEN 'quantity' END,
    CASE WHEN staged.value <> coalesce(opening.value, present.value) THEN 'value' END,
    CASE WHEN staged.source <> present.source_number THEN 'source' END], NULL) AS differs
FROM import_lots AS staged JOIN lots_inventorylot AS present ON present.number = staged.lot
JOIN lots_lineitemcode AS code ON code.id = present.code_id
LEFT JOIN lots_office AS office ON office.id = present.office_id
LEFT JOIN LATERAL (
    SELECT event.* FROM lots_lotcostevent AS event WHERE event.lot_id = present.id ORDER BY event.id LIMIT 1
) AS opening ON opening.kind = 'OPENING'
""",
    USAGE: """
CREATE TEMPORARY TABLE import_usage_present ON COMMIT DROP AS
SELECT staged.row, present.id, array_remove(ARRAY[
    CASE WHEN staged.code <> code.code THEN 'code' END,
    CASE WHEN staged.office <> coalesce(office.code, '') THEN 'office' END,
    CASE WHEN staged.used_at <> present.used_at THEN 'used_at' END,
    CASE WHEN staged.quantity <> present.quantity THEN 'quantity' END,
    CASE WHEN staged.transaction_id <> present.source_number THEN 'transaction_id' END,
    CASE WHEN staged."order" <> present."order" THEN 'order' END,
    CASE WHEN staged.reference <> present.reference THEN 'reference' END,
    CASE WHEN staged.returns <> coalesce(original.number, '') THEN 'returns' END], NULL) AS differs
FROM import_usage AS staged JOIN usage_inventoryusage AS present ON present.number = staged.usage
JOIN lots_lineitemcode AS code ON code.id = present.code_id
LEFT JOIN lots_office AS office ON office.id = present.office_id
LEFT JOIN usage_inventoryusage AS original ON original.id = present.original_id;
ANALYZE import_usage_present;
WITH restriction AS (
    SELECT present.row, array_agg(lot.number::text ORDER BY lot.number COLLATE "C") AS lots
    FROM import_usage_present AS present
    JOIN usage_usagelotrestriction AS allowed ON allowed.usage_id = present.id
    JOIN lots_inventorylot AS lot ON lot.id = allowed.lot_id
    GROUP BY present.row)
UPDATE import_usage_present AS present SET differs = present.differs || 'only_lots'::text
FROM import_usage AS staged LEFT JOIN restriction ON restriction.row = staged.row
WHERE staged.row = present.row AND staged.only_lots <> coalesce(restriction.lots, ARRAY[]::text[])
""",
}
# Compared with the row where the identifier stands first.
_COMPARED = {
    ITEMS: "description, est_unit_cost",
    LOTS: "code, office, received_at, quantity, value, source",
    USAGE: 'code, office, used_at, quantity, transaction_id, "order", reference, returns, only_lots',
}


class Check(NamedTuple):
    """One question about the rows of a kind."""

    kind: str
    statement: str


def _doubled_in_file(kind: str) -> Check:
    key, columns = KEYS[kind], _COMPARED[kind]
    later, first = (", ".join(f"{side}.{name.strip()}" for name in columns.split(",")) for side in ("later", "first"))
    return Check(
        kind,
        f"""SELECT later.row, '{key}', later."{key}", 'stands on row ' || first.row || ' too, with other content.'
        FROM import_{kind}_again AS again
        JOIN import_{kind} AS first ON first.row = again.row
        JOIN import_{kind} AS later ON later."{key}" = again."{key}" AND later.row > again.row
        WHERE NOT first.is_bad AND NOT later.is_bad AND ({later}) IS DISTINCT FROM ({first})""",  # noqa: S608  (our own names)
    )


def _differs_from_present(kind: str) -> Check:
    key = KEYS[kind]
    return Check(
        kind,
        f"""SELECT staged.row, '{key}', staged."{key}",
            'is recorded already, with another ' || array_to_string(present.differs, ', ') || '.'
        FROM import_{kind}_present AS present JOIN import_{kind} AS staged ON staged.row = present.row
        WHERE present.differs <> '{{}}' AND NOT staged.is_bad""",  # noqa: S608  (our own names)
    )


def _unknown_code(kind: str) -> Check:
    return Check(
        kind,
        f"""SELECT staged.row, 'code', staged.code, 'is not a known code, nor one of the items file.'
        FROM import_{kind} AS staged
        WHERE staged.code IS NOT NULL
            AND NOT EXISTS (SELECT FROM import_items AS item WHERE item.code = staged.code)
            AND NOT EXISTS (SELECT FROM lots_lineitemcode AS known WHERE known.code = staged.code)""",  # noqa: S608  (our own names)
    )


def _not_yet(kind: str, column: str) -> Check:
    # As `why_not_yet` says of documents: a day ahead may be a clock or a zone.
    return Check(
        kind,
        f"""SELECT row, '{column}', to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
            'lies in the future: enter the day on which it happened.'
        FROM import_{kind} WHERE {column} > now() + interval '1 day'""",  # noqa: S608  (our own names)
    )


_RETURNS = Check(
    USAGE,
    """SELECT DISTINCT staged.row, 'returns', staged.returns, CASE
        WHEN target.usage IS NULL AND known.id IS NULL THEN 'is no known usage, nor one of this file.'
        ELSE 'is a usage of another code (' || coalesce(code.code, target.code) || ').' END
    FROM import_usage AS staged
    LEFT JOIN import_usage AS target ON target.usage = staged.returns
    LEFT JOIN usage_inventoryusage AS known ON known.number = staged.returns
    LEFT JOIN lots_lineitemcode AS code ON code.id = known.code_id
    WHERE staged.returns <> '' AND staged.returns IS DISTINCT FROM staged.usage
        AND (target.usage IS NULL AND known.id IS NULL OR coalesce(code.code, target.code) <> staged.code)""",
)
_ONLY_LOTS = Check(
    USAGE,
    """SELECT DISTINCT staged.row, 'only_lots', wanted.lot, CASE
        WHEN target.lot IS NULL AND known.id IS NULL THEN 'is no known lot, nor one of the lots file.'
        ELSE 'is a lot of another code (' || coalesce(code.code, target.code) || ').' END
    FROM import_usage AS staged
    CROSS JOIN LATERAL unnest(staged.only_lots) AS wanted(lot)
    LEFT JOIN import_lots AS target ON target.lot = wanted.lot
    LEFT JOIN lots_inventorylot AS known ON known.number = wanted.lot
    LEFT JOIN lots_lineitemcode AS code ON code.id = known.code_id
    WHERE staged.only_lots <> '{}'
        AND (target.lot IS NULL AND known.id IS NULL OR coalesce(code.code, target.code) <> staged.code)""",
)

# What a cost pool adds up must fit its columns. Per code, so that the answer needs no pools yet.
_LOT_SUMS = Check(
    LOTS,
    """WITH sums AS (
        SELECT code, sum(quantity) AS quantity, sum(value) AS value FROM import_lots
        WHERE row NOT IN (SELECT row FROM import_lots_present) GROUP BY code),
    present AS (
        SELECT code.code, sum(pool.quantity_received) AS quantity, sum(pool.value_received) AS value
        FROM sums JOIN lots_lineitemcode AS code ON code.code = sums.code
        JOIN lots_costpool AS pool ON pool.code_id = code.id GROUP BY code.code),
    broken AS (
        SELECT sums.code, CASE WHEN sums.quantity + coalesce(present.quantity, 0) >= 1e12 THEN 'quantity'
            WHEN sums.value + coalesce(present.value, 0) >= 1e16 THEN 'value' END AS what
        FROM sums LEFT JOIN present ON present.code = sums.code)
    SELECT DISTINCT ON (broken.code) staged.row, broken.what,
        CASE broken.what WHEN 'value' THEN staged.value ELSE staged.quantity END::text,
        'is too large: all lots of ' || broken.code || ' together would hold more than can be recorded.'
    FROM broken JOIN import_lots AS staged ON staged.code = broken.code
    WHERE broken.what IS NOT NULL
    ORDER BY broken.code, CASE broken.what WHEN 'value' THEN staged.value ELSE staged.quantity END DESC, staged.row""",
)
_USAGE_SUMS = Check(
    USAGE,
    """WITH sums AS (
        SELECT staged.code, sum(staged.quantity) AS net,
            sum(greatest(staged.quantity, 0)) AS positive, sum(least(staged.quantity, 0)) AS negative,
            sum(round(staged.quantity * coalesce(known.est_unit_cost, item.est_unit_cost, 0), 2)) AS accrued
        FROM import_usage AS staged
        LEFT JOIN lots_lineitemcode AS known ON known.code = staged.code
        LEFT JOIN import_items AS item ON item.code = staged.code
            AND item.row = coalesce((SELECT again.row FROM import_items_again AS again WHERE again.code = item.code),
                item.row)
        WHERE staged.row NOT IN (SELECT row FROM import_usage_present) GROUP BY staged.code),
    present AS (
        SELECT code.code, sum(pool.usage_quantity) AS net, sum(pool.open_quantity) AS open_net,
            sum(pool.open_unallocated_positive) AS positive, sum(pool.open_unallocated_negative) AS negative,
            sum(pool.open_accrued_cogs) AS accrued
        FROM sums JOIN lots_lineitemcode AS code ON code.code = sums.code
        JOIN lots_costpool AS pool ON pool.code_id = code.id GROUP BY code.code),
    broken AS (
        SELECT sums.code FROM sums LEFT JOIN present ON present.code = sums.code
        WHERE abs(sums.net + coalesce(present.net, 0)) >= 1e12 OR abs(sums.net + coalesce(present.open_net, 0)) >= 1e12
            OR sums.positive + coalesce(present.positive, 0) >= 1e12
            OR sums.negative + coalesce(present.negative, 0) <= -1e12
            OR abs(sums.accrued + coalesce(present.accrued, 0)) >= 1e16)
    SELECT DISTINCT ON (broken.code) staged.row, 'quantity', staged.quantity::text,
        'is too large: all usage of ' || broken.code || ' together, or its estimated cost, would be more than can be '
            || 'recorded.'
    FROM broken JOIN import_usage AS staged ON staged.code = broken.code
    ORDER BY broken.code, abs(staged.quantity) DESC, staged.row""",
)

CHECKS = (
    *(_doubled_in_file(kind) for kind in KINDS),
    *(_differs_from_present(kind) for kind in KINDS),
    _unknown_code(LOTS),
    _unknown_code(USAGE),
    _not_yet(LOTS, "received_at"),
    _not_yet(USAGE, "used_at"),
    _RETURNS,
    _ONLY_LOTS,
    _LOT_SUMS,
    _USAGE_SUMS,
)


def find_present(cursor: CursorWrapper) -> None:
    """Note which identifiers stand in a file more than once, and which are recorded already."""
    for kind in KINDS:
        cursor.execute(_AGAIN.format(kind=kind, key=KEYS[kind]))
        cursor.execute(f"{_PRESENT[kind]}; ANALYZE import_{kind}_present")


def check(cursor: CursorWrapper, *, names: dict[str, str], problems: Problems) -> None:
    """Ask every question; `names` are the files' names by kind."""
    for question in CHECKS:
        if question.kind not in names:
            continue
        cursor.execute(
            f"WITH found(row, what, value, message) AS ({question.statement})"  # noqa: S608  (our own constant text)
            " SELECT row, what, value, message, count(*) OVER () FROM found ORDER BY row, what, value LIMIT %s",
            [PROBLEMS_KEPT],
        )
        rows = cursor.fetchall()
        if rows:
            problems.add_many(
                kind=question.kind,
                count=rows[0][4],
                first=[
                    Problem(
                        question.kind, names[question.kind], row, column, shown(value), f'"{shown(value)}" {message}'
                    )
                    for row, column, value, message, _ in rows
                ],
            )


class RowCounts(NamedTuple):
    """How many rows are new, how many say again what is there already, and the earliest and latest of the new."""

    new: int
    present: int
    first_at: datetime | None
    last_at: datetime | None


# Items carry no date.
_DATES = {ITEMS: "NULL::timestamptz", LOTS: "staged.received_at", USAGE: "staged.used_at"}


def count_rows(cursor: CursorWrapper, kind: str) -> RowCounts:
    """Count the rows of a kind that have no bad cell."""
    key = KEYS[kind]
    cursor.execute(
        f"""SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new),
            min(at) FILTER (WHERE is_new), max(at) FILTER (WHERE is_new)
        FROM (
            SELECT present.row IS NULL AND (again.row IS NULL OR again.row = staged.row) AS is_new,
                {_DATES[kind]} AS at
            FROM import_{kind} AS staged
            LEFT JOIN import_{kind}_present AS present ON present.row = staged.row
            LEFT JOIN import_{kind}_again AS again ON again."{key}" = staged."{key}"
            WHERE NOT staged.is_bad) AS counted"""  # noqa: S608  (our own names)
    )
    return RowCounts(*cursor.fetchone())
