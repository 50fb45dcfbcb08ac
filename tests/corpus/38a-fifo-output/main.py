import os

os.mkfifo("/output/submission.csv")
