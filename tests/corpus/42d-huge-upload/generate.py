import sys

piece = b"r000,0\n" * (1 << 17)
sys.stdout.buffer.write(b"id,target\n")
for _ in range(500):
    sys.stdout.buffer.write(piece)
