"""The administration's pages about contests. `scoping` says who sees what; a file for each kind of page."""

from __future__ import annotations

from contests.admin import contest, people, starters, task

__all__ = ["contest", "people", "starters", "task"]
