import concurrent.futures
import csv
import multiprocessing
import signal
import subprocess
import sys
import threading


def square(number):
    return number * number


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert sum(pool.map(square, range(100))) == 328_350
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(square, range(100))) == 328_350
    assert subprocess.run([sys.executable, "-c", "print(7)"], capture_output=True, text=True).stdout == "7\n"
    lock = threading.Lock()
    with lock:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("pools, threads and a child process", flush=True)

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
