"""A two-layer neural network in plain NumPy: forward pass, backward pass, gradient descent.

No framework does any of the learning here, so every step of it can be read, changed and understood.
Podium runs this file with the contest's data in /input (read-only) and collects /output/submission.csv.
"""

import time

import numpy as np
import pandas as pd

HIDDEN = 256  # neurons in the hidden layer
EPOCHS = 60  # passes over the training images
BATCH = 50  # images per step of gradient descent
LEARNING_RATE = 0.1
VALIDATION = 500  # training images set aside to see how well the network does on images it never saw

# A fixed seed makes the run repeatable: the same code gets the same score.
random = np.random.default_rng(0)

# --- 1. Read the data ------------------------------------------------------------------------------------
# Each row is one image: an id, 28 × 28 = 784 grey values and, in train.csv only, the digit.
train = pd.read_csv("/input/train.csv")
test = pd.read_csv("/input/test.csv")
pixels = [name for name in train.columns if name.startswith("pixel")]

# Grey values from 0..255 become 0..1: gradient descent likes small numbers of one size.
X = train[pixels].to_numpy(dtype=np.float32) / 255
y = train["label"].to_numpy()
X_test = test[pixels].to_numpy(dtype=np.float32) / 255

order = random.permutation(len(X))
X_valid, y_valid = X[order[:VALIDATION]], y[order[:VALIDATION]]
X_train, y_train = X[order[VALIDATION:]], y[order[VALIDATION:]]
print(
    f"{len(X_train)} images to learn from, {len(X_valid)} to check with, {len(X_test)} to predict", flush=True
)

# --- 2. The network --------------------------------------------------------------------------------------
# 784 pixels → 256 hidden neurons (ReLU) → 10 scores, one per digit.
# Random first weights, scaled by the number of inputs so that signals keep their size from layer to layer.
W1 = random.standard_normal((784, HIDDEN), dtype=np.float32) * np.sqrt(2 / 784, dtype=np.float32)
b1 = np.zeros(HIDDEN, dtype=np.float32)
W2 = random.standard_normal((HIDDEN, 10), dtype=np.float32) * np.sqrt(2 / HIDDEN, dtype=np.float32)
b2 = np.zeros(10, dtype=np.float32)


def forward(images):
    """From images to probabilities. The hidden layer comes back too: the backward pass needs it."""
    hidden = np.maximum(images @ W1 + b1, 0)  # ReLU: negative sums become 0
    scores = hidden @ W2 + b2
    # Softmax turns scores into probabilities. Subtracting the largest score first changes nothing
    # in exact arithmetic and keeps exp() from overflowing.
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, exponentials / exponentials.sum(axis=1, keepdims=True)


def backward(images, digits, hidden, probabilities):
    """Gradients of the mean cross-entropy loss, by the chain rule, from the output back to the input."""
    count = len(images)
    # The derivative of softmax and cross-entropy together is pleasantly simple: prediction − truth.
    d_scores = probabilities.copy()
    d_scores[np.arange(count), digits] -= 1
    d_scores /= count
    d_W2 = hidden.T @ d_scores
    d_b2 = d_scores.sum(axis=0)
    d_hidden = d_scores @ W2.T
    d_hidden[hidden == 0] = 0  # where ReLU was off, no gradient passes
    d_W1 = images.T @ d_hidden
    d_b1 = d_hidden.sum(axis=0)
    return d_W1, d_b1, d_W2, d_b2


def shifted(images):
    """The images moved by up to two pixels: still the same digits, but new to the network.

    The rim of the images is black, so rolling them around it loses nothing.
    """
    down, right = random.integers(-2, 3, size=2)
    return np.roll(images.reshape(-1, 28, 28), (down, right), axis=(1, 2)).reshape(-1, 784)


def accuracy(images, digits):
    _, probabilities = forward(images)
    return (probabilities.argmax(axis=1) == digits).mean()


# --- 3. Learn --------------------------------------------------------------------------------------------
# Walk down the slope of the loss, one small batch of images at a time.
started = time.perf_counter()
for epoch in range(1, EPOCHS + 1):
    rate = LEARNING_RATE if epoch <= 0.7 * EPOCHS else LEARNING_RATE / 5  # small steps at the end
    losses = []
    order = random.permutation(len(X_train))  # another order each time, so that batches differ
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        images, digits = shifted(X_train[chosen]), y_train[chosen]
        hidden, probabilities = forward(images)
        losses.append(-np.log(probabilities[np.arange(len(chosen)), digits] + 1e-9).mean())
        d_W1, d_b1, d_W2, d_b2 = backward(images, digits, hidden, probabilities)
        W1 -= rate * d_W1
        b1 -= rate * d_b1
        W2 -= rate * d_W2
        b2 -= rate * d_b2
    # What you print is shown live on the submission's page.
    print(
        f"epoch {epoch:2d}/{EPOCHS}  loss {np.mean(losses):.4f}  "
        f"validation accuracy {accuracy(X_valid, y_valid):.3f}  {time.perf_counter() - started:.1f} s",
        flush=True,
    )

# --- 4. Predict ------------------------------------------------------------------------------------------
# The digit with the highest probability for every test image, one row per id.
_, probabilities = forward(X_test)
submission = pd.DataFrame({"id": test["id"], "label": probabilities.argmax(axis=1)})
submission.to_csv("/output/submission.csv", index=False)
print(f"wrote {len(submission)} predictions to /output/submission.csv", flush=True)

# Ideas to do better: momentum, a third layer, images turned by a few degrees, the mean of several networks.
