"""The public API: which room answers which address. Its description is made from this list alone."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from accounts import api as accounts_api
from compute import api as compute_api
from contests.api import contests, data, hidden_files, metrics, phases, starters, taking_part, tasks
from judge.api import handing_in, organising, pools, submissions, verdicts
from leaderboard import api as leaderboard_api

contest = [
    path("", contests.ContestDetail.as_view(), name="contest"),
    path("publish/", contests.ContestPublish.as_view(), name="publish"),
    path("copy/", contests.ContestCopy.as_view(), name="copy"),
    path("withdraw/", contests.ContestWithdraw.as_view(), name="withdraw"),
    path("rules/", taking_part.Rules.as_view(), name="rules"),
    path("join/", taking_part.Join.as_view(), name="join"),
    path("participation/", taking_part.MyParticipation.as_view(), name="participation"),
    path("participants/", taking_part.Participants.as_view(), name="participants"),
    path("participants/<int:participation_id>/", taking_part.Participant.as_view(), name="participant"),
    path("data/", data.ContestFiles.as_view(), name="files"),
    path("data/<str:name>", data.ContestData.as_view(), name="data"),
    path("data.zip", data.AllData.as_view(), name="all-data"),
    path("starter/", data.Starters.as_view(), name="starters"),
    path("starter/<str:name>", starters.StarterFile.as_view(), name="starter"),
    path("phases/", phases.Phases.as_view(), name="phases"),
    path("phases/<int:phase_id>/", phases.PhaseDetail.as_view(), name="phase"),
    path("phases/<int:phase_id>/rejudge/", organising.RejudgePhase.as_view(), name="rejudge-phase"),
    path("tasks/", tasks.Tasks.as_view(), name="tasks"),
    path("tasks/<int:task_id>/", tasks.TaskDetail.as_view(), name="task"),
    path("tasks/<int:task_id>/activate/", tasks.TaskActivate.as_view(), name="activate"),
    path("tasks/<int:task_id>/solution", tasks.TaskSolution.as_view(), name="solution"),
    path(
        "tasks/<int:task_id>/hidden-files/<str:name>",
        hidden_files.HiddenTaskFile.as_view(),
        name="task-hidden-file",
    ),
    path("tasks/<int:task_id>/files/<str:name>", tasks.TaskFile.as_view(), name="task-file"),
    path("tasks/<int:task_id>/check/", organising.TaskCheck.as_view(), name="check"),
    path("tasks/<int:task_id>/trial/", handing_in.Trials.as_view(), name="trial"),
    path("leaderboard/", leaderboard_api.Leaderboard.as_view(), name="leaderboard"),
    path("leaderboard/me/", leaderboard_api.MyRank.as_view(), name="my-rank"),
    path("submissions/", handing_in.ContestSubmissions.as_view(), name="submit"),
    path("quota/", handing_in.MyQuota.as_view(), name="quota"),
    path("queue/", organising.ContestQueue.as_view(), name="contest-queue"),
    path("usage/", organising.ContestUsage.as_view(), name="contest-usage"),
    path("usage/contestants/", organising.ContestantsUsage.as_view(), name="contestants-usage"),
]

submission = [
    path("", submissions.SubmissionDetail.as_view(), name="submission"),
    path("log/", submissions.SubmissionLog.as_view(), name="log"),
    path("cancel/", submissions.SubmissionCancel.as_view(), name="cancel"),
    path("files/", submissions.SubmissionFiles.as_view(), name="submission-files"),
    path("files/<str:name>", submissions.SubmissionFile.as_view(), name="submission-file"),
    path("source", submissions.SubmissionSource.as_view(), name="source"),
    path("usage/", submissions.SubmissionUsage.as_view(), name="usage"),
    path("feedback/", submissions.SubmissionFeedback.as_view(), name="feedback"),
    path("rejudge/", organising.Rejudge.as_view(), name="rejudge"),
    path("prefer/", organising.Prefer.as_view(), name="prefer"),
]

v1: list[URLPattern | URLResolver] = [
    path("me/", accounts_api.Me.as_view(), name="me"),
    path("me/tokens/", accounts_api.Tokens.as_view(), name="tokens"),
    path("me/tokens/<int:token_id>/", accounts_api.Token.as_view(), name="token"),
    path("me/usage/", submissions.MyUsage.as_view(), name="my-usage"),
    path("environments/", compute_api.Environments.as_view(), name="environments"),
    path(
        "environments/<slug:name>/<str:version>/",
        compute_api.EnvironmentDetail.as_view(),
        name="environment",
    ),
    path("metrics/", metrics.Metrics.as_view(), name="metrics"),
    path("pools/", pools.Pools.as_view(), name="pools"),
    path("pools/<slug:slug>/", pools.PoolDetail.as_view(), name="pool"),
    path("pools/<slug:slug>/hosts/<str:host>/", pools.PoolHost.as_view(), name="pool-host"),
    path("verdicts/", verdicts.Verdicts.as_view(), name="verdicts"),
    path("contests/", contests.ContestList.as_view(), name="contests"),
    path("contests/<slug:slug>/", include(contest)),
    path("submissions/", submissions.MySubmissions.as_view(), name="submissions"),
    path("submissions/<uuid:submission_id>/", include(submission)),
]

urlpatterns = [path("api/v1/", include((v1, "api")))]
