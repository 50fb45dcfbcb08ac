"""Ridge regression with scikit-learn: a linear model that is punished for large weights.

With 248 patients and ten measurements, several of which say nearly the same, a plain linear fit trusts chance
too much. The penalty `alpha` curbs that; cross-validation finds out how large it should be.
"""

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

# --- 1. Read the data ------------------------------------------------------------------------------------
# `progression` is what is to be predicted; `id` says nothing about a patient.
train = pd.read_csv("/input/train.csv")
test = pd.read_csv("/input/test.csv")
features = [name for name in train.columns if name not in ("id", "progression")]
X, y = train[features], train["progression"]
print(f"{len(train)} patients to learn from, {len(test)} to predict", flush=True)
print(f"features: {', '.join(features)}", flush=True)

# --- 2. Candidates ---------------------------------------------------------------------------------------
# Scaling gives every measurement the same weight before the penalty is applied.
alphas = np.logspace(-1, 4, 40)
candidates = {
    "measurements as they are": make_pipeline(StandardScaler(), RidgeCV(alphas=alphas)),
    "measurements and their products": make_pipeline(
        StandardScaler(),
        PolynomialFeatures(degree=2, interaction_only=True, include_bias=False),
        StandardScaler(),
        RidgeCV(alphas=alphas),
    ),
}

# --- 3. Compare ------------------------------------------------------------------------------------------
# On patients the model has not seen: each fifth of the training data is held back once.
errors = {}
for name, model in candidates.items():
    scores = -cross_val_score(model, X, y, cv=5, scoring="neg_root_mean_squared_error")
    errors[name] = scores.mean()
    print(f"{name}: RMSE {scores.mean():.2f} ± {scores.std():.2f}", flush=True)
best = min(errors, key=errors.get)

# --- 4. Fit the better one to all training data, and predict ---------------------------------------------
model = candidates[best].fit(X, y)
print(f"taking {best}, alpha = {model[-1].alpha_:.3g}", flush=True)
submission = pd.DataFrame({"id": test["id"], "progression": model.predict(test[features]).round(2)})
submission.to_csv("/output/submission.csv", index=False)
print(f"wrote {len(submission)} predictions to /output/submission.csv", flush=True)
