import os
import sys

print("SETUP-CODE-RAN", flush=True)
try:
    os.makedirs("/model", exist_ok=True)
    open("/model/planted", "w").close()
except OSError:
    pass
for place in ("/tmp/planted", "/var/tmp/planted"):
    try:
        open(place, "w").close()
    except OSError:
        pass
