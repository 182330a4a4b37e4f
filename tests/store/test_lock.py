import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vlmeval.errors import JournalError
from vlmeval.store.lock import RunLock

HOLD = """
import sys
from pathlib import Path
from vlmeval.store.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_with_the_first_ones_name_and_free_when_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(JournalError, match=f"another run is writing here .process {holder.pid} on "):
            RunLock(tmp_path)
        holder.kill()
    RunLock(tmp_path).close()


def test_the_lock_is_exclusive_within_a_process_too(tmp_path: Path) -> None:
    with (
        RunLock(tmp_path / "run"),
        pytest.raises(JournalError, match=f"process {os.getpid()} on {socket.gethostname()}"),
    ):
        RunLock(tmp_path / "run")
    with RunLock(tmp_path / "run"):
        pass


def test_a_folder_that_cannot_be_made_is_a_journal_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be written"):
        RunLock(tmp_path / "file" / "run")
