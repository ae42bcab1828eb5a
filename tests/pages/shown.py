"""A page run by Streamlit's AppTest, and words for what a person would see on it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1 import element_tree as tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESEARCH = "Research use only. Not for clinical decisions."
#: Names that must be shown as they are (faults A1, A2).
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    ":red[x]",
    "$x$",
    "![](http://evil/)",
)
SECONDS = 180
_TEXTS = (
    tree.Markdown, tree.Caption, tree.AlertBase, tree.HeadingBase, tree.Text, tree.Toast, tree.Code
)  # fmt: skip


class Shown:
    """One page in one session."""

    def __init__(self, at: AppTest) -> None:
        self.at = at

    @classmethod
    def open(cls, name: str, case: str | None = None, *, by_address: bool = False) -> Shown:
        """Run a page through app.py, with a case open in the session or named by the address."""
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
        if case is not None and by_address:
            at.query_params["case"] = case
        elif case is not None:
            at.session_state["case.id"] = case
        if name != "worklist":  # the default page has no name in its address
            at.switch_page(f"pages/{name}.py")
        return cls(at).run()

    def run(self) -> Shown:
        self.at.run()
        assert [e.value for e in self.at.exception] == []
        assert [e.value for e in self.at.error if "unexpected error" in str(e.value)] == []
        return self

    def go(self, name: str) -> Shown:
        """Change to another page in the same session."""
        self.at.switch_page(f"pages/{name}.py")
        return self.run()

    def widget(self, key: str) -> Any:
        """Return the widget whose key is `key` or starts with it."""
        for element in self.elements():
            if (getattr(element, "key", None) or "").startswith(key):
                return element
        raise AssertionError(f"no widget {key}; there are {self.keys()}")

    def has(self, key: str) -> bool:
        return any(k.startswith(key) for k in self.keys())

    def keys(self) -> list[str]:
        return [k for e in self.elements() if (k := getattr(e, "key", None))]

    def press(self, key: str) -> Shown:
        self.widget(key).click()
        return self.run()

    def choose(self, key: str, value: Any) -> Shown:
        self.widget(key).set_value(value)
        return self.run()

    def upload(self, key: str, *files: tuple[str, bytes, str]) -> Shown:
        self.widget(key).set_value(files[0] if len(files) == 1 else list(files))
        return self.run()

    def elements(self) -> Iterator[Any]:
        for block in self.at._tree.children.values():  # main, sidebar, and dialogs beside them
            yield from _walk(block)

    def interpreted(self) -> list[str]:
        """Return every text that the browser reads as Markdown: bodies, labels, help, options."""
        found = []
        for element in self.elements():
            if isinstance(element, _TEXTS):
                found.append(str(element.value))
            elif isinstance(element, tree.Metric):
                found += [element.label, str(element.value), str(element.delta)]
            for name in ("label", "help"):
                found.append(str(getattr(element, name, "") or ""))
            if isinstance(element, tree.ButtonGroup):
                found += [str(option) for option in element.options]
        return [text for text in found if text]

    def tables(self) -> list[Any]:
        """Return the data frames and static tables, as pandas has them."""
        return [e.value for e in self.elements() if isinstance(e, tree.Dataframe | tree.Table)]

    def table(self, *columns: str) -> Any:
        """Return the data frame that has these columns."""
        found = [t for t in self.tables() if set(columns) <= set(t.columns)]
        assert found, (
            f"no table with {columns}; there are {[list(t.columns) for t in self.tables()]}"
        )
        return found[0]

    def has_table(self, *columns: str) -> bool:
        return any(set(columns) <= set(t.columns) for t in self.tables())

    def words(self) -> str:
        """Return everything that the page says, drawings included, as one text."""
        parts = self.interpreted()
        for element in self.elements():
            if isinstance(element, tree.Dataframe | tree.Table):
                parts.append(element.value.to_csv(index=False))
            elif isinstance(element, tree.UnknownElement):
                parts.append(str(element.proto))
            elif isinstance(element, tree.Selectbox | tree.Multiselect):
                parts += [str(option) for option in element.options]
        return "\n".join(parts).replace("\\", "")


def _walk(node: Any) -> Iterator[Any]:
    if isinstance(node, tree.Block):
        for child in node.children.values():
            yield from _walk(child)
    else:
        yield node
