"""What the docs page shows works as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[3] / "adapters" / "event_store_dynamodb" / "README.md"


def test_the_example_of_the_docs_page_runs_with_the_folder_alone(
    env: dict[str, str], tmp_path: Path
) -> None:
    example = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert example is not None
    shutil.copytree(README.parent, tmp_path / "event_store_dynamodb")
    program = tmp_path / "dogs.py"
    alone = "import sys\nassert not {'adapters', 'domain'} & set(sys.modules)\n"
    program.write_text(example.group(1) + alone)
    ran = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, **env, "PERSISTENCE_MODULE": "event_store_dynamodb"},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.stdout.splitlines(), ran.stderr) == (["[1, 2]", "__main__:Dog.Registered"], "")


def test_every_setting_and_error_is_in_the_docs_page() -> None:
    text = README.read_text()
    source = "".join(p.read_text() for p in README.parent.glob("*.py"))
    for setting in set(re.findall(r'"(DYNAMODB_\w+|CREATE_TABLE)"', source)):
        assert f"`{setting}`" in text
    errors = re.findall(
        r"^class (\w+)\((?:\w*Error)\)", (README.parent / "errors.py").read_text(), re.MULTILINE
    )
    assert len(errors) > 10
    for error in errors:
        assert f"`{error}`" in text
