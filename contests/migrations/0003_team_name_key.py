from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from contests import names


def fill(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The first team of a name holds its key; later ones keep their name and no key, as two of a name always did."""
    team_model = apps.get_model("contests", "Team")
    held: set[tuple[int, str]] = set()
    for team in team_model.objects.order_by("pk").iterator():
        key = names.key(team.name)
        if key and (team.contest_id, key) not in held:
            held.add((team.contest_id, key))
            team_model.objects.filter(pk=team.pk).update(name_key=key)


class Migration(migrations.Migration):
    dependencies = [("contests", "0002_contest_breadth")]

    operations = [
        migrations.AddField(
            model_name="team",
            name="name_key",
            field=models.CharField(blank=True, editable=False, max_length=240),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(
                condition=models.Q(("name_key", ""), _negated=True),
                fields=("contest", "name_key"),
                name="team_name_once",
            ),
        ),
    ]
