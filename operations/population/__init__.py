"""A site as a large contest leaves it, made up in minutes: for trials of size (`manage.py populate`)."""
