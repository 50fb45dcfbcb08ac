import json
import sys

output = {"output_type": "stream", "name": "stdout", "text": ""}
cell = {"cell_type": "code", "metadata": {}, "source": "1", "execution_count": 1, "outputs": [output]}
whole = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
before, after = whole.split('"text": ""')
sys.stdout.write(before + '"text": "')
for _ in range(200):
    sys.stdout.write("x" * (1 << 20))
sys.stdout.write('"' + after)
