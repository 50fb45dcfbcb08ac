"""Oneself in the public API: the profile and the tokens."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import profile, tokens
from accounts.api_authentication import person, token_of
from accounts.models import ApiToken, User
from rest.errors import Refused
from rest.schema import GONE, refusal
from rest.views import Endpoint, ListEndpoint


class ProfileSerializer(serializers.ModelSerializer[User]):
    public_name = serializers.CharField(
        read_only=True, help_text="What others read: the display name, else the username."
    )
    is_organiser = serializers.BooleanField(
        source="is_staff", read_only=True, help_text="Whether this person may open contests."
    )

    class Meta:
        model = User
        fields = ("username", "email", "display_name", "public_name", "is_organiser", "date_joined")
        read_only_fields = ("username", "date_joined")
        extra_kwargs = {
            "display_name": {"help_text": "The name that others read, at most 60 characters."},
            "email": {
                "help_text": "Where the site sends mail it is changed on /accounts/email/, for a mail confirms it."
            },
        }

    def validate_email(self, address: str) -> str:
        if settings.MAIL_WORKS and address != self.instance.email:  # type: ignore[union-attr]
            raise serializers.ValidationError(
                _("Change your address on the site's own page: a mail confirms it.")
            )
        return address


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    class Meta:
        model = ApiToken
        fields = ("id", "name", "created_at", "last_used_at", "expires_at")
        read_only_fields = ("id", "created_at", "last_used_at", "expires_at")
        extra_kwargs = {
            "name": {"help_text": "What it is for, for your own list."},
            "expires_at": {"help_text": "Null: it is good until it is revoked."},
        }


class TokenWriteSerializer(TokenSerializer):
    days = serializers.IntegerField(
        write_only=True,
        required=False,
        allow_null=True,
        min_value=1,
        max_value=tokens.MOST_DAYS,
        default=tokens.USUAL_DAYS,
        help_text="How long it shall be good. Null: until it is revoked.",
    )

    class Meta(TokenSerializer.Meta):
        fields = ("name", "days")  # type: ignore[assignment]
        read_only_fields = ()  # type: ignore[assignment]


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="Shown this once. Only its digest is kept.")

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")  # type: ignore[assignment]


class Me(Endpoint):
    serializer_class = ProfileSerializer

    @extend_schema(responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        """My profile."""
        return Response(ProfileSerializer(person(request)).data)

    @extend_schema(request=ProfileSerializer, responses=ProfileSerializer)
    def patch(self, request: Request) -> Response:
        """Change my profile."""
        user = person(request)
        changes = ProfileSerializer(user, data=request.data, partial=True)
        changes.is_valid(raise_exception=True)
        given = changes.validated_data
        profile.change(
            user, display_name=given.get("display_name", user.display_name), email=given.get("email")
        )
        return Response(ProfileSerializer(user).data)


class Tokens(ListEndpoint):
    serializer_class = TokenSerializer
    queryset = ApiToken.objects.none()
    scopes = {"POST": "tokens"}

    def get_queryset(self) -> QuerySet[ApiToken]:
        return tokens.of(person(self.request))

    @extend_schema(operation_id="me_tokens_list", responses=TokenSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """My API tokens, the newest first, without their secrets."""
        return self.list(request)

    @extend_schema(
        request=TokenWriteSerializer,
        responses={201: NewTokenSerializer, 409: refusal("You have all the tokens one may have.")},
        examples=[OpenApiExample("A token for a laptop", value={"name": "laptop"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Make an API token.

        Whoever has it may do what you may do. It is told this once: keep it where you keep passwords. Made with a token
        that ends, it ends with that one at the latest.
        """
        given = TokenWriteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        try:
            token = tokens.create_api_token(
                user=person(request), name=wanted.get("name", ""), days=wanted["days"], by=token_of(request)
            )
        except tokens.TooMany as refused:
            raise Refused("too_many", str(refused), 409) from refused
        made = ApiToken.objects.get(digest=tokens.digest(token))
        return Response(TokenSerializer(made).data | {"token": token}, status=201)


class Token(Endpoint):
    @extend_schema(request=None, responses=GONE)
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke an API token: whoever has it is nobody from now on."""
        if not tokens.revoke(user=person(request), token_id=token_id):
            raise NotFound(_("There is no such token among yours."))
        return Response(status=204)
