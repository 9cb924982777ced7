"""The Celery app. Its settings stand in settings.py.

Messages are wake-ups only: the work list is rows in PostgreSQL.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_site.settings")

app = Celery("inventory_site")
# Read lazily, so that importing this package needs no settings (the launcher starts the servers first).
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
