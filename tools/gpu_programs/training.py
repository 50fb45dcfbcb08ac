"""Runs in a sandbox: trains a small network on its device for argument 1 seconds and says how fast. Needs torch."""

from __future__ import annotations

import json
import pathlib
import site
import sys
import time

for folder in sorted(pathlib.Path("/input").glob("packages*")):
    site.addsitedir(str(folder))

import torch  # noqa: E402 - it may lie in one of those
from torch import nn  # noqa: E402

begun = time.monotonic()
told = {"torch": torch.__version__, "cuda": torch.version.cuda, "devices": torch.cuda.device_count()}
if not torch.cuda.is_available():
    print(json.dumps(told | {"error": "torch sees no device"}), flush=True)
    sys.exit(1)
told["name"] = torch.cuda.get_device_name(0)
torch.manual_seed(0)
x = torch.randn(50_000, 256, device="cuda")
y = (x[:, :16].sum(1) > 0).long()
model = nn.Sequential(
    nn.Linear(256, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 2)
).cuda()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
torch.cuda.synchronize()
told["ready_s"] = round(time.monotonic() - begun, 2)
steps, started = 0, time.monotonic()
while time.monotonic() - started < float(sys.argv[1]):
    rows = torch.randint(0, len(x), (4096,), device="cuda")
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    steps += 1
    if steps % 50 == 0:
        torch.cuda.synchronize()
torch.cuda.synchronize()
told["steps_per_s"] = round(steps / (time.monotonic() - started), 1)
with torch.no_grad():
    told["accuracy"] = round(float((model(x[:10_000]).argmax(1) == y[:10_000]).float().mean()), 4)
# Pinned memory and a copy beside the computation: what a DataLoader with pin_memory does.
host = torch.empty(64 << 20, dtype=torch.uint8, pin_memory=True)
host.to("cuda", non_blocking=True)
torch.cuda.synchronize()
told["peak_mb"] = torch.cuda.max_memory_reserved() >> 20
print(json.dumps(told), flush=True)
with open("submission.csv", "w", encoding="ascii") as file:
    file.write("id,target\n1,1\n")
