"""What organisers send to make or change a contest and its phases."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.models import User
from contests import joining, organising
from contests.models import Contest, Phase
from rest.fields import MomentField

MAX_TEXT = 200_000
MAX_LIMIT = 1_000_000
MAX_ORGANISERS = 100
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_TEXTS = ("description", "evaluation", "data_description", "rules")


class ContestWriteSerializer(serializers.ModelSerializer[Contest]):
    """All but `slug` and `title` may be left out. `slug` cannot be changed later: links keep working."""

    organisers = serializers.ListField(
        child=serializers.CharField(max_length=150),
        required=False,
        allow_empty=False,
        max_length=MAX_ORGANISERS,
        help_text="Usernames. They may do all that you may with this contest.",
    )

    class Meta:
        model = Contest
        fields = (
            "slug",
            "title",
            "title_zh",
            "summary",
            "summary_zh",
            *(name for text in _TEXTS for name in (text, f"{text}_zh")),
            "licence",
            "registration",
            "invite_code",
            "email_domains",
            "pseudonymous",
            "organisers",
        )
        extra_kwargs = {
            name: {"max_length": MAX_TEXT} for text in _TEXTS for name in (text, f"{text}_zh")
        } | {
            "slug": {"help_text": "Its part of the address: letters, digits, dashes, underscores."},
            "invite_code": {"help_text": "Left empty, a contest by invitation is given one."},
            "email_domains": {"help_text": "Separated by commas, for registration by domain."},
        }

    def validate_email_domains(self, text: str) -> str:
        domains = joining.listed_domains(Contest(email_domains=text))
        wrong = [domain for domain in domains if not _DOMAIN.fullmatch(domain)]
        if wrong:
            raise serializers.ValidationError(
                _("This is not an e-mail domain: %(names)s") % {"names": ", ".join(wrong)}
            )
        return ", ".join(domains)

    def validate_organisers(self, names: list[str]) -> list[User]:
        found, unknown = organising.named(names)
        if unknown:
            raise serializers.ValidationError(
                _("There is no account with this username: %(names)s") % {"names": ", ".join(unknown)}
            )
        return found

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        now = self.instance or Contest()
        registration = given.get("registration", now.registration)
        if registration == Contest.Registration.DOMAIN and not given.get("email_domains", now.email_domains):
            raise serializers.ValidationError(
                {"email_domains": _("Name at least one domain, for example: uni-a.edu")}
            )
        return given


class ContestChangeSerializer(ContestWriteSerializer):
    """What is left out stays as it is."""

    class Meta(ContestWriteSerializer.Meta):
        fields = (
            *(name for name in ContestWriteSerializer.Meta.fields if name != "slug"),
            "queue_weight",
        )
        extra_kwargs = ContestWriteSerializer.Meta.extra_kwargs | {
            "queue_weight": {
                "help_text": "1 to 100, for superusers: a contest of weight 3 gets three times the time on the runners "
                "of one of weight 1 while both wait."
            }
        }


class ContestCopySerializer(serializers.Serializer[Any]):
    slug = serializers.SlugField(
        max_length=60, required=False, help_text="Left out, made from the original's."
    )
    title = serializers.CharField(max_length=120, required=False, help_text="Left out, “Copy of …”.")


class PhaseWriteSerializer(serializers.ModelSerializer[Phase]):
    starts_at = MomentField()
    ends_at = MomentField(required=False, allow_null=True, help_text="Null: it does not end.")
    private_revealed_at = MomentField(
        required=False, allow_null=True, help_text="From then on contestants see private scores; null: never."
    )
    position = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=32_767,
        help_text="Of phases that overlap the first takes what is handed in. Left out: behind the last.",
    )
    daily_limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_LIMIT)
    total_limit = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text="Null: no limit."
    )
    pending_limit = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text="Submissions of a team that may wait or run at once; null: no limit.",
    )
    gpu_minutes_limit = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text="Of a team in this phase; null: no limit.",
    )

    class Meta:
        model = Phase
        fields = (
            "title",
            "position",
            "starts_at",
            "ends_at",
            "private_revealed_at",
            "daily_limit",
            "total_limit",
            "pending_limit",
            "gpu_minutes_limit",
        )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        now = self.instance
        starts = given.get("starts_at", now.starts_at if now else None)
        ends = given.get("ends_at", now.ends_at if now else None)
        if starts and ends and ends <= starts:
            raise serializers.ValidationError({"ends_at": _("The end must come after the start.")})
        revealed = given.get("private_revealed_at", now.private_revealed_at if now else None)
        if starts and revealed and revealed < starts:
            raise serializers.ValidationError(
                {"private_revealed_at": _("Private scores cannot be shown before the start.")}
            )
        return given
