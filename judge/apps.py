from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JudgeConfig(AppConfig):
    name = "judge"
    verbose_name = _("Judging")

    def ready(self) -> None:
        from contests import removal, unnamed  # noqa: PLC0415 - models can be imported only now
        from judge import forgetting, needed  # noqa: PLC0415

        removal.forget_trials.append(forgetting.forget)
        unnamed.also_needed.append(needed.by_running_jobs)
