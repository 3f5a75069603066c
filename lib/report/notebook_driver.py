"""Executes one notebook in its kernel and renders it as HTML; lib/cli/notebooks.ts decides the rest.

Reads one JSON object in UTF-8 from stdin: the notebook, the title, the folder of the HTML template and, unless
the notebook's stored outputs are taken as they are, what to execute with: the folder to run in, the seconds a
cell may take. Writes JSON objects to stdout, one per line: progress ({"done", "total"}), then the result
({"notebook": text, "html": text}, or {"error": text} with the notebook as far as it came).
"""

import os
import sys

# The way out for these objects alone: what else prints, here or in the kernel, goes to stderr.
OUTPUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
# Ends what was printed before.
OUTPUT.write("\n")

import json
import re

import nbformat
from latex2mathml.converter import convert as mathml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter


def say(**message):
    print(json.dumps(message), file=OUTPUT, flush=True)


def execute(notebook, folder, timeout):
    """Runs the cells in place; returns what stopped it, or None."""
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    done = 0

    def executed(**_):
        nonlocal done
        done += 1
        say(done=done, total=total)

    client = NotebookClient(
        notebook,
        kernel_name="deno",
        timeout=timeout,
        # Times would make every execution a change to the file.
        record_timing=False,
        resources={"metadata": {"path": folder}},
        on_cell_executed=executed,
    )
    try:
        client.execute()
    except CellExecutionError:
        return None  # The cell's output says it.
    except CellTimeoutError:
        return f"code cell {done + 1} of {total} took longer than {timeout} s: raise --timeout"
    except DeadKernelError:
        return f"the kernel died in code cell {done + 1} of {total}: out of memory?"
    finally:
        # The kernel's version: a change to the file with every update of Deno.
        notebook.metadata.get("language_info", {}).pop("version", None)
    return None


def render(page, title, templates):
    """The notebook as one HTML page that loads nothing, what is tagged "answer" first; changes its cells."""
    page.cells = answer_first(page.cells)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    exporter = HTMLExporter(
        template_name="genac",
        extra_template_basedirs=[templates],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    html, _ = exporter.from_notebook_node(page, {"metadata": {"name": title}})
    return html


def answer_first(cells):
    """The title's cell, those tagged "answer", all others; the template puts the contents between."""
    first = [i for i, cell in enumerate(cells) if i == 0 or "answer" in cell.metadata.get("tags", [])]
    for i in first[-1:]:
        cells[i].metadata["contents_follow"] = True
    return [cells[i] for i in first] + [cell for i, cell in enumerate(cells) if i not in first]


def with_mathml(markdown):
    """Replaces $...$ and $$...$$ by MathML, which browsers show without a script."""
    pattern = r"(```.*?```|`[^`]*`)|\$\$(.+?)\$\$|(?<![\\\w$])\$(?=\S)([^$\n]+?)(?<=\S)\$(?![\w$])"

    def replace(match):
        code, display, inline = match.groups()
        if code:
            return code
        return mathml(display, display="block") if display else mathml(inline)

    return re.sub(pattern, replace, markdown, flags=re.DOTALL)


def main():
    task = json.load(sys.stdin.buffer)
    notebook = nbformat.reads(json.dumps(task["notebook"]), as_version=4)
    error = execute(notebook, **task["execute"]) if "execute" in task else None
    text = nbformat.writes(notebook)
    if error is not None:
        say(error=error, notebook=text)
        return
    # Of what was written, so that the page is the same whether its outputs were just made or stored.
    page = nbformat.reads(text, as_version=4)
    say(notebook=text, html=render(page, task["title"], task["templates"]))


if __name__ == "__main__":
    main()
