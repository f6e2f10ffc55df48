"""The modules of the canvas as one script: each import is met, and no name is declared twice."""

from __future__ import annotations

import re

from inspector.view.canvas import web_module

TOP_LEVEL = re.compile(r"^(?:export )?(?:class|function|const|let) (\w+)", re.MULTILINE)
IMPORTED = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)


def text_of(module: str) -> str:
    return (web_module.SCRIPTS / f"{module}.js").read_text(encoding="utf-8")


def test_every_file_is_in_the_script() -> None:
    assert {path.stem for path in web_module.SCRIPTS.glob("*.js")} == set(web_module.MODULES)


def test_what_a_module_imports_stands_before_it() -> None:
    exported: dict[str, set[str]] = {}
    for module in web_module.MODULES:
        text = text_of(module)
        for names, source in IMPORTED.findall(text):
            assert {name.strip() for name in names.split(",")} <= exported[source]
        assert len(IMPORTED.findall(text)) == len(re.findall(r"^import\b", text, re.MULTILINE))
        exported[module] = set(re.findall(r"^export (?:class|function) (\w+)", text, re.MULTILINE))


def test_the_script_is_one_module_with_one_export() -> None:
    script = web_module.script()
    assert re.findall(r"^(?:import|export)\b.*", script, re.MULTILINE) == [
        "export default function ({ data, parentElement, setStateValue, setTriggerValue }) {"
    ]
    names = TOP_LEVEL.findall(script)
    assert "GraphCanvas" in names
    assert len(names) == len(set(names))


def test_the_script_needs_no_right_to_run_text_as_code() -> None:
    """A content security policy without ``unsafe-eval`` and ``unsafe-inline`` lets it run."""
    script = web_module.script()
    assert not re.search(
        r"\beval\(|new Function|innerHTML|outerHTML|setAttribute\(\"(style|on)", script
    )
