import os
import signal

worker = os.fork()
if worker == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
os.waitpid(worker, 0)
