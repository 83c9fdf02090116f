"""Relit tous les documents que la base nomme ; compte ce qui manque ou est altéré (`dpi-manage shell`)."""

from documents.models import Version
from documents.store import StoredContentDamaged, content_get

read, damaged = 0, 0
for digests in Version.objects.values_list("cda_sha256", "pdf_sha256").iterator():
    for digest in filter(None, digests):
        try:
            content_get(digest)
        except StoredContentDamaged:
            damaged += 1
            print(f"manquant ou altéré : {digest}")
        read += 1
print(f"{read} document(s) relu(s), {damaged} manquant(s) ou altéré(s)")
