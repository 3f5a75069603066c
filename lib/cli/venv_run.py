"""Runs a program of .venv, shielded from the user's settings for Python, pip and Jupyter.

    .venv/bin/python -I -X utf8 venv_run.py MODULE ARGUMENT...
    .venv/bin/python -I -X utf8 venv_run.py FILE.py ARGUMENT...

-I and -X utf8 shield this process; the environment made here shields those that it starts, and keeps Jupyter inside
.venv. Of pip's settings, from its files and the environment, those remain that say how packages are reached.
"""

import ast
import os
import runpy
import subprocess
import sys

FOREIGN = ("PYTHON", "PIP_", "JUPYTER", "JPY_", "JP_", "IPYTHON", "VIRTUAL_ENV")

# How pip reaches packages; not which, how or where it installs.
PIP_SETTINGS = {
    *("index-url", "extra-index-url", "pypi-url", "no-index", "find-links", "only-binary", "prefer-binary"),
    *("proxy", "cert", "client-cert", "trusted-host", "keyring-provider", "use-feature", "use-deprecated"),
    *("timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir"),
}

# Where they stand; the later ones count.
SECTIONS = ("global", "install", ":env:")


def jupyter_environment():
    inside = lambda *names: os.path.join(sys.prefix, "user", *names)
    return {
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_DATA_DIR": inside("data"),
        "JUPYTER_CONFIG_DIR": inside("config"),
        "JUPYTER_RUNTIME_DIR": inside("runtime"),
        "IPYTHONDIR": inside("ipython"),
    }


def pip_environment(environment):
    """pip's settings as variables, in place of its files."""
    counted = {*PIP_SETTINGS, "config-file"}
    own = {name: value for name, value in os.environ.items() if setting_of(name) in counted}
    # Settings of `pip install` that `pip config` takes for its own: of whose files, how much to say, and which Python's.
    neutral = {f"PIP_{name}": "0" for name in ("USER", "GLOBAL", "SITE", "QUIET", "VERBOSE")}
    listing = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-m", "pip", "config", "list"],
        env={**environment, **own, **neutral, "PIP_PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    if listing.returncode != 0:
        sys.exit(listing.returncode)
    found = {}
    for line in listing.stdout.splitlines():
        key, is_setting, value = line.partition("=")
        section, _, name = key.rpartition(".")
        # Anything may have printed here; an empty value is none to pip.
        if is_setting and section in SECTIONS and name in PIP_SETTINGS and ast.literal_eval(value):
            found[section, name.replace("default-timeout", "timeout")] = ast.literal_eval(value)
    settings = {"timeout": "30", "retries": "2"}
    for section in SECTIONS:
        settings.update((name, value) for (where, name), value in found.items() if where == section)
    variables = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    return {**variables, "PIP_CONFIG_FILE": os.devnull}


def setting_of(variable):
    return variable[4:].lower().replace("_", "-") if variable.startswith("PIP_") else None


def main():
    program, *arguments = sys.argv[1:]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment.update(jupyter_environment())
    if program == "pip":
        environment.update(pip_environment(environment))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


main()
