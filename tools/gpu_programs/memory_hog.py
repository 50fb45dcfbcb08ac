"""Runs in a sandbox: takes all memory of its device, then sleeps until it is killed. Case 60 of the corpus."""

from __future__ import annotations

import ctypes
import json
import time

MIB = 1 << 20

cuda = ctypes.CDLL("libcuda.so.1")
context, taken, piece = ctypes.c_void_p(), 0, 4096
code = cuda.cuInit(0) or cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0)
while code == 0 and piece:
    memory = ctypes.c_uint64()
    if cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(piece * MIB)):
        piece //= 2
        continue
    taken += piece
    cuda.cuMemsetD8_v2(memory, ctypes.c_ubyte(1), ctypes.c_size_t(piece * MIB))
print(json.dumps({"code": code, "taken_mb": taken}), flush=True)
time.sleep(3600)
