from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contests", "0003_team_name_key")]

    operations = [
        migrations.RemoveField(model_name="check", name="trial"),
        migrations.AddField(
            model_name="check",
            name="trials",
            field=models.ManyToManyField(related_name="+", to="contests.submission"),
        ),
        migrations.AddField(model_name="check", name="notes", field=models.JSONField(default=list, verbose_name='notes')),
    ]
