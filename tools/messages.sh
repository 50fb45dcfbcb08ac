#!/bin/sh
# Brings locale/ up to date with the source: collects new texts into django.po and compiles it to django.mo (committed,
# so that installing needs no gettext). Translate what is new in between; tests/test_translations.py says what is missing.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" != compile ]; then
    .venv/bin/python manage.py makemessages -l zh_Hans --add-location=file --no-wrap --no-obsolete \
        -i var -i .venv -i tests -i tools -i benchmarks -i static -i docs
fi
.venv/bin/python - <<'PROGRAM'
import polib

catalogue = polib.pofile("locale/zh_Hans/LC_MESSAGES/django.po")
# No dates and names of people: the file changes only when a text does.
for field in ("Report-Msgid-Bugs-To", "POT-Creation-Date", "PO-Revision-Date", "Last-Translator", "Language-Team"):
    catalogue.metadata.pop(field, None)
catalogue.save()
catalogue.save_as_mofile("locale/zh_Hans/LC_MESSAGES/django.mo")
left = [entry.msgid for entry in catalogue if not entry.translated()]
print(f"{len(catalogue)} texts, {len(left)} to translate", *left, sep="\n  ")
PROGRAM
