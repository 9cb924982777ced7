"""One file a record; this module is the public list."""

from reconciliation.models.allocations import CogsAllocation
from reconciliation.models.checks import LedgerCheck
from reconciliation.models.imports import ImportFile, ImportJob
from reconciliation.models.journal import JournalEntry, JournalLine
from reconciliation.models.journal_postings import JournalPosting
from reconciliation.models.journal_sums import JournalEntryToSum, JournalMonth, JournalSum
from reconciliation.models.runs import ReconciliationRun, RunLogLine, RunPool

__all__ = [
    "CogsAllocation",
    "ImportFile",
    "ImportJob",
    "JournalEntry",
    "JournalEntryToSum",
    "JournalLine",
    "JournalMonth",
    "JournalPosting",
    "JournalSum",
    "LedgerCheck",
    "ReconciliationRun",
    "RunLogLine",
    "RunPool",
]
