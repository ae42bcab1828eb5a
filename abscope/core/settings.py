"""Settings from the environment, read once at the edge of the program."""

from __future__ import annotations

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where data lives and how the program is reached.

    Parameters
    ----------
    home : pathlib.Path
        Folder of the archive (``ABSCOPE_HOME``); created when missing.
    database_url : str
        SQLAlchemy address (``ABSCOPE_DATABASE_URL``); SQLite inside `home` by default.
    """

    home: pathlib.Path
    database_url: str

    @classmethod
    def from_environment(cls) -> Settings:
        """Read ``ABSCOPE_HOME`` and ``ABSCOPE_DATABASE_URL``."""
        default = pathlib.Path(
            os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local" / "share"
        )
        home = pathlib.Path(os.environ.get("ABSCOPE_HOME") or default / "abscope").expanduser()
        url = os.environ.get("ABSCOPE_DATABASE_URL") or f"sqlite:///{home / 'abscope.sqlite'}"
        return cls(home=home, database_url=url)

    def prepared(self) -> Settings:
        """Create the folder of the archive, readable by its owner only, and return self."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self
