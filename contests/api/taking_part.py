"""Taking part: the rules, joining, one's own place, and for organisers everybody's."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import rights
from accounts.api_authentication import person
from contests import joining
from contests.api.access import organised, visible
from contests.api.contests import ORGANISING
from contests.models import Contest, Participation
from contests.names import MAX_NAME
from rest.errors import Refused
from rest.filters import Choice, Filters, Ordering, Text
from rest.schema import refusal
from rest.views import Endpoint, ListEndpoint

TAKEN = refusal("Somebody in this contest has this name, or one that looks like it.")


class RulesSerializer(serializers.Serializer[Any]):
    rules = serializers.CharField(help_text="Markdown; empty where there are none.")
    rules_zh = serializers.CharField()
    digest = serializers.CharField(help_text="Changes with the rules; accepted ones are kept by it.")
    accepted = serializers.BooleanField(help_text="Whether I accepted these very rules.")
    accepted_at = serializers.DateTimeField(allow_null=True)


class ParticipationSerializer(serializers.Serializer[Any]):
    """Where I stand. Without a participation the other fields say what is missing."""

    state = serializers.ChoiceField(
        choices=Participation.State.choices, allow_null=True, help_text="Null: I have not joined."
    )
    name = serializers.CharField(allow_null=True, help_text="On the board.")
    team_id = serializers.IntegerField(allow_null=True)
    joined_at = serializers.DateTimeField(allow_null=True)
    may_submit = serializers.BooleanField()
    reason = serializers.CharField(help_text="Why I may not submit, in a sentence; else empty.")
    code = serializers.CharField(help_text="The reason for programs, for example rules or pending.")
    needs_rules = serializers.BooleanField(help_text="The rules wait for my acceptance.")
    needs_code = serializers.BooleanField(help_text="An invitation code is needed.")


class JoinSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=200, help_text="The invitation code."
    )
    accept_rules = serializers.BooleanField(required=False, default=False)
    rules_read = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=64,
        help_text="The `digest` of the rules you read: refused if they have changed since. Left out, not asked.",
    )
    name = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=MAX_NAME,
        help_text="On the board; left out, my public name.",
    )


class NameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=MAX_NAME)


def _place(standing: joining.Standing) -> dict[str, Any]:
    place = standing.participation
    return {
        "state": place.state if place else None,
        "name": place.team.name if place else None,
        "team_id": place.team_id if place else None,
        "joined_at": place.joined_at if place else None,
        "may_submit": standing.may_submit,
        "reason": standing.reason,
        "code": standing.code,
        "needs_rules": standing.needs_rules,
        "needs_code": standing.needs_code,
    }


def _said(request: Request, contest: Contest, status: int = 200) -> Response:
    standing = joining.standing(person(request), contest)
    return Response(ParticipationSerializer(_place(standing)).data, status=status)


class Rules(Endpoint):
    public = frozenset({"GET"})
    serializer_class = RulesSerializer

    @extend_schema(responses=RulesSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """The rules of a contest, and whether I accepted them."""
        contest = visible(request, slug)
        digest = joining.rules_digest(contest)
        place = joining.participation_of(request.user, contest)
        accepted = place is not None and place.rules_digest == digest
        said = {
            "rules": contest.rules,
            "rules_zh": contest.rules_zh,
            "digest": digest,
            "accepted": accepted,
            "accepted_at": place.rules_accepted_at if place and accepted else None,
        }
        return Response(RulesSerializer(said).data)


class Join(Endpoint):
    serializer_class = JoinSerializer

    @extend_schema(
        request=JoinSerializer,
        responses={200: ParticipationSerializer, 409: TAKEN},
        examples=[
            OpenApiExample(
                "Accept the rules", value={"accept_rules": True, "name": "Team Rocket"}, request_only=True
            )
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Join a contest, or ask to; accept its rules.

        An open contest without rules is joined by the first submission. 403 says in `code` what is missing: rules,
        invite, wrong_code, domain, registration_closed, refused. 429 with code `too_many_codes` after ten codes.
        """
        contest = visible(request, slug)
        given = JoinSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            joining.join(person(request), contest, **given.validated_data)
        except joining.NotAdmitted as refused:
            raise Refused(refused.code, refused.message, refused.status) from refused
        return _said(request, contest)


class MyParticipation(Endpoint):
    serializer_class = ParticipationSerializer

    @extend_schema(responses=ParticipationSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Where I stand towards a contest."""
        return _said(request, visible(request, slug))

    @extend_schema(request=NameSerializer, responses={200: ParticipationSerializer, 409: TAKEN})
    def patch(self, request: Request, slug: str) -> Response:
        """Change my name on the board."""
        contest = visible(request, slug)
        place = joining.participation_of(person(request), contest)
        if place is None:
            raise NotFound(_("You have not joined this contest."))
        given = NameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            joining.rename(place, given.validated_data["name"])
        except joining.NotAdmitted as refused:
            raise Refused(refused.code, refused.message, refused.status) from refused
        return _said(request, contest)


class ParticipantSerializer(serializers.ModelSerializer[Participation]):
    username = serializers.CharField(source="user.username")
    public_name = serializers.CharField(source="user.public_name")
    email = serializers.SerializerMethodField(help_text="Null, but for administrators of the site.")
    team_id = serializers.IntegerField()
    name = serializers.CharField(source="team.name", help_text="On the board.")

    class Meta:
        model = Participation
        fields = (
            "id",
            "username",
            "public_name",
            "email",
            "team_id",
            "name",
            "state",
            "rules_accepted_at",
            "joined_at",
        )
        read_only_fields = fields

    def get_email(self, place: Participation) -> str | None:
        return place.user.email if rights.runs_site(self.context["request"].user) else None


class DecisionSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=[Participation.State.ACTIVE, Participation.State.REFUSED])


class ParticipantFilters(Filters):
    state = Choice(choices=Participation.State.choices)
    search = Text(method="by_words", help_text="In the username, display name or name on the board.")
    ordering = Ordering(
        fields=[("joined_at", "joined_at"), ("user__username", "username"), ("team__name", "name")],
        help_text="Default: joined_at.",
    )

    def by_words(self, rows: QuerySet[Participation], name: str, value: str) -> QuerySet[Participation]:
        return rows.filter(
            Q(user__username__icontains=value)
            | Q(user__display_name__icontains=value)
            | Q(team__name__icontains=value)
        )


class Participants(ListEndpoint):
    tag = ORGANISING
    serializer_class = ParticipantSerializer
    filterset_class = ParticipantFilters
    queryset = Participation.objects.none()

    def get_queryset(self) -> QuerySet[Participation]:
        contest = organised(self.request, self.kwargs["slug"])
        return contest.participations.prefetch_related("user", "team").order_by("joined_at", "pk")

    @extend_schema(responses=ParticipantSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who takes part, waits for approval or was refused."""
        return self.list(request)


class Participant(Endpoint):
    tag = ORGANISING
    serializer_class = ParticipantSerializer

    @extend_schema(request=DecisionSerializer, responses=ParticipantSerializer)
    def patch(self, request: Request, slug: str, participation_id: int) -> Response:
        """Approve or refuse a person. What was handed in already stays."""
        contest = organised(request, slug)
        place = contest.participations.filter(pk=participation_id).select_related("user", "team").first()
        if place is None:
            raise NotFound(_("Nobody of this number takes part in this contest."))
        given = DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        joining.decide(place, given.validated_data["state"])
        return Response(ParticipantSerializer(place, context={"request": request}).data)
