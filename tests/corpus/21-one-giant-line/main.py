import os

os.write(1, b"x" * (64 << 10))
piece = b"BEYOND-THE-CAP " * (1 << 14)
while True:
    os.write(1, piece)
