"""Submissions in the public API, and what organisers have judged: checks, trials, rejudges, usage."""
