"""The manners of the public API, the same in every room: errors, pages, filters, throttles, its description.

Imports no room; every room's api module imports it.
"""
