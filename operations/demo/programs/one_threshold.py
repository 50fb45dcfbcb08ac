"""Large cells are suspicious: how often tumours above and below one radius were malignant."""

import pandas as pd

train = pd.read_csv("/input/train.csv")
test = pd.read_csv("/input/test.csv")
threshold = train["radius_worst"].median()
shares = train.groupby(train["radius_worst"] > threshold)["malignant"].mean()
print(f"radius above {threshold:.1f}: {shares[True]:.2f} malignant, else {shares[False]:.2f}")
predicted = (test["radius_worst"] > threshold).map(shares)
pd.DataFrame({"id": test["id"], "malignant": predicted}).to_csv("/output/submission.csv", index=False)
