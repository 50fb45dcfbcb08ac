import threading

forever = threading.Event()
for _ in range(100_000):
    threading.Thread(target=forever.wait, daemon=True).start()
