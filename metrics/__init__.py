"""Metrics, the check of a prediction file, and the scorer program that runs both in a sandbox.

Imports no room and no framework. `catalogue`, `scoring_spec`, `complaints` and `bundle` need the standard
library only, so the site may import them; numpy and scikit-learn are imported by the scorer alone, and only
by the metrics that need them.
"""
