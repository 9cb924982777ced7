"""The admin of this app; also that of people and their groups, because the roles are defined here."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from inventory_site.models import NumberSequence, SentForm
from lots.admin import ReadOnlyAdmin
from reconciliation.models import (
    CogsAllocation,
    ImportFile,
    ImportJob,
    JournalEntry,
    JournalLine,
    LedgerCheck,
    ReconciliationRun,
    RunLogLine,
    RunPool,
)
from reconciliation.roles import ADMINISTRATORS, ROLES

if TYPE_CHECKING:
    AnyUserAdmin = UserAdmin[User]
else:
    AnyUserAdmin = UserAdmin

admin.site.site_header = admin.site.site_title = "Lotwise administration"
admin.site.index_title = "Records"
admin.site.site_url = "/"
# A side bar of every record on every page is one more thing to load; the menu of the site leads back.
admin.site.enable_nav_sidebar = False


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "trigger", "requested_by", "started_at", "finished_at", "pools", "usages", "amount")
    list_filter = ("state", "trigger")
    list_select_related = ("requested_by",)


@admin.register(RunPool)
class RunPoolAdmin(ReadOnlyAdmin):
    list_display = ("id", "run", "pool", "state", "attempts", "usages", "passes", "allocations", "amount")
    list_filter = ("state",)
    list_select_related = ("run", "pool__code", "pool__office")
    search_fields = ("=pool__code__code",)
    sortable_by = ("id",)


@admin.register(RunLogLine)
class RunLogLineAdmin(ReadOnlyAdmin):
    list_display = ("id", "run", "at", "level", "message")
    list_filter = ("level",)
    list_select_related = ("run",)
    search_fields = ("message",)
    sortable_by = ("id",)


@admin.register(CogsAllocation)
class CogsAllocationAdmin(ReadOnlyAdmin):
    list_display = ("id", "run", "usage", "lot", "kind", "quantity", "amount")
    list_select_related = ("run", "usage", "lot")
    search_fields = ("=usage__number", "=lot__number")
    sortable_by = ("id",)


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "date", "kind", "run", "posted_at", "text")
    list_filter = ("kind",)
    list_select_related = ("run",)
    search_fields = ("=id",)
    sortable_by = ("id", "date")


@admin.register(JournalLine)
class JournalLineAdmin(ReadOnlyAdmin):
    list_display = ("id", "entry", "debit_account", "credit_account", "amount", "kind", "code", "source_number")
    list_select_related = ("entry", "debit_account", "credit_account", "code")
    search_fields = ("=usage__number", "=lot__number")
    sortable_by = ("id",)


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "is_ok", "seconds")
    list_select_related = ("by",)


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "uploaded_by", "uploaded_at", "finished_at", "error_count")
    list_filter = ("state",)
    list_select_related = ("uploaded_by",)


@admin.register(ImportFile)
class ImportFileAdmin(ReadOnlyAdmin):
    list_display = ("id", "job", "kind", "original_name", "rows", "error_count")
    list_select_related = ("job",)


@admin.register(NumberSequence)
class NumberSequenceAdmin(ReadOnlyAdmin):
    list_display = ("kind", "last_number")


@admin.register(SentForm)
class SentFormAdmin(ReadOnlyAdmin):
    list_display = ("token", "at", "made", "url")


# -- People and groups -------------------------------------------------------------------------------
admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(AnyUserAdmin):
    """People get their rights by role. Only a superuser hands out single rights or makes another superuser."""

    list_display = ("username", "first_name", "last_name", "email", "is_active", "last_login")
    list_filter = ("is_active", "groups")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """What people did names them for ever; make them inactive instead."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("is_superuser", "user_permissions", "last_login", "date_joined")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save; whoever became an administrator may enter the admin, as the role says."""
        super().save_related(request, form, formsets, change)
        person: User = form.instance
        if not person.is_staff and person.groups.filter(name=ADMINISTRATORS).exists():
            person.is_staff = True
            person.save(update_fields=["is_staff"])


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Groups of one's own are free; the four roles are what `reconciliation.roles` says, on every copy."""

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return not (obj is not None and obj.name in ROLES) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return not (obj is not None and obj.name in ROLES) and super().has_delete_permission(request, obj)
