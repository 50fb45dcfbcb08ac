"""Runs in a sandbox: what CUDA's driver library says there, as one line of JSON. Exit status 0 if it works."""

from __future__ import annotations

import ctypes
import glob
import json
import os
import sys
from typing import Any

MIB = 1 << 20


def look() -> dict[str, Any]:
    found: dict[str, Any] = {
        "nodes": sorted(glob.glob("/dev/nvidia*") + glob.glob("/dev/nvidia-caps/*")),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return found | {"error": f"libcuda: {error}"}
    if code := cuda.cuInit(0):
        return found | {"error": f"cuInit answers {code}"}
    count = ctypes.c_int()
    cuda.cuDeviceGetCount(ctypes.byref(count))
    return found | {"count": count.value} | (use(cuda) if count.value else {"error": "no device"})


def use(cuda: Any) -> dict[str, Any]:
    """Write a device's memory and read it back."""
    name = ctypes.create_string_buffer(100)
    device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    back = (ctypes.c_ubyte * MIB)()
    steps = (
        ("cuDeviceGet", lambda: cuda.cuDeviceGet(ctypes.byref(device), 0)),
        ("cuDeviceGetName", lambda: cuda.cuDeviceGetName(name, 100, device)),
        ("cuCtxCreate", lambda: cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device)),
        ("cuMemAlloc", lambda: cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(MIB))),
        ("cuMemsetD8", lambda: cuda.cuMemsetD8_v2(memory, ctypes.c_ubyte(7), ctypes.c_size_t(MIB))),
        ("cuMemcpyDtoH", lambda: cuda.cuMemcpyDtoH_v2(back, memory, ctypes.c_size_t(MIB))),
    )
    for step, call in steps:
        if code := call():
            return {"error": f"{step} answers {code}"}
    return {"name": name.value.decode(), "works": bytes(back) == b"\x07" * MIB}


if __name__ == "__main__":
    result = look()
    print(json.dumps(result), flush=True)
    with open("submission.csv", "w", encoding="ascii") as file:
        file.write("id,target\n1,1\n")
    sys.exit(0 if result.get("works") else 1)
