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
    name = zipfile.ZipInfo("x")
    name.filename = "data\\x.csv"
    archive.writestr(name, "x")
sys.stdout.buffer.write(upload.getvalue())
