import os

os.makedirs("/output/submission.csv/" + "/".join("d" * 100))
