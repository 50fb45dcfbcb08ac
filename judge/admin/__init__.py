"""The administration's pages about judging: submissions and checks for organisers, runs and jobs for operators."""

from __future__ import annotations

from judge.admin import checks, pools, runs, submissions

__all__ = ["checks", "pools", "runs", "submissions"]
