"""A script that fails on purpose: run it to see what Podium shows when your code has a mistake.

The log keeps everything that was printed and the traceback; its last line names the mistake. Failing costs
nothing but the attempt: fix the script and submit it again.
"""

import pandas as pd

train = pd.read_csv("/input/train.csv")
print(f"read {len(train)} training images", flush=True)
print(f"columns: {', '.join(train.columns[:3])}, …, {', '.join(train.columns[-2:])}", flush=True)

# The mistake: the digit stands in the column "label", not "lable". pandas raises KeyError: 'lable'.
digits = train["lable"]

print("most frequent digit:", digits.mode()[0])
