"""Addresses of this app."""

from django.urls import path

from reconciliation import (
    account_views,
    explain_views,
    import_views,
    journal_views,
    period_views,
    preference_views,
    report_list_views,
    report_views,
    resolve_pending_views,
    resolve_selected_views,
    resolve_views,
    run_views,
    value_views,
    views,
)

app_name = "reconciliation"
urlpatterns = [
    path("reconciliation/runs/", run_views.RunListView.as_view(), name="runs"),
    path("reconciliation/runs/start/", run_views.RunStartView.as_view(), name="run_start"),
    path("reconciliation/runs/<int:pk>/", run_views.RunView.as_view(), name="run"),
    path("reconciliation/runs/<int:pk>/progress/", run_views.RunProgressView.as_view(), name="run_progress"),
    path("reconciliation/runs/<int:pk>/log/", run_views.RunLogView.as_view(), name="run_log"),
    path("reconciliation/runs/<int:pk>/cancel/", run_views.RunCancelView.as_view(), name="run_cancel"),
    path("reconciliation/runs/<int:pk>/retry/", run_views.RunRetryView.as_view(), name="run_retry"),
    path("reconciliation/runs/<int:pk>/codes/<int:row>/", run_views.RunCodeView.as_view(), name="run_code"),
    path("reconciliation/entries/", run_views.AllocationListView.as_view(), name="allocations"),
    path("reconciliation/dry-run/", views.PreviewView.as_view(), name="preview"),
    path("reconciliation/resolve/", resolve_views.ResolveListView.as_view(), name="resolve"),
    path(
        "reconciliation/resolve/selected/",
        resolve_selected_views.ResolveSelectedView.as_view(),
        name="resolve_selected",
    ),
    path("reconciliation/resolve/<int:pk>/", resolve_views.ResolveCodeView.as_view(), name="resolve_code"),
    path(
        "reconciliation/resolve/pending/<int:pk>/", resolve_pending_views.PendingCureView.as_view(), name="pending_cure"
    ),
    path(
        "reconciliation/resolve/<int:pk>/preview/", resolve_views.ResolvePreviewView.as_view(), name="resolve_preview"
    ),
    path("reconciliation/ledger-check/", views.LedgerCheckView.as_view(), name="ledger_check"),
    path(
        "reconciliation/ledger-check/progress/", views.LedgerCheckProgressView.as_view(), name="ledger_check_progress"
    ),
    path("accounting/journal/", journal_views.JournalListView.as_view(), name="journal"),
    path("accounting/journal/csv/", journal_views.JournalFileView.as_view(), name="journal_csv"),
    path("accounting/journal/<int:pk>/", journal_views.JournalEntryView.as_view(), name="journal_entry"),
    path("accounting/inventory-value/", value_views.InventoryValueView.as_view(), name="inventory_value"),
    path("accounting/books/", value_views.BooksTileView.as_view(), name="books_tile"),
    path("accounting/accrued-inventory/", report_list_views.AccruedInventoryView.as_view(), name="accrued_inventory"),
    path("accounting/cogs-by-month/", report_views.CogsByMonthView.as_view(), name="cogs_by_month"),
    path("accounting/estimated-lots/", report_list_views.EstimatedLotsView.as_view(), name="estimated_lots"),
    path("accounting/explain/usage/<int:pk>/", explain_views.ExplainUsageView.as_view(), name="explain_usage"),
    path("accounting/explain/lots/<int:pk>/", explain_views.ExplainLotView.as_view(), name="explain_lot"),
    path("accounting/accounts/", account_views.AccountListView.as_view(), name="accounts"),
    path("accounting/accounts/new/", account_views.AccountCreateView.as_view(), name="account_create"),
    path("accounting/accounts/<int:pk>/", account_views.AccountDetailView.as_view(), name="account"),
    path("accounting/accounts/<int:pk>/edit/", account_views.AccountEditView.as_view(), name="account_edit"),
    path("accounting/periods/", period_views.PeriodsView.as_view(), name="periods"),
    path("accounting/periods/close/", period_views.PeriodCloseView.as_view(), name="period_close"),
    path("accounting/periods/close-up-to/", period_views.PeriodsCloseView.as_view(), name="periods_close"),
    path("accounting/periods/reopen/", period_views.PeriodReopenView.as_view(), name="period_reopen"),
    path("accounting/accrue-cogs/", preference_views.AccrueCogsView.as_view(), name="accrue_cogs"),
    path("administration/preferences/", preference_views.PreferencesView.as_view(), name="preferences"),
    path("administration/import/", import_views.ImportView.as_view(), name="import"),
    path("administration/import/<int:pk>/", import_views.ImportJobView.as_view(), name="import_job"),
    path("administration/import/<int:pk>/start/", import_views.ImportStartView.as_view(), name="import_start"),
    path("administration/import/<int:pk>/discard/", import_views.ImportDiscardView.as_view(), name="import_discard"),
    path("administration/import/<int:pk>/progress/", import_views.ImportProgressView.as_view(), name="import_progress"),
    path("administration/import/<int:pk>/errors/", import_views.ImportErrorsView.as_view(), name="import_errors"),
    path(
        "administration/import/template/<str:kind>/", import_views.ImportTemplateView.as_view(), name="import_template"
    ),
]
