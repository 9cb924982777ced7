"""The site kit and the composition root: settings, addresses, Celery, and what every list page shares.

Imports none of the three business apps; settings.py, urls.py and celery.py name them by dotted string only.
"""

from inventory_site.celery import app as celery_app

__all__ = ["celery_app"]
