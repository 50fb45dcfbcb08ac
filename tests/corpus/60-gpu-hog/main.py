import ctypes
import sys
import time

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

kept, size = [], 1 << 30
while size >= 1 << 20:
    place = ctypes.c_uint64()
    if cuda.cuMemAlloc_v2(ctypes.byref(place), ctypes.c_size_t(size)):
        size //= 2
    else:
        kept.append(place)
print(f"holds {len(kept)} pieces of the device's memory", flush=True)
time.sleep(3600)
