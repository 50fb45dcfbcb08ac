import os

for target in ("/input/solution.csv", "../../solution.csv", "/etc/passwd"):
    if os.path.lexists("/output/submission.csv"):
        os.remove("/output/submission.csv")
    os.symlink(target, "/output/submission.csv")
