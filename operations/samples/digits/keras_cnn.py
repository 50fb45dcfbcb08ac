"""A small convolutional network in Keras, on TensorFlow."""

import os

# Before TensorFlow is imported: keep its messages about the CPU and about oneDNN out of the log.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

EPOCHS = 20
BATCH = 64
VALIDATION = 500  # training images set aside to see how well the network does on images it never saw

# Podium says how many threads a run may use; more of them than cores only slow each other down.
threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.utils.set_random_seed(0)  # the same code gets the same score

# --- 1. Read the data ------------------------------------------------------------------------------------
# Images become an array of shape (number of images, 28, 28, 1 channel) with values 0..1.
train = pd.read_csv("/input/train.csv")
test = pd.read_csv("/input/test.csv")
pixels = [name for name in train.columns if name.startswith("pixel")]


def as_images(table):
    return table[pixels].to_numpy(dtype=np.float32).reshape(-1, 28, 28, 1) / 255


X, X_test, y = as_images(train), as_images(test), train["label"].to_numpy()
X_train, X_valid = X[VALIDATION:], X[:VALIDATION]  # the rows of train.csv are in random order already
y_train, y_valid = y[VALIDATION:], y[:VALIDATION]
print(
    f"{len(X_train)} images to learn from, TensorFlow {tf.__version__} with {threads} thread(s)", flush=True
)

# --- 2. The network --------------------------------------------------------------------------------------
# Two blocks of convolution and pooling find strokes and their combinations, two dense layers decide.
model = keras.Sequential(
    [
        keras.layers.Input((28, 28, 1)),
        # While learning only: moves each image by up to two pixels. Still the same digit, but a new image.
        keras.layers.RandomTranslation(2 / 28, 2 / 28, fill_mode="constant"),
        keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.3),  # switches off random neurons while learning
        keras.layers.Dense(10),  # one score per digit
    ]
)
steps = EPOCHS * -(-len(X_train) // BATCH)
model.compile(
    optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
print(f"{model.count_params():,} weights to learn", flush=True)


# --- 3. Learn --------------------------------------------------------------------------------------------
# Keras draws progress bars made for terminals; one line per epoch reads better in a log.
class OneLinePerEpoch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs):
        loss, accuracy = logs["loss"], logs["val_accuracy"]
        print(
            f"epoch {epoch + 1:2d}/{EPOCHS}  loss {loss:.4f}  validation accuracy {accuracy:.3f}", flush=True
        )


model.fit(
    X_train,
    y_train,
    epochs=EPOCHS,
    batch_size=BATCH,
    validation_data=(X_valid, y_valid),
    verbose=0,
    callbacks=[OneLinePerEpoch()],
)

# --- 4. Predict ------------------------------------------------------------------------------------------
# The digit with the highest score for every test image, one row per id.
scores = model.predict(X_test, batch_size=500, verbose=0)
submission = pd.DataFrame({"id": test["id"], "label": scores.argmax(axis=1)})
submission.to_csv("/output/submission.csv", index=False)
print(f"wrote {len(submission)} predictions to /output/submission.csv", flush=True)
