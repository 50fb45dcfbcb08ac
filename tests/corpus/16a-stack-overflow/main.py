import ctypes

libc = ctypes.CDLL(None)
# The pattern compiler of libc calls itself for each bracket, on the native stack.
libc.regcomp(ctypes.create_string_buffer(4096), b"(" * 5_000_000, 1)
