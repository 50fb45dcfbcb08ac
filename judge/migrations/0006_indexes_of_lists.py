from django.db import migrations, models

from accounts.indexes import AddIndexWhileUsed


class Migration(migrations.Migration):
    """Lists of runs, and what figures are summed of, are read from an index each."""

    atomic = False  # PostgreSQL makes an index while the table is used outside of a transaction only

    dependencies = [('judge', '0005_indexes_of_turns')]

    operations = [
        AddIndexWhileUsed(
            model_name='run',
            index=models.Index(fields=['status', '-id'], name='run_status_recent'),
        ),
        AddIndexWhileUsed(
            model_name='run',
            index=models.Index(fields=['verdict', '-id'], name='run_verdict_recent'),
        ),
        AddIndexWhileUsed(
            model_name='run',
            index=models.Index(fields=['finished_at'], name='run_ended'),
        ),
        AddIndexWhileUsed(
            model_name='job',
            index=models.Index(fields=['pool', 'attempt', 'status'], name='job_retried'),
        ),
        AddIndexWhileUsed(
            model_name='job',
            index=models.Index(fields=['status', 'lease_until'], name='job_leases'),
        ),
        AddIndexWhileUsed(
            model_name='job',
            index=models.Index(fields=['pool', 'status', 'environment'], name='job_ready'),
        ),
    ]
