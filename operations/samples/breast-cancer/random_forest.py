"""Random forest with scikit-learn: many decision trees, each grown on other tumours, vote on each probability.

A forest needs no scaling and finds by itself which measurements matter together. Its weak spot is this contest's
score: where all trees agree it says 0 or 1, and log loss punishes a certain mistake without mercy. Calibration
learns, on tumours a forest has not seen, how far its votes can be believed. Whether that is worth the tumours it
takes away from growing trees, cross-validation says.
"""

import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

# --- 1. Read the data ------------------------------------------------------------------------------------
# `malignant` is what is to be predicted, 1 or 0; `id` says nothing about a tumour.
train = pd.read_csv("/input/train.csv")
test = pd.read_csv("/input/test.csv")
features = [name for name in train.columns if name not in ("id", "malignant")]
X, y = train[features], train["malignant"]
print(f"{len(train)} tumours to learn from, {len(test)} to predict", flush=True)

# --- 2. Two candidates -----------------------------------------------------------------------------------
forest = RandomForestClassifier(n_estimators=150, min_samples_leaf=2, random_state=0)
candidates = {
    "votes as they are": forest,
    "calibrated votes": CalibratedClassifierCV(forest, method="sigmoid", cv=5),
}

# --- 3. Compare ------------------------------------------------------------------------------------------
# On tumours the model has not seen: each third of the training data is held back once.
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
losses = {}
for name, model in candidates.items():
    scores = -cross_val_score(model, X, y, cv=folds, scoring="neg_log_loss")
    losses[name] = scores.mean()
    print(f"{name}: log loss {scores.mean():.4f} ± {scores.std():.4f}", flush=True)
best = min(losses, key=losses.get)

# --- 4. Fit the better one to all training data, and predict ---------------------------------------------
model = candidates[best].fit(X, y)
probability = model.predict_proba(test[features])[:, 1].clip(0.001, 0.999)
print(f"taking {best}", flush=True)
submission = pd.DataFrame({"id": test["id"], "malignant": probability.round(5)})
submission.to_csv("/output/submission.csv", index=False)
print(f"wrote {len(submission)} predictions to /output/submission.csv", flush=True)
