"""Custom classifiers, as far as the embedded Glue has them: those of CSV files.

Keeps them as they were given, and reads them for a crawl. moto 5.2.5 has none.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, EmptyResult
from moto.glue.exceptions import AlreadyExistsException, EntityNotFoundException, InvalidInputException

from runners.local.crawlers.csv_files import LAZY, OPEN, QUOTE, UNKNOWN, Classifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KIND = "CsvClassifier"
_KNOWN = {
    "Name",
    "Delimiter",
    "QuoteSymbol",
    "ContainsHeader",
    "Header",
    "DisableValueTrimming",
    "AllowSingleColumn",
    "CustomDatatypeConfigured",
    "Serde",
}


class Classifiers:
    """The classifiers of all accounts and regions."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)

    def named(self, backend: Any, names: Sequence[str]) -> list[Classifier]:
        """Read the classifiers of these names; raises Glue's error if there is none of a name."""
        return [_classifier(self._find(backend, name)) for name in names]

    # Glue's API

    def create(self, response: Any) -> EmptyResult:
        """Answer ``CreateClassifier``."""
        asked = _asked("CreateClassifier", response.parameters)
        made = self._of(response.glue_backend)
        if asked["Name"] in made:
            raise AlreadyExistsException(f"Classifier {asked['Name']}")
        now = datetime.now(UTC)
        made[asked["Name"]] = {**asked, "CreationTime": now, "LastUpdated": now, "Version": 1}
        return EmptyResult()

    def update(self, response: Any) -> EmptyResult:
        """Answer ``UpdateClassifier``."""
        asked = _asked("UpdateClassifier", response.parameters)
        found = self._find(response.glue_backend, asked["Name"])
        found.update(asked, LastUpdated=datetime.now(UTC), Version=found["Version"] + 1)
        return EmptyResult()

    def get(self, response: Any) -> ActionResult:
        """Answer ``GetClassifier``."""
        return ActionResult({"Classifier": {KIND: self._find(response.glue_backend, response.parameters["Name"])}})

    def get_all(self, response: Any) -> ActionResult:
        """Answer ``GetClassifiers``."""
        return ActionResult({"Classifiers": [{KIND: found} for found in self._of(response.glue_backend).values()]})

    def delete(self, response: Any) -> EmptyResult:
        """Answer ``DeleteClassifier``."""
        name = response.parameters["Name"]
        self._find(response.glue_backend, name)
        del self._of(response.glue_backend)[name]
        return EmptyResult()

    def _of(self, backend: Any) -> dict[str, dict[str, Any]]:
        return self._made[backend.account_id, backend.region_name]

    def _find(self, backend: Any, name: str) -> dict[str, Any]:
        found = self._of(backend).get(name)
        if found is None:
            raise EntityNotFoundException(f"Classifier {name} not found.")
        return found


def _asked(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Read the one classifier of a request, and refuse what the embedded Glue does not know."""
    for kind in parameters.keys() - {KIND}:
        raise InvalidInputException(operation, f"the embedded Glue has CSV classifiers alone, and no {kind}")
    asked: dict[str, Any] = parameters.get(KIND) or {}
    if not asked.get("Name"):
        raise InvalidInputException(operation, f"{KIND} needs a Name")
    unknown = asked.keys() - _KNOWN
    if unknown or asked.get("CustomDatatypeConfigured"):
        names = ", ".join(sorted(unknown or {"CustomDatatypeConfigured"}))
        raise InvalidInputException(operation, f"the embedded Glue does not know {names} of a CSV classifier")
    if asked.get("Delimiter") and asked.get("Delimiter") == asked.get("QuoteSymbol", QUOTE):
        raise InvalidInputException(operation, "Delimiter and QuoteSymbol of a CSV classifier are the same")
    return asked


def _classifier(found: Mapping[str, Any]) -> Classifier:
    return Classifier(
        delimiter=found.get("Delimiter"),
        quote=found.get("QuoteSymbol") or QUOTE,
        header=found.get("ContainsHeader") or UNKNOWN,
        names=tuple(found.get("Header") or ()),
        single_column=bool(found.get("AllowSingleColumn")),
        serde=OPEN if found.get("Serde") == OPEN else LAZY,
    )
