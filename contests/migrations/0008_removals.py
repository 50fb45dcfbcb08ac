from django.db import migrations, models


class Migration(migrations.Migration):
    """Files are deleted outside of transactions: what is announced here is refused until it is gone."""

    dependencies = [("contests", "0007_indexes_of_lists")]

    operations = [
        migrations.AddField(
            model_name="blob",
            name="named_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("size", models.BigIntegerField()),
                ("announced_at", models.DateTimeField()),
                ("done", models.BooleanField(default=False)),
            ],
        ),
    ]
