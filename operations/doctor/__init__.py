"""Finding what should not be, saying what to do about it, and mending what can be mended: `manage.py doctor`."""
