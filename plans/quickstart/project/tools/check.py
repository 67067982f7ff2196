"""The gate: every source file can be parsed."""

import ast
import sys
from pathlib import Path

for path in sorted(Path("src").rglob("*.py")):
    try:
        ast.parse(path.read_text(), str(path))
    except SyntaxError as error:
        sys.exit(f"{error.filename}:{error.lineno}: {error.msg}")
print("all sources can be parsed")
