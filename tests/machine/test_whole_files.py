"""Files are whole or not there, whoever writes at the same time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from machine.whole_files import put


def test_two_who_write_one_file_leave_one_of_their_files(tmp_path: Path) -> None:
    path, contents = tmp_path / "new" / "file", [bytes([number]) * 10_000 for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: put(path, content), contents))
    assert path.read_bytes() in contents
    assert list(path.parent.iterdir()) == [path]
