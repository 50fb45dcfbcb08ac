"""The list of contests, one contest, and what its organisers do with it as a whole."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import rights
from accounts.api_authentication import person
from accounts.models import User
from contests import copying, joining, opening, publishing, removal
from contests.api.access import organised, visible
from contests.api.shapes import STATES, ContestBriefSerializer, ContestSerializer
from contests.api.writing import ContestChangeSerializer, ContestCopySerializer, ContestWriteSerializer
from contests.models import Contest, Phase
from rest.errors import Refused
from rest.filters import Choice, Filters, Flag, Ordering, Text
from rest.schema import GONE, refusal
from rest.views import Endpoint, ListEndpoint

ORGANISING = "organising"


class ContestFilters(Filters):
    state = Choice(
        choices=[(state, state) for state in STATES],
        method="by_state",
        help_text="open: a phase takes submissions now; upcoming: one is still to come; ended: none is.",
    )
    search = Text(method="by_words", help_text="Words in the title or summary, in either language.")
    mine = Flag(method="by_mine", help_text="true: those I take part in or organise.")
    ordering = Ordering(
        fields=[("created_at", "created_at"), ("title", "title"), ("slug", "slug")],
        help_text="Default: -created_at, the newest first.",
    )

    def by_state(self, contests: QuerySet[Contest], name: str, value: str) -> QuerySet[Contest]:
        now = timezone.now()
        phases = Phase.objects.filter(contest=OuterRef("pk"))
        is_open = Exists(phases.filter(Q(ends_at=None) | Q(ends_at__gt=now), starts_at__lte=now))
        to_come = Exists(phases.filter(starts_at__gt=now))
        if value == "open":
            return contests.filter(is_open)
        return contests.filter(~is_open, to_come if value == "upcoming" else ~to_come, Exists(phases))

    def by_words(self, contests: QuerySet[Contest], name: str, value: str) -> QuerySet[Contest]:
        for word in value.split()[:10]:
            wanted = Q()
            for field in ("title", "title_zh", "summary", "summary_zh", "slug"):
                wanted |= Q(**{f"{field}__icontains": word})
            contests = contests.filter(wanted)
        return contests

    def by_mine(self, contests: QuerySet[Contest], name: str, value: bool) -> QuerySet[Contest]:  # noqa: FBT001
        user = self.request.user
        if not user.is_authenticated:
            return contests.none() if value else contests
        mine = Q(participations__user=user) | Q(organisers=user)
        inside = Contest.objects.filter(mine).values("pk")
        return contests.filter(pk__in=inside) if value else contests.exclude(pk__in=inside)


class ContestList(ListEndpoint):
    public = frozenset({"GET"})
    serializer_class = ContestBriefSerializer
    filterset_class = ContestFilters
    queryset = Contest.objects.none()

    def get_queryset(self) -> QuerySet[Contest]:
        return (
            Contest.objects.visible_to(self.request.user)
            .prefetch_related("phases")
            .order_by("-created_at", "slug")
        )

    @extend_schema(responses=ContestBriefSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The contests I may see."""
        return self.list(request)

    @extend_schema(
        tags=[ORGANISING],
        request=ContestWriteSerializer,
        responses={201: ContestSerializer},
        examples=[
            OpenApiExample(
                "An open contest", value={"slug": "digits-2026", "title": "Digits"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Open a contest.

        For organisers (`is_organiser` in /me/). It is hidden until it is published, and yours to organise.
        """
        user = _opener(request)
        given = ContestWriteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with transaction.atomic():
            contest = given.save()
            contest.organisers.add(user)
            _settle(contest)
        return Response(ContestSerializer(contest, context={"request": request}).data, status=201)


def _opener(request: Request) -> User:
    user = person(request)
    if not rights.may_open_contests(user):
        raise PermissionDenied(_("Only organisers may open contests. Ask who runs this site."))
    return user


def _settle(contest: Contest) -> None:
    if opening.needs_code(contest):
        opening.new_code(contest)
    joining.hide_names(contest)


class ContestDetail(Endpoint):
    public = frozenset({"GET"})
    serializer_class = ContestSerializer

    @extend_schema(responses=ContestSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One contest with its phases, tasks and files."""
        return self._said(visible(request, slug))

    @extend_schema(tags=[ORGANISING], request=ContestChangeSerializer, responses=ContestSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        """Change a contest's words and who may take part.

        Changed rules are put before every contestant again.
        """
        contest = organised(request, slug)
        changes = ContestChangeSerializer(contest, data=request.data, partial=True)
        changes.is_valid(raise_exception=True)
        if "queue_weight" in changes.validated_data and not rights.runs_site(request.user):
            raise PermissionDenied(
                _("Only those who run this site may change a contest's weight in the queue.")
            )
        with transaction.atomic():
            contest = changes.save()
            _settle(contest)
        return self._said(contest)

    @extend_schema(
        tags=[ORGANISING],
        request=None,
        responses=GONE | {409: refusal("It is in use: `detail` says by what.")},
    )
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a contest to which nobody but its organisers handed anything in."""
        contest = organised(request, slug)
        try:
            removal.remove_contest(contest)
        except removal.InUse as refused:
            raise Refused("in_use", refused.message, 409) from refused
        return Response(status=204)

    def _said(self, contest: Contest) -> Response:
        return Response(ContestSerializer(contest, context={"request": self.request}).data)


class ContestPublish(Endpoint):
    tag = ORGANISING
    serializer_class = ContestSerializer

    @extend_schema(
        request=None,
        responses={
            200: ContestSerializer,
            409: refusal("What is missing: `errors.contest` has one sentence for each problem."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Show a contest to everybody.

        Refused with all reasons at once while something is missing or a task's check is not green.
        """
        contest = organised(request, slug)
        try:
            publishing.publish(contest)
        except publishing.CannotPublish as refused:
            raise Refused(
                "cannot_publish", " ".join(refused.messages), 409, {"contest": refused.messages}
            ) from refused
        return Response(ContestSerializer(contest, context={"request": request}).data)


class ContestWithdraw(Endpoint):
    tag = ORGANISING
    serializer_class = ContestSerializer

    @extend_schema(request=None, responses=ContestSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Hide a contest from all but its organisers. Nothing is deleted."""
        contest = organised(request, slug)
        publishing.hide(contest)
        return Response(ContestSerializer(contest, context={"request": request}).data)


class ContestCopy(Endpoint):
    tag = ORGANISING
    serializer_class = ContestSerializer

    @extend_schema(
        request=ContestCopySerializer,
        responses={201: ContestSerializer, 409: refusal("Another contest has this slug.")},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Copy a contest: its words, phases, tasks and starter code, hidden, without people and submissions.

        For the next term. Its tasks have to be checked anew.
        """
        contest = organised(request, slug)
        user = _opener(request)
        given = ContestCopySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            copied = copying.copy_contest(contest, who=user, **given.validated_data)
        except IntegrityError as error:
            raise Refused("slug_taken", _("Another contest has this address."), 409) from error
        return Response(ContestSerializer(copied, context={"request": request}).data, status=201)
