"""Scenarios of a Node.js client, each run in a process of its own against the running sandbox."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LONGEST_RUN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class NodeClient:
    """The scenarios in one folder beside this file; `environment` tells them where the sandbox is."""

    folder: str
    environment: Mapping[str, str] = field(repr=False)

    def run(self, scenario: str, /, **arguments: object) -> Any:
        """What the scenario ("file.function") gave back; a failing one shows what its client said."""
        outcome = self._outcome(scenario, arguments)
        assert "result" in outcome, f"{scenario} failed: {json.dumps(outcome['error'], indent=1)}"
        return outcome["result"]

    def refused(self, scenario: str, /, **arguments: object) -> Any:
        """The error that the scenario's client threw: status, code and message."""
        outcome = self._outcome(scenario, arguments)
        assert "error" in outcome, f"{scenario} was not refused: {json.dumps(outcome['result'], indent=1)}"
        return outcome["error"]

    def _outcome(self, scenario: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        file, _, name = scenario.partition(".")
        command = ["node", str(FOLDER / "run.mjs"), f"{self.folder}/{file}", name, json.dumps(arguments)]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=LONGEST_RUN_SECONDS, check=False, env=self._clean()
        )
        assert done.returncode == 0, f"{scenario} ended with {done.returncode}:\n{done.stderr}"
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome

    def _clean(self) -> dict[str, str]:
        """Without a proxy, which clients of this kind would use even for this machine's own addresses."""
        inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return inherited | dict(self.environment)


def lacks(package: str) -> str | None:
    """What is missing to run scenarios of an npm package, or None."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (FOLDER / "node_modules" / package).is_dir():
        return f"the npm package {package} is not installed; `poe strangers` installs it"
    return None
