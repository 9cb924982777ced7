"""Pages of this app, a file a record: which rows, which columns, which figures. Nothing is decided here."""

from lots.views.codes import CodeCreateView, CodeDetailView, CodeListView, CodesFindView
from lots.views.history import HistoryView
from lots.views.lots import LotDetailView, LotListView
from lots.views.offices import OfficeCreateView, OfficeDetailView, OfficeEditView, OfficeListView
from lots.views.transactions import TransactionDetailView, TransactionListView

__all__ = [
    "CodeCreateView",
    "CodeDetailView",
    "CodeListView",
    "CodesFindView",
    "HistoryView",
    "LotDetailView",
    "LotListView",
    "OfficeCreateView",
    "OfficeDetailView",
    "OfficeEditView",
    "OfficeListView",
    "TransactionDetailView",
    "TransactionListView",
]
