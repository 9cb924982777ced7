"""Addresses of jobs."""

from django.urls import path

from usage.views import job_actions, jobs

urlpatterns = [
    path("production/jobs/", jobs.JobListView.as_view(), name="jobs"),
    path("production/jobs/new/", job_actions.JobCreateView.as_view(), name="job_create"),
    path("production/jobs/<int:pk>/", jobs.JobDetailView.as_view(), name="job"),
    path("production/jobs/<int:pk>/edit/", job_actions.JobEditView.as_view(), name="job_edit"),
    path("production/jobs/<int:pk>/open/", job_actions.JobOpenView.as_view(), name="job_open"),
    path("production/jobs/<int:pk>/consume/", job_actions.JobConsumeView.as_view(), name="job_consume"),
    path("production/jobs/<int:pk>/produce/", job_actions.JobProduceView.as_view(), name="job_produce"),
    path("production/jobs/<int:pk>/cost/", job_actions.JobCostAddView.as_view(), name="job_cost_add"),
    path("production/costs/<int:pk>/void/", job_actions.JobCostVoidView.as_view(), name="job_cost_void"),
    path("production/jobs/<int:pk>/close/", job_actions.JobCloseView.as_view(), name="job_close"),
    path("production/jobs/<int:pk>/reopen/", job_actions.JobReopenView.as_view(), name="job_reopen"),
    path("production/jobs/<int:pk>/void/", job_actions.JobVoidView.as_view(), name="job_void"),
    path("production/outputs/<int:pk>/void/", job_actions.JobOutputVoidView.as_view(), name="job_output_void"),
]
