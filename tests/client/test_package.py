"""The client is a distribution of its own: it installs alone, and what its README shows runs."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

from store.keys import create_key
from tests.api.service import Service, change, journal, serve

CLIENT = Path(__file__).parents[2] / "client"
OURS = ("alerts", "app", "ingest", "model", "store", "fastapi", "numpy", "asyncpg", "pydantic", "msgspec")


def test_it_installs_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(CLIENT, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-build-isolation", "--no-index", "--target", str(target), str(source)]  # fmt: skip
    subprocess.run(command, check=True, timeout=120, cwd=tmp_path)
    assert (target / "lifeline_client" / "py.typed").exists()
    script = (
        f"import sys; sys.path.insert(0, {str(target)!r}); import lifeline_client;"
        f" assert lifeline_client.__file__.startswith({str(target)!r});"
        f" print([name for name in {OURS!r} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert found.stdout.strip() == "[]"


def test_the_examples_of_the_readme_run(database_url: str) -> None:
    examples = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    assert len(examples) == 4
    outputs: list[str] = []

    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        key = await create_key(service.pool, role="operator", areas=["*"], label="example")
        for example in examples:
            script = f"ADDRESS, KEY = {service.address!r}, {key!r}\n{example}"
            run = await asyncio.create_subprocess_exec(
                sys.executable, "-c", script, env={"PYTHONPATH": str(CLIENT)},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            said, errors = await asyncio.wait_for(run.communicate(), 60)
            assert run.returncode == 0, errors.decode()
            outputs.append(said.decode())

    serve(database_url, scenario)
    near, followed, exported, wrong = outputs
    assert near.splitlines()[0].startswith("GAS-1 None")
    assert followed == "1\n"
    assert "acknowledged" in exported
    assert "nobody" in wrong
    assert "422 limit" in wrong
