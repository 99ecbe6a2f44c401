from __future__ import annotations

import os
import tempfile

from runners.services.child_processes import python_module


def test_a_module_runs_in_a_session_of_its_own_and_reads_what_it_is_told(tmp_path, monkeypatch):
    (tmp_path / "noting.py").write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "Path(os.environ['NOTES']).write_text(f'{sys.stdin.read()} {os.getsid(0)} {sys.argv[1:]}')\n"
    )
    notes = tmp_path / "notes"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with tempfile.TemporaryFile() as told:
        told.write(b"hush")
        told.seek(0)
        child = python_module("noting", {"NOTES": str(notes)})(told)
    assert child.wait(60) == 0
    said, session, arguments = notes.read_text().split(maxsplit=2)
    assert (said, arguments) == ("hush", "[]")
    assert int(session) == child.pid != os.getsid(0)
