import sys

sys.stdout.write("id,target" + ",c" * 3_000_000 + "\nr000,0" + ",1" * 600_000 + "\n")
