"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mexc_tui"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "pb" not in path.relative_to(PACKAGE).parts)

SUPERVISORS = {
    "mexc_tui/engine/supervisor.py": "ends the engine and says so",
    "mexc_tui/__main__.py": "one sentence and the log instead of a traceback",
    "mexc_tui/cli/main.py": "one sentence and the log instead of a traceback",
    "mexc_tui/domain/gate.py": "a control that throws refuses the order",
    "mexc_tui/store/journal.py": "records that make no sense are reported as damage; the journal's thread goes on",
    "mexc_tui/ui/frame_clock.py": "a pane that cannot draw is shown as broken; cancel and halt go on",
    "mexc_tui/venues/mexc/stream/link.py": "a connection that fails in any way is dialled again",
    "mexc_tui/venues/simulator/server/app.py": "a request that fails in any way is answered with MEXC's error 500",
}
"""Where everything may be caught, and what comes of it."""

LIMITS = {"function": (70, 110), "class": (400, 600), "file": (500, 750)}
"""Lines: what is printed as a smell, and what fails."""


def test_generated_stream_messages_are_those_of_the_schema(tmp_path):
    protoc = pytest.importorskip("grpc_tools.protoc")
    include = ["-I", str(ROOT / "proto")]
    code = protoc.main(["protoc", *include, f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", "push.proto"])
    assert code == 0
    for name in ("push_pb2.py", "push_pb2.pyi"):
        made = _without_version((tmp_path / name).read_text())
        kept = _without_version((PACKAGE / "wire/mexc/pb" / name).read_text())
        assert made == kept, f"{name} differs from proto/push.proto: run make proto"


def _without_version(text: str) -> list[str]:
    """Leave out what names the version of the generator."""
    dropped = ("# Protobuf Python Version", "    ", "_runtime_version", "from google.protobuf import runtime_version")
    return [line for line in text.splitlines() if not line.startswith(dropped)]


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("mexc_tui.domain.gate", ("textual", "rich", "aiohttp", "asyncio", "sqlite3")),
        ("mexc_tui.kernel.desk", ("textual", "rich", "aiohttp", "asyncio", "sqlite3")),
        ("mexc_tui.desk.plan", ("textual", "rich")),
        ("mexc_tui.venues.mexc.venue", ("textual", "rich")),
        ("mexc_tui.venues.simulator.server", ("textual", "rich")),
        ("mexc_tui.cli.main", ("textual", "rich", "aiohttp")),
    ],
)
def test_importing_a_room_does_not_load_what_lies_behind_its_walls(module, unwanted):
    code = f"import sys, {module}; print([name for name in {unwanted!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


MARKUP = {
    "notify",
    "highlight",
    "from_markup",
    "render_markup",
    "tooltip",
    "border_title",
    "border_subtitle",
    "TOOLTIP",
}
"""Names by which Textual reads a text as markup."""


def test_no_text_of_the_screen_is_read_as_markup():
    found = []
    for path in (one for one in SOURCES if "ui" in one.relative_to(PACKAGE).parts):
        for node in ast.walk(ast.parse(path.read_text())):
            named = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            shows = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Static", "Label")
            )
            plain = shows and any(one.arg == "markup" and ast.unparse(one.value) == "False" for one in node.keywords)
            if named in MARKUP or (shows and not plain):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found, f"read as markup: {found}; use markup=False, Content or rich.text.Text"


def test_everything_is_caught_only_by_supervisors():
    broad = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and not _raises_again(node):
                broad.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    others = [place for place in broad if place.rpartition(":")[0] not in SUPERVISORS]
    assert not others, f"caught everything outside a supervisor: {others}"


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in names)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


def test_size_is_a_smell():
    smells, failures = [], []
    for path in SOURCES:
        text = path.read_text()
        found = [("file", path.name, text.count("\n"))]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append(("function", node.name, (node.end_lineno or node.lineno) - node.lineno + 1))
            elif isinstance(node, ast.ClassDef):
                found.append(("class", node.name, (node.end_lineno or node.lineno) - node.lineno + 1))
        for kind, name, lines in found:
            smell, fail = LIMITS[kind]
            if lines > smell:
                smells.append(f"{path.relative_to(ROOT)}: {kind} {name} has {lines} lines")
            if lines > fail:
                failures.append(smells[-1])
    if smells:
        warnings.warn("larger than they should be:\n" + "\n".join(smells), stacklevel=1)
    assert not failures


def test_money_is_never_a_float_outside_drawing():
    places = []
    for path in SOURCES:
        room = path.relative_to(PACKAGE).parts[0]
        if room not in ("domain", "kernel", "store"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
                places.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not places, f"float() where money lives: {places}"


def test_nothing_that_is_committed_names_this_machine():
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, cwd=ROOT, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    unwanted = (b"/ro" + b"ot/", b"/ho" + b"me/", b"files.python" + b"hosted", b"pypi." + b"org")
    found = [
        name.decode()
        for name in listed.stdout.split(b"\0")
        if name
        and (ROOT / name.decode()).is_file()
        and any(word in (ROOT / name.decode()).read_bytes() for word in unwanted)
    ]
    assert not found
