import os

os.mkdir("/tmp/many")
for number in range(10_000_000):
    os.close(os.open(f"/tmp/many/{number}", os.O_CREAT | os.O_WRONLY))
