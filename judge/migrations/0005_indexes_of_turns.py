from django.db import migrations, models
from accounts.indexes import AddIndexWhileUsed


class Migration(migrations.Migration):
    """Whose turn it is, and what ended lately, are read from an index each. The one of before led to the same rows."""

    atomic = False  # PostgreSQL makes an index while the table is used outside of a transaction only

    dependencies = [('judge', '0004_turns_and_gpu_quota')]

    operations = [
        AddIndexWhileUsed(
            model_name='job',
            index=models.Index(fields=['pool', 'status', 'contest', 'contestant', 'queued_at'], name='job_turns'),
        ),
        AddIndexWhileUsed(
            model_name='job',
            index=models.Index(fields=['pool', 'finished_at'], name='job_ended'),
        ),
        migrations.RemoveIndex(model_name='job', name='job_queue'),
    ]
