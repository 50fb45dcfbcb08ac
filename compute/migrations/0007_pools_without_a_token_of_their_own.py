from django.db import migrations, models


class Migration(migrations.Migration):
    """The column stays in the database, with a default of its own: processes of the version before still read it.

    A later version drops it: ALTER TABLE compute_pool DROP COLUMN IF EXISTS token_digest.
    """

    dependencies = [
        ('compute', '0006_tokens_of_pools'),
    ]

    operations = [
        migrations.AlterField(
            model_name='pool',
            name='token_digest',
            field=models.CharField(blank=True, db_default='', editable=False, max_length=64),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name='pool', name='token_digest')],
        ),
    ]
