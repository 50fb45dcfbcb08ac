import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def keep(apps, schema_editor):
    """The one token that each pool had is its first."""
    pools, tokens = apps.get_model("compute", "Pool"), apps.get_model("compute", "PoolToken")
    for pool in pools.objects.exclude(token_digest=""):
        tokens.objects.create(pool=pool, digest=pool.token_digest)


class Migration(migrations.Migration):

    dependencies = [
        ('compute', '0005_operators_of_pools_and_hosts_heard_from'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PoolToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(blank=True, help_text='The host or person that it is given to.', max_length=120, verbose_name='name')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('last_used_at', models.DateTimeField(editable=False, null=True, verbose_name='last used')),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('pool', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='compute.pool', verbose_name='runner pool')),
            ],
            options={
                'verbose_name': 'pool token',
                'verbose_name_plural': 'pool tokens',
            },
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
