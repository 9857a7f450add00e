# SPDX-License-Identifier: BSD-2-Clause
"""Install Debian's Chromium where there is none; `tox run -e browser` calls it."""

import os
import shutil
import subprocess

if __name__ == "__main__" and not shutil.which("chromium"):
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    subprocess.run([*sudo, "apt-get", "install", "-y", "chromium"], check=True)
