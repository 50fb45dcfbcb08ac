import io
import sys
import tarfile

upload = io.BytesIO()
with tarfile.open(fileobj=upload, mode="w:gz") as archive:
    for name in ("train.py", "predict.py"):
        member = tarfile.TarInfo(name)
        member.size = 5
        archive.addfile(member, io.BytesIO(b"pass\n"))
sys.stdout.buffer.write(upload.getvalue())
