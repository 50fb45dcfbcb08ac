from __future__ import annotations

from django.apps import AppConfig


class JudgeConfig(AppConfig):
    name = "judge"

    def ready(self) -> None:
        from contests import removal  # noqa: PLC0415 - models can be imported only now
        from judge import forgetting  # noqa: PLC0415

        removal.forget_trials.append(forgetting.forget)
