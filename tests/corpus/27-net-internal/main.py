import csv
import glob
import socket
import sys

through = []


def denied(what, attempt):
    try:
        attempt()
    except OSError:
        return
    through.append(what)


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(0.2)
        attempt.connect(address)


def listening():
    """Ports that somebody listens on in this network: none but ours could be there."""
    found = set()
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = open(path).read().splitlines()[1:]
        except OSError:
            continue
        found |= {int(line.split()[1].rpartition(":")[2], 16) for line in lines if line.split()[3] == "0A"}
    return found


through += [f"somebody listens on {port}" for port in listening()]
through += [
    f"interface {name}" for _, name in socket.if_nameindex() if name not in ("lo", "tunl0", "sit0", "ip6tnl0")
]
for host in ("127.0.0.1", "169.254.169.254", "172.17.0.1", "10.0.0.1", "192.168.0.1", "100.100.100.200"):
    for port in (22, 80, 443, 2375, 5432, 6379, 8000):
        denied(f"{host}:{port}", lambda: connect(socket.AF_INET, (host, port)))
for host in ("::1", "fe80::1", "fd00::1", "2001:db8::1"):
    denied(host, lambda: connect(socket.AF_INET6, (host, 8000)))
for name in ("host.docker.internal", "redis", "metadata.google.internal"):
    denied(name, lambda: socket.getaddrinfo(name, 80))
for path in glob.glob("/run/**/*.sock", recursive=True) + glob.glob("/var/run/**/*.sock", recursive=True):
    denied(path, lambda: connect(socket.AF_UNIX, path))
if hasattr(socket, "AF_PACKET"):
    denied("a packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300).close())
if hasattr(socket, "AF_VSOCK"):
    denied("the hypervisor", lambda: connect(socket.AF_VSOCK, (2, 1024)))
denied("a raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close())
if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
