"""Small disks of a test's own, mounted where the system allows it."""

import subprocess


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
