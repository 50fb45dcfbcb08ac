"""A small convolutional network in PyTorch.

A convolution looks at the same 3 × 3 neighbourhood everywhere in the image, so a stroke learnt in one place is
recognised in every place: with only 3,500 images that is worth a lot.
"""

import os
import time

import numpy as np
import pandas as pd
import torch
from torch import nn

EPOCHS = 25
BATCH = 64
VALIDATION = 500

# Podium says how many threads a run may use; more of them than cores only slow each other down.
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.manual_seed(0)  # the same code gets the same score
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# --- 1. Read the data ------------------------------------------------------------------------------------
# Images become tensors of shape (number of images, 1 channel, 28, 28) with values 0..1.
train = pd.read_csv("/input/train.csv")
test = pd.read_csv("/input/test.csv")
pixels = [name for name in train.columns if name.startswith("pixel")]


def as_images(table):
    grey = table[pixels].to_numpy(dtype=np.float32) / 255
    return torch.from_numpy(grey).reshape(-1, 1, 28, 28).to(device)


X, X_test = as_images(train), as_images(test)
y = torch.tensor(train["label"].to_numpy(), dtype=torch.long, device=device)
order = torch.randperm(len(X)).to(device)
X_valid, y_valid = X[order[:VALIDATION]], y[order[:VALIDATION]]
X_train, y_train = X[order[VALIDATION:]], y[order[VALIDATION:]]
print(
    f"{len(X_train)} images to learn from, on {device} with {torch.get_num_threads()} thread(s)", flush=True
)

# --- 2. The network --------------------------------------------------------------------------------------
# Two blocks of convolution and pooling find strokes and their combinations, two linear layers decide.
model = nn.Sequential(
    nn.Conv2d(1, 16, kernel_size=3, padding=1),  # 28 × 28, 16 kinds of strokes
    nn.ReLU(),
    nn.MaxPool2d(2),  # 14 × 14: keeps what was found, forgets where exactly
    nn.Conv2d(16, 32, kernel_size=3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),  # 7 × 7
    nn.Flatten(),
    nn.Linear(32 * 7 * 7, 64),
    nn.ReLU(),
    nn.Dropout(0.3),  # switches off random neurons while learning, so that none is relied upon alone
    nn.Linear(64, 10),  # one score per digit
).to(device)

loss_of = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
steps = EPOCHS * -(-len(X_train) // BATCH)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
    optimizer, T_max=steps
)  # large steps first, small ones last


def shifted(images):
    """The images moved by up to two pixels: still the same digits, but new to the network."""
    down, right = torch.randint(-2, 3, (2,)).tolist()
    return torch.roll(images, (down, right), dims=(2, 3))


@torch.no_grad()
def predict(images):
    model.eval()  # dropout off
    return torch.cat([model(batch).argmax(dim=1) for batch in images.split(500)])


# --- 3. Learn --------------------------------------------------------------------------------------------
started = time.perf_counter()
for epoch in range(1, EPOCHS + 1):
    model.train()  # dropout on
    total = 0.0
    for chosen in torch.randperm(len(X_train)).to(device).split(BATCH):
        loss = loss_of(model(shifted(X_train[chosen])), y_train[chosen])
        optimizer.zero_grad()
        loss.backward()  # PyTorch works out the backward pass by itself
        optimizer.step()
        schedule.step()
        total += loss.item() * len(chosen)
    accuracy = (predict(X_valid) == y_valid).float().mean().item()
    # What you print is shown live on the submission's page.
    print(
        f"epoch {epoch:2d}/{EPOCHS}  loss {total / len(X_train):.4f}  validation accuracy {accuracy:.3f}  "
        f"{time.perf_counter() - started:.1f} s",
        flush=True,
    )

# --- 4. Predict ------------------------------------------------------------------------------------------
submission = pd.DataFrame({"id": test["id"], "label": predict(X_test).cpu().numpy()})
submission.to_csv("/output/submission.csv", index=False)
print(f"wrote {len(submission)} predictions to /output/submission.csv", flush=True)
