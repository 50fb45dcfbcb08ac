import asyncio
import csv
import socket


async def talk():
    left, right = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=left)
    right.sendall(b"hello\n")
    line = await reader.readline()
    writer.close()
    return line


assert asyncio.run(talk()) == b"hello\n"
try:
    socket.create_connection(("198.51.100.1", 443), timeout=1)
except OSError as error:
    print(f"no weights from the network: {error}; going on without")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
