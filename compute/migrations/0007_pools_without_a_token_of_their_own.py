from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('compute', '0006_tokens_of_pools'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='pool',
            name='token_digest',
        ),
    ]
