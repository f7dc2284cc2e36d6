"""Sources of a configuration's secrets: secrets.yaml beside it, the environment, separate files."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.vocabulary import Secret
from gsm_meter_bridge.yaml_file import Tags, YamlDocument, YamlScalar, read_text, read_yaml
from gsm_meter_bridge.yaml_file.document import YamlMap

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}(?:_[A-Za-z0-9]{1,31}){1,7}")
"""What is certainly a name; in `!secret hunter2`, the text may be the secret itself."""
_LARGEST = 65_536


class Secrets:
    """The secrets that the configuration `file` can refer to, each as the text that is written."""

    def __init__(self, file: Path) -> None:
        self._folder = file.parent
        self._file = file.with_name("secrets.yaml")

    @property
    def tags(self) -> Tags:
        """The resolver of each tag's text; it raises ValueError with a sentence if the secret is missing."""
        return {"!secret": self._from_secrets, "!env": _from_env, "!file": self._from_file}

    @cached_property
    def _known(self) -> YamlDocument | str:
        """Return the document secrets.yaml, or why it cannot be used."""
        try:
            document = read_yaml(self._file)
        except ConfigError as error:
            return str(error)
        if document.faults:
            return document.sentence(document.faults[0])
        if not isinstance(document.root, YamlMap):
            return f"{document.source}: allowed: names and their secrets, each as name: secret"
        return document

    def _from_secrets(self, name: str) -> Secret:
        known = self._known
        if isinstance(known, str):
            raise ValueError(f"the secret {_shown(name)} is needed; {known}")
        found = known.root.get(name)
        if found is None:
            raise ValueError(f"{known.source}: has no secret named {_shown(name)}")
        if not isinstance(found, YamlScalar):
            line = known.line_of((name,))
            raise ValueError(
                f"{known.source}: line {line}: {_shown(name)} is a list or a map; allowed: a text"
            )
        return Secret(found.text)

    def _from_file(self, name: str) -> Secret:
        try:
            return Secret(read_text(self._folder / name, _LARGEST).strip())
        except ConfigError as error:
            raise ValueError(str(error)) from None


def _from_env(name: str) -> Secret:
    if name not in os.environ:
        raise ValueError(f"no variable {_shown(name)} in the environment")
    text = os.environ[name]
    if not text.isprintable():
        raise ValueError(f"the variable {_shown(name)} of the environment is no text in UTF-8")
    return Secret(text)


def _shown(name: str) -> str:
    """Return a name, or only its length if it does not look like one: it may be the secret itself."""
    return name if _NAME.fullmatch(name) else f"(a name of {len(name)} characters)"
