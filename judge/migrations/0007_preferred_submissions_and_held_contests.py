import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns that may be empty are added without rewriting a table, and a previous release writes rows without them."""

    dependencies = [
        ('contests', '0007_indexes_of_lists'),
        ('judge', '0006_indexes_of_lists'),
    ]

    operations = [
        migrations.CreateModel(
            name='HeldQueue',
            fields=[
                ('contest', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='contests.contest')),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddField(
            model_name='job',
            name='preferred_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='run',
            name='preferred_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='preferred at'),
        ),
    ]
