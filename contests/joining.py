"""Who takes part in a contest: its registration policy, its rules to accept, and the names on its board.

Theory of operation. `standing` says where a person stands and changes nothing; pages ask it. `join` and `require`
write, under the lock of the contest's row: two requests at once find one participation, and two people who want
one name get two answers. (SQLite: the transaction holds the write lock.) A participation keeps the digest of the
rules that its person accepted, so that changed rules are asked again; submissions already made stay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import random
import time
from collections.abc import Callable

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import addresses
from accounts.models import User
from contests import names
from contests.models import Contest, Participation, Team

State = Participation.State
Registration = Contest.Registration
MOST_CODES, CODES_WINDOW_S = 10, 600  # tries of one person

# Rooms above that show a team's name; each is called inside the transaction that changes one.
after_rename: list[Callable[[Team], None]] = []


class NotAdmitted(Exception):
    """A person may not take part (now); `message` says why and what to do."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands towards a contest. `reason` is a sentence when they may not submit, else "".

    `may_join`: the join page has something to offer them; `code` names the reason for programs. `needs_joining`, of
    an anonymous visitor: this contest has a door, and it is not shut.
    """

    participation: Participation | None
    may_submit: bool
    reason: str = ""
    needs_rules: bool = False
    needs_code: bool = False
    may_join: bool = False
    code: str = ""
    needs_joining: bool = False


def rules_digest(contest: Contest) -> str:
    """What a participation keeps of the rules it accepted; "" when the contest has none."""
    # A browser sends \r\n: saving the same text in a form must not ask everybody again.
    texts = [text.replace("\r\n", "\n").strip() for text in (contest.rules, contest.rules_zh)]
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest() if any(texts) else ""


def participation_of(user: object, contest: Contest) -> Participation | None:
    if not isinstance(user, User):
        return None
    return Participation.objects.filter(user=user, contest=contest).select_related("team").first()


def standing(user: object, contest: Contest) -> Standing:
    if not isinstance(user, User):
        door = has_door(contest) and contest.registration != Registration.CLOSED
        return Standing(
            None, may_submit=False, reason=_("Sign in to take part."), code="anonymous", needs_joining=door
        )
    place = participation_of(user, contest)
    digest = rules_digest(contest)
    if place is None:
        return _standing_outside(user, contest, needs_rules=bool(digest))
    if place.state == State.REFUSED:
        return Standing(place, may_submit=False, reason=_refused(), code="refused")
    if place.state == State.PENDING:
        return Standing(place, may_submit=False, reason=_pending(), code="pending")
    if place.rules_digest == digest or not digest:
        return Standing(place, may_submit=True)
    reason = (
        _("The rules have changed since you accepted them. Accept them again to go on.")
        if place.rules_digest
        else _("Accept the rules of this contest first.")
    )
    return Standing(place, may_submit=False, reason=reason, needs_rules=True, may_join=True, code="rules")


def _standing_outside(user: User, contest: Contest, *, needs_rules: bool) -> Standing:
    """Of somebody who has not joined."""
    policy = contest.registration
    organiser = contest.is_organised_by(user)
    if not organiser and policy != Registration.OPEN:
        code = {Registration.CLOSED: "registration_closed", Registration.INVITE: "invite"}.get(
            Registration(policy), "join"
        )
        may_join = policy != Registration.CLOSED
        reason = _closed() if policy == Registration.CLOSED else ""
        if policy == Registration.INVITE:
            reason = _("This contest is by invitation: join it with your invitation code.")
        elif policy == Registration.APPROVAL:
            reason = _("The organisers admit each person: ask to take part first.")
        elif policy == Registration.DOMAIN:
            admitted = _of_a_listed_domain(user, contest)
            reason = _("Join this contest first.") if admitted else _wrong_domain(contest)
            may_join = admitted or not addresses.can_send_mail()
            code = "join" if admitted else "domain"
        return Standing(
            None,
            may_submit=False,
            reason=reason,
            needs_rules=needs_rules and may_join,
            needs_code=policy == Registration.INVITE,
            may_join=may_join,
            code=code,
        )
    if needs_rules:
        return Standing(
            None,
            may_submit=False,
            reason=_("Accept the rules of this contest first."),
            needs_rules=True,
            may_join=True,
            code="rules",
        )
    return Standing(None, may_submit=True, may_join=True)


def has_door(contest: Contest) -> bool:
    """Whether joining is an act of its own; else the first submission joins, and everybody sees the data."""
    return bool(rules_digest(contest)) or contest.registration != Registration.OPEN


def may_see_data(user: object, contest: Contest) -> bool:
    """Where joining is an act of its own, data is for those who take part and accepted the current rules, if any."""
    digest = rules_digest(contest)
    if not has_door(contest) or contest.is_organised_by(user):
        return True
    place = participation_of(user, contest)
    return place is not None and place.state == State.ACTIVE and (not digest or place.rules_digest == digest)


def require(user: User, contest: Contest) -> Participation:
    """The place from which this person may hand in. An open contest without rules is joined on first use."""
    now = standing(user, contest)
    if now.participation is not None and now.may_submit:
        return now.participation
    if now.may_submit:
        return join(user, contest)
    raise NotAdmitted(now.code, now.reason)


def join(
    user: User,
    contest: Contest,
    *,
    code: str = "",
    accept_rules: bool = False,
    rules_read: str = "",
    name: str = "",
) -> Participation:
    """Take part, or ask to (the participation is then PENDING); or accept changed rules. Raises NotAdmitted.

    `rules_read` is the digest of the rules that the person had before them, where that is known: nobody accepts what
    was written in between.
    Without a name the board shows the person's public name, with a number behind it where that is taken.
    """
    with transaction.atomic():
        locked = Contest.objects.select_for_update(no_key=True).get(pk=contest.pk)
        place = participation_of(user, locked)
        state = _admit(user, locked, place, code)
        digest = rules_digest(locked)
        accepted = not digest or (place is not None and place.rules_digest == digest)
        if not accepted and not accept_rules:
            raise NotAdmitted("rules", _("Accept the rules of this contest first."))
        if not accepted and rules_read and rules_read != digest:
            raise NotAdmitted("rules", _("The rules have changed while you read them. Read them again."))
        if place is None:
            team = _new_team(locked, user, name)
            place = Participation(contest=locked, user=user, team=team)
        elif name.strip() and not locked.pseudonymous and names.clean(name) != place.team.name:
            _set_name(place.team, _free_name(locked, name, but=place.team))
        place.state = state
        if digest and (accept_rules and place.rules_digest != digest):
            place.rules_digest, place.rules_accepted_at = digest, timezone.now()
        place.save()
    return place


def _admit(user: User, contest: Contest, place: Participation | None, code: str) -> State:
    """The state in which this person may (go on to) take part."""
    if place is not None and place.state == State.ACTIVE:
        return State.ACTIVE
    if place is not None and place.state == State.REFUSED:
        raise NotAdmitted("refused", _refused())
    policy = contest.registration
    if policy == Registration.OPEN or contest.is_organised_by(user):
        return State.ACTIVE
    if policy == Registration.INVITE:
        return _by_code(user, contest, place, code)
    if policy == Registration.DOMAIN:
        if _of_a_listed_domain(user, contest):
            return State.ACTIVE
        if addresses.can_send_mail():
            raise NotAdmitted("domain", _wrong_domain(contest))
        return State.PENDING  # no address can be confirmed here, so the organisers decide
    if policy == Registration.APPROVAL or place is not None:
        return State.PENDING
    raise NotAdmitted("registration_closed", _closed())


def _by_code(user: User, contest: Contest, place: Participation | None, code: str) -> State:
    wanted = contest.invite_code.strip()
    if code.strip():
        _count_try(user)
    # Compared in constant time, and an empty code opens nothing.
    if wanted and hmac.compare_digest(_bytes(wanted), _bytes(code.strip())):
        return State.ACTIVE
    if not code.strip():
        if place is not None:
            return State.PENDING
        raise NotAdmitted("invite", _("This contest is by invitation: join it with your invitation code."))
    raise NotAdmitted("wrong_code", _("This is not the invitation code of this contest."))


def _count_try(user: User) -> None:
    """A code that an organiser made up is short: nobody tries thousands. While the cache is away nothing is counted."""
    key = f"joining:codes:{user.pk}:{int(time.time() // CODES_WINDOW_S)}"
    cache.add(key, 0, timeout=CODES_WINDOW_S)
    with contextlib.suppress(ValueError):  # the cache lost it in between
        if cache.incr(key) > MOST_CODES:
            raise NotAdmitted(
                "too_many_codes", _("These are too many invitation codes. Try again in ten minutes."), 429
            )


def _bytes(text: str) -> bytes:
    """JSON can hold half a character, which is no code either."""
    return text.encode("utf-8", "surrogatepass")


def decide(participation: Participation, state: str) -> Participation:
    """An organiser admits a person or refuses them, now or later. Submissions already made stay."""
    if state not in {State.ACTIVE, State.REFUSED}:
        raise ValueError(state)
    Participation.objects.filter(pk=participation.pk).update(state=state)
    participation.state = state
    return participation


def rename(participation: Participation, name: str) -> Participation:
    """Another name on the board, unique within the contest. Raises NotAdmitted."""
    with transaction.atomic():
        contest = Contest.objects.select_for_update(no_key=True).get(pk=participation.contest_id)
        if contest.pseudonymous:
            raise NotAdmitted("pseudonymous", _("In this contest the board shows made-up names."))
        team = Team.objects.get(pk=participation.team_id)
        _set_name(team, _free_name(contest, name, but=team))
    participation.team = team
    return participation


def hide_names(contest: Contest) -> int:
    """Give every team of a pseudonymous contest that still shows a chosen name a made-up one. Returns how many."""
    with transaction.atomic():
        locked = Contest.objects.select_for_update(no_key=True).get(pk=contest.pk)
        if not locked.pseudonymous:
            return 0
        shown = [team for team in Team.objects.filter(contest=locked) if not names.is_made_up(team.name)]
        for team in shown:
            _set_name(team, _pseudonym(locked))
    return len(shown)


def _new_team(contest: Contest, user: User, name: str) -> Team:
    if contest.pseudonymous:
        chosen = _pseudonym(contest)
    elif name.strip():
        chosen = _free_name(contest, name)
    else:
        chosen = _own_name(contest, user)
    return Team.objects.create(contest=contest, name=chosen, name_key=names.key(chosen))


def _set_name(team: Team, name: str) -> None:
    if team.name == name:
        return
    team.name, team.name_key = name, names.key(name)
    team.save(update_fields=["name", "name_key"])
    for tell in after_rename:
        tell(team)


def _free_name(contest: Contest, raw: str, *, but: Team | None = None) -> str:
    name = names.clean(raw)
    if not names.key(name):
        raise NotAdmitted("bad_name", _("This name shows nothing. Choose another."), 400)
    if len(raw.strip()) > names.MAX_NAME:
        raise NotAdmitted(
            "bad_name", _("A name has at most %(limit)s characters.") % {"limit": names.MAX_NAME}, 400
        )
    if _taken(contest, name, but=but):
        raise NotAdmitted(
            "name_taken", _("Somebody in this contest has this name, or one that looks like it."), 409
        )
    return name


def _taken(contest: Contest, name: str, *, but: Team | None = None) -> bool:
    same = Team.objects.filter(contest=contest, name_key=names.key(name))
    return (same.exclude(pk=but.pk) if but is not None else same).exists()


def _own_name(contest: Contest, user: User) -> str:
    """The public name, numbered where somebody else has it: joining by a first submission asks nothing."""
    public = names.clean(user.public_name)
    own = public if names.key(public) else names.clean(user.username)
    name, number = own, 2
    while _taken(contest, name):
        name, number = names.numbered(own, number), number + 1
    return name


def _pseudonym(contest: Contest) -> str:
    chance = random.SystemRandom()
    while _taken(contest, name := names.made_up(chance)):
        pass
    return name


def _of_a_listed_domain(user: User, contest: Contest) -> bool:
    return bool(addresses.confirmed_domains(user) & set(listed_domains(contest)))


def listed_domains(contest: Contest) -> list[str]:
    parts = contest.email_domains.replace(";", ",").replace("\n", ",").split(",")
    return [domain for part in parts if (domain := part.strip().lstrip("@").lower())]


def _refused() -> str:
    return _("The organisers have refused your request to take part.")


def _pending() -> str:
    return _("You have asked to take part. The organisers have not decided yet.")


def _closed() -> str:
    return _("Registration for this contest is closed: nobody else may join.")


def _wrong_domain(contest: Contest) -> str:
    domains = ", ".join(listed_domains(contest))
    if addresses.can_send_mail():
        return _("This contest is for people with a confirmed e-mail address at: %(domains)s") % {
            "domains": domains
        }
    return _(
        "This contest is for people with an e-mail address at: %(domains)s. This site sends no mail, so the "
        "organisers have to admit you: ask to take part."
    ) % {"domains": domains}
