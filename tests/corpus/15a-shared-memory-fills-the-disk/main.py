piece = bytes(1 << 20)
with open("/dev/shm/a", "wb") as shm, open("/tmp/b", "wb") as tmp:
    while True:
        shm.write(piece)
        tmp.write(piece)
