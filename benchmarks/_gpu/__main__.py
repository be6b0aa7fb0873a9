"""A measured process: a JSON task on standard input, its result on the last line."""

import json
import sys
import traceback

from _gpu.tasks import run

try:
    answer = {"result": run(json.load(sys.stdin))}
except Exception as error:  # a result too, for a row that says so
    traceback.print_exc()
    first_line = (str(error).splitlines() or [""])[0]
    answer = {"error": f"{type(error).__name__}: {first_line}"}
print("\n" + json.dumps(answer), flush=True)
