"""What if codes were costed by the other method: two dry runs over the same records, side by side, code by code."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from inventory_site.fields import MONEY_STEP
from inventory_site.tables import BaseTable, CountColumn, GoToColumn, MoneyColumn, TextColumn
from lots.models import CostPool
from reconciliation.engine import CostMethod
from reconciliation.preview import Preview, preview_run


@dataclass(frozen=True)
class ComparedRow:
    """What a run would cost a code by each method; a pool that a run would set aside has no cost by that one."""

    code: str
    code_url: str
    office: str
    fifo: Decimal
    lifo: Decimal
    passes_fifo: int
    passes_lifo: int
    error: str

    @property
    def difference(self) -> Decimal:
        """What LIFO costs more than FIFO."""
        return self.lifo - self.fifo


class ComparedTable(BaseTable):
    """The rows are ComparedRow."""

    caption = "COGS by method, per code"

    code = GoToColumn("Code", kind="code", url=lambda row: row.code_url)
    office = TextColumn("Office")
    fifo = MoneyColumn("COGS by FIFO")
    lifo = MoneyColumn("COGS by LIFO")
    difference = MoneyColumn("LIFO less FIFO")
    passes_fifo = CountColumn("Passes, FIFO")
    passes_lifo = CountColumn("Passes, LIFO")
    error = TextColumn("Remark")

    def row_url(self, record: Any) -> str:
        return str(record.code_url)


@dataclass(frozen=True)
class Comparison:
    """All rows, the largest difference first, and their totals."""

    rows: tuple[ComparedRow, ...]

    @property
    def totals(self) -> Mapping[str, Decimal]:
        return {
            name: sum((getattr(row, name) for row in self.rows), Decimal(0)) for name in ("fifo", "lifo", "difference")
        }

    @property
    def codes_that_differ(self) -> int:
        return sum(1 for row in self.rows if row.difference)


def compare_methods(*, codes: Collection[str] | None = None) -> Comparison:
    """Plan what a run would do now by each method, writing nothing."""
    by_method = {method: _lines(preview_run(codes=codes, method=method)) for method in CostMethod}
    chosen = sorted({pool for lines in by_method.values() for pool in lines})
    pools = CostPool.objects.select_related("code", "office").in_bulk(chosen)
    rows = [_row(pools[pk], {method: lines.get(pk) for method, lines in by_method.items()}) for pk in pools]
    rows.sort(key=lambda row: (-abs(row.difference), row.code, row.office))
    return Comparison(tuple(rows))


def _lines(preview: Preview) -> dict[int, dict[str, Any]]:
    return {line["pool"]: line for line in preview.lines}


def _row(pool: CostPool, lines: Mapping[CostMethod, Mapping[str, Any] | None]) -> ComparedRow:
    def figure(method: CostMethod, name: str) -> int:
        line = lines[method]
        return 0 if line is None else int(line[name])

    return ComparedRow(
        code=pool.code.code,
        code_url=pool.code.get_absolute_url(),
        office=pool.office.code if pool.office else "",
        fifo=figure(CostMethod.FIFO, "amount") * MONEY_STEP,
        lifo=figure(CostMethod.LIFO, "amount") * MONEY_STEP,
        passes_fifo=figure(CostMethod.FIFO, "passes"),
        passes_lifo=figure(CostMethod.LIFO, "passes"),
        error=next((line["error"] for line in lines.values() if line and line["error"]), ""),
    )
