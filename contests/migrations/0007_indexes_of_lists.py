from django.db import migrations, models

from accounts.indexes import AddIndexWhileUsed


class Migration(migrations.Migration):
    """The lists of organisers and operators are read in the order of an index."""

    atomic = False  # PostgreSQL makes an index while the table is used outside of a transaction only

    dependencies = [('contests', '0006_quotas_weights_and_retention')]

    operations = [
        AddIndexWhileUsed(
            model_name='submission',
            index=models.Index(fields=['-created_at', '-id'], name='submission_recent'),
        ),
        AddIndexWhileUsed(
            model_name='submission',
            index=models.Index(fields=['contest', '-created_at', '-id'], name='submission_contest_recent'),
        ),
        AddIndexWhileUsed(
            model_name='submission',
            index=models.Index(fields=['status', '-created_at', '-id'], name='submission_status_recent'),
        ),
        AddIndexWhileUsed(
            model_name='submission',
            index=models.Index(fields=['verdict', '-created_at', '-id'], name='submission_verdict_recent'),
        ),
        AddIndexWhileUsed(
            model_name='submission',
            index=models.Index(fields=['contest', 'public_score'], name='submission_contest_score'),
        ),
        AddIndexWhileUsed(
            model_name='submission',
            index=models.Index(fields=['contest', 'verdict', '-created_at', '-id'], name='submission_contest_verdict'),
        ),
        AddIndexWhileUsed(
            model_name='submission',
            index=models.Index(fields=['user', 'contest', '-created_at', '-id'], name='submission_user_contest'),
        ),
        AddIndexWhileUsed(
            model_name='participation',
            index=models.Index(fields=['contest', 'joined_at', 'id'], name='participation_joined'),
        ),
    ]
