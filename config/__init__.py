"""Composition of the site. Importing it names the Celery application, so that bells go to the right broker."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
