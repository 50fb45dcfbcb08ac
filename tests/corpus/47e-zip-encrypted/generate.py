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

content = bytearray(upload.getvalue())
# The mark of encryption in every member's entry of the table of contents.
at = content.find(b"PK\x01\x02")
while at >= 0:
    content[at + 8] |= 1
    at = content.find(b"PK\x01\x02", at + 4)
sys.stdout.buffer.write(bytes(content))
