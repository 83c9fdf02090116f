from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_api_token"),
    ]

    operations = [
        migrations.AddField(
            model_name="identityprovider",
            name="backchannel_logout",
            field=models.BooleanField(
                db_default=False, default=False, verbose_name="fermeture des sessions par le fournisseur"
            ),
        ),
        migrations.AlterField(
            model_name="loginsession",
            name="end",
            field=models.CharField(
                blank=True,
                choices=[
                    ("logout", "Déconnexion"),
                    ("expired", "Durée maximale atteinte"),
                    ("abandoned", "Restée verrouillée"),
                    ("replaced", "Connexion d'une autre personne sur le poste"),
                    ("killed", "Fermée par l'administration ou par l'utilisateur"),
                    ("too_many", "Trop de sessions ouvertes"),
                    ("provider", "Fermée par le fournisseur d'identité"),
                    ("unlinked", "Identité dissociée du compte"),
                ],
                max_length=10,
                verbose_name="motif de fin",
            ),
        ),
    ]
