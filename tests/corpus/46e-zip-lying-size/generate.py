import io
import sys
import zipfile

TRAIN = 'open("/model/threshold", "w").write("0")\n'
PREDICT = """
import csv
threshold = float(open("/model/threshold").read())
with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > threshold)}\\n")
"""
upload = io.BytesIO()
with zipfile.ZipFile(upload, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("train.py", TRAIN)
    archive.writestr("predict.py", PREDICT)

    archive.writestr("zeros.bin", bytes(64 << 20))
content = upload.getvalue()
# The sizes of the last member in the table of contents say that it is ten bytes.
at = content.rindex(b"PK\x01\x02")
content = content[: at + 24] + (10).to_bytes(4, "little") + content[at + 28 :]
sys.stdout.buffer.write(content)
