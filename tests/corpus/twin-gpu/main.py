import csv
import ctypes
import sys

cuda = ctypes.CDLL("libcuda.so.1")


def call(name, *arguments):
    code = getattr(cuda, name)(*arguments)
    if code:
        sys.exit(f"{name}: {code}")


def count():
    found = ctypes.c_int()
    call("cuDeviceGetCount", ctypes.byref(found))
    return found.value


call("cuInit", 0)
if count() != 1:
    sys.exit(f"{count()} devices are seen, not 1")
device, context = ctypes.c_int(), ctypes.c_void_p()
call("cuDeviceGet", ctypes.byref(device), 0)
call("cuCtxCreate_v2", ctypes.byref(context), 0, device)

free, total = ctypes.c_size_t(), ctypes.c_size_t()
call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
if free.value < 0.9 * total.value:
    sys.exit(f"only {free.value >> 20} of {total.value >> 20} MB are free")
place = ctypes.c_uint64()
call("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(int(free.value * 0.8)))
call("cuMemsetD8_v2", place, ctypes.c_ubyte(7), ctypes.c_size_t(1 << 20))

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
