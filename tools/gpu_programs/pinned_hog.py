"""Runs in a sandbox: pins host memory through the driver until it is refused, as far as argument 1 (MB)."""

from __future__ import annotations

import ctypes
import json
import sys

PIECE_MB = 128

cuda = ctypes.CDLL("libcuda.so.1")
context, pinned = ctypes.c_void_p(), 0
code = cuda.cuInit(0) or cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0)
while code == 0 and pinned < int(sys.argv[1]):
    memory = ctypes.c_void_p()
    code = cuda.cuMemHostAlloc(ctypes.byref(memory), ctypes.c_size_t(PIECE_MB << 20), 0)
    if code == 0:
        ctypes.memset(memory, 1, PIECE_MB << 20)
        pinned += PIECE_MB
    print(json.dumps({"code": code, "pinned_mb": pinned}), flush=True)
