"""The notebook driver: a program that runs beside the contestant's notebook, inside the same sandbox.

Theory of operation. A notebook is a RUN job like a script's; its program is this package, shipped as one zip
(`bundle`) beside `/submission/notebook.ipynb`. The driver throws away every output of the upload, starts a kernel on
Unix sockets below /tmp (the sandbox's network has not even a loopback), and runs one cell after the other. What the
cells print goes to stdout and so to the live log, with a line for each cell. Into /output go `notebook.ipynb` and
`notebook.html`, kept up to date while the notebook runs, so that a run that is killed leaves what it had; and
`notebook.json`, a few words about how far it came.

None of this is trusted: driver and notebook share a uid. The verdict comes from the exit status and the kernel's
counters, as for a script; what the files say is information, and the site reads them as a stranger's.
"""
