"""What sample submissions there are, and what has to come of each."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from django.utils.translation import gettext_noop as _

from operations.datasets import ContestFiles, linear_predictions
from runners.verdict import Verdict

_HERE = Path(__file__).resolve().parent
PREDICTIONS, SCRIPT, NOTEBOOK = "predictions", "script", "notebook"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample. `title` and `description` are English message ids: show them through gettext().

    `expected_score` is the worst public score that still counts as working, in the contest's own direction;
    None where no score is expected.
    """

    contest: str  # slug
    file: str  # the name a contestant would upload
    kind: str  # PREDICTIONS, SCRIPT or NOTEBOOK
    environment: str  # name of the environment it needs; "" for predictions
    title: str
    description: str
    verdict: Verdict
    expected_score: float | None
    starter: bool = True  # shown as starter code on the contest's page
    baseline: bool = False  # judged at every check of the contest

    @property
    def path(self) -> Path | None:
        """The program's own file; None for predictions, which are made from the contest's data."""
        return None if self.kind == PREDICTIONS else _HERE / self.contest / self.file

    def content(self, files: ContestFiles) -> bytes:
        """What is uploaded. `files` are those of the sample's contest."""
        return self.path.read_bytes() if self.path is not None else linear_predictions(files)


# In the order in which a demo submits them: quick ones first, so that boards fill early.
SAMPLES: tuple[Sample, ...] = (
    Sample(
        contest="digits",
        file="numpy_two_layer.py",
        kind=SCRIPT,
        environment="python",
        title=_("Two-layer neural network in plain NumPy"),
        description=_(
            "Forward pass, backward pass and gradient descent written out: the best file to begin with."
        ),
        verdict=Verdict.SCORED,
        expected_score=0.92,
        baseline=True,
    ),
    Sample(
        contest="diabetes",
        file="predictions.csv",
        kind=PREDICTIONS,
        environment="",
        title=_("A file of predictions"),
        description=_("One row per test patient, computed elsewhere: here by a linear fit. It needs no run."),
        verdict=Verdict.SCORED,
        expected_score=62.0,
        starter=False,
    ),
    Sample(
        contest="diabetes",
        file="ridge.py",
        kind=SCRIPT,
        environment="python",
        title=_("Ridge regression with scikit-learn"),
        description=_("Compares two linear models by cross-validation and predicts with the better one."),
        verdict=Verdict.SCORED,
        expected_score=62.0,
        baseline=True,
    ),
    Sample(
        contest="breast-cancer",
        file="logistic.ipynb",
        kind=NOTEBOOK,
        environment="python",
        title=_("Logistic regression, step by step"),
        description=_("A notebook with plots: look at the data, choose a model, ask whether to trust it."),
        verdict=Verdict.SCORED,
        expected_score=0.08,
        baseline=True,
    ),
    Sample(
        contest="breast-cancer",
        file="random_forest.py",
        kind=SCRIPT,
        environment="python",
        title=_("Random forest with scikit-learn"),
        description=_("Compares a forest's votes with calibrated ones and predicts with the better ones."),
        verdict=Verdict.SCORED,
        expected_score=0.2,
    ),
    Sample(
        contest="digits",
        file="fails.py",
        kind=SCRIPT,
        environment="python",
        title=_("A script with a mistake"),
        description=_(
            "Fails on purpose, to show what a failed submission looks like and how to read its log."
        ),
        verdict=Verdict.RUNTIME_ERROR,
        expected_score=None,
        starter=False,
    ),
    Sample(
        contest="digits",
        file="torch_cnn.py",
        kind=SCRIPT,
        environment="torch",
        title=_("Convolutional network in PyTorch"),
        description=_("Two convolutions and two linear layers; images are shifted while learning."),
        verdict=Verdict.SCORED,
        expected_score=0.95,
    ),
    Sample(
        contest="digits",
        file="keras_cnn.py",
        kind=SCRIPT,
        environment="tensorflow",
        title=_("Convolutional network in Keras"),
        description=_("The same idea in Keras on TensorFlow, learning with fit()."),
        verdict=Verdict.SCORED,
        expected_score=0.95,
    ),
)
