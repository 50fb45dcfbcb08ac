import subprocess
import sys

eater = "kept = []\nwhile True: kept.append(bytes(1 << 20) + b'x')"
sys.exit(1 if subprocess.run([sys.executable, "-c", eater]).returncode else 0)
