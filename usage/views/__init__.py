"""Pages of this app, a file a record: which rows, which columns, which figures. Nothing is decided here."""

from usage.views.usages import SourceView, UsageDetailView, UsageListView

__all__ = ["SourceView", "UsageDetailView", "UsageListView"]
