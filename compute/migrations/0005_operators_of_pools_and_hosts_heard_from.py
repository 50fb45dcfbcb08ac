from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compute', '0004_pools_held_and_hosts_draining'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='pool',
            name='operators',
            field=models.ManyToManyField(blank=True, help_text='Besides superusers: they hold and release this pool, and drain its hosts.', related_name='pools', to=settings.AUTH_USER_MODEL, verbose_name='operators'),
        ),
        migrations.AddField(
            model_name='runnerhost',
            name='heard_from',
            field=models.DateTimeField(editable=False, null=True, verbose_name='heard since'),
        ),
    ]
