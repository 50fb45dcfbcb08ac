import subprocess
import sys
import time

eater = "kept = []\nwhile True: kept.append(bytes(1 << 20) + b'x')"
subprocess.run([sys.executable, "-c", eater])
time.sleep(3600)
