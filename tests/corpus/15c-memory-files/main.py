import os

while True:
    file = os.memfd_create("hidden")
    os.write(file, bytes(1 << 20))
